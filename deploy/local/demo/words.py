"""Words in English and Chinese, and which of them somebody reads."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

_TERM: Final = re.compile(r" \([^()]*[\u4e00-\u9fff][^()]*\)")


class Words(NamedTuple):
    """The same in English and in Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Language:
    """What is read: Chinese, English with the Chinese terms beside it, or English alone where there are no such signs.

    Called with words, it says what stands there.
    """

    chinese: bool = False
    terms: bool = True

    @classmethod
    def of(cls, environment: Mapping[str, str], encoding: str) -> Self:
        """Return what the environment's locale asks for, as far as the terminal's encoding can show it."""
        locale = next((said for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (said := environment.get(name))), "")
        shown = _can_show(encoding, "民办")
        return cls(chinese=shown and locale.lower().startswith("zh"), terms=shown)

    @property
    def locale(self) -> str:
        """What the API calls it."""
        return "zh-CN" if self.chinese else "en"

    def __call__(self, words: Words) -> str:
        """Return words as they are read."""
        if self.chinese:
            return words.zh
        return f"{words.en} {words.zh}" if self.terms and words.zh != words.en else words.en

    def plain(self, words: Words) -> str:
        """Return words in one language alone: for sentences, whose English has the terms in it, in brackets."""
        if self.chinese:
            return words.zh
        return words.en if self.terms else _TERM.sub("", words.en)


def here(encoding: str) -> Language:
    """Return what is read in this process's environment."""
    return Language.of(os.environ, encoding)


def _can_show(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
