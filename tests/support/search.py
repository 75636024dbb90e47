"""Searching bytes for what was planted, in whatever notation it may have been written down."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")
_HEX: Final = re.compile(r"(?:\\{1,2}x)((?:[0-9a-fA-F]{2}){4,})")
_BASE64: Final = re.compile(r"[A-Za-z0-9_+/-]{16,}={0,2}")
# What people put between the digits of one number, and nothing that stands between two.
_BETWEEN: Final = re.compile(r"(?<=\d)[\s.\-()·•–—_/+]{1,3}(?=\d)")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")


def plain(text: str) -> str:
    """Return a text in which a number is its digits, however it was written, and letters have one case and width."""
    narrow = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return _BETWEEN.sub("", narrow)


def readings(found: bytes) -> Iterator[str]:
    """Yield everything that bytes can be read as: text, with escapes undone, and what is encoded in them."""
    text = found.decode("utf-8", errors="replace")
    yield text
    if "\\u" in text:
        yield _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    if "%" in text:
        yield unquote(text)
    for match in _HEX.finditer(text):
        yield bytes.fromhex(match[1]).decode("utf-8", errors="replace")
    for match in _BASE64.finditer(text):
        try:
            whole = match[0].rstrip("=")
            inner = base64.b64decode(whole + "=" * (-len(whole) % 4), altchars=b"-_").decode("utf-8")
        except (binascii.Error, ValueError):
            continue
        yield inner


@dataclass(frozen=True)
class Search:
    """What is searched for: each thing by the name that tells where it was planted."""

    planted: Mapping[str, str]

    def hits(self, places: Iterable[tuple[str, bytes]]) -> set[tuple[str, str]]:
        """Return what was found, and where."""
        wanted = {name: plain(value) for name, value in self.planted.items()}
        found: set[tuple[str, str]] = set()
        for place, content in places:
            for text in map(plain, readings(content)):
                found |= {(name, place) for name, value in wanted.items() if value in text}
        return found
