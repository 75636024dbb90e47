"""Text that people send: lengths, characters, and personal data that must not travel in it.

What is kept is what was sent, code point by code point: nothing is normalised, no line end is changed. Two things are
not part of a text: white space around it (what `str.strip` takes away), and a text in which there is nothing to see
counts as none. A limit counts Unicode code points of what is kept, so a rare character counts once, an emoji that is
joined of several as many, and a letter with marks on it as letter and marks.
"""

import re
import unicodedata
from typing import Final

from services.kernel.errors import InvalidInput

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
# Controls but for tabs and line ends; and what turns the order around, so that people read something else than is kept.
_HIDING: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Fillers and joiners that are letters or marks by category, and blank all the same.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    *map(chr, range(0xFE00, 0xFE10)),  # variation selectors
    *map(chr, range(0xE0100, 0xE01F0)),
}

# Where the ways to write a digit lie that people use: full width, circled, of other scripts, of mathematics.
_DIGITS: Final = (range(0x80, 0x10000), range(0x1D7CE, 0x1D800))


def _plain(character: str) -> str | None:
    """Return what a digit, a sign or a space is to people, however an input method writes it."""
    match unicodedata.category(character):
        case "Pd":
            return "-"
        case "Zs" | "Cf":
            return " "
        case _:
            value = unicodedata.digit(character, None)
            return None if value is None else str(value)


_NARROW: Final = str.maketrans(
    {c: plain for places in _DIGITS for c in map(chr, places) if (plain := _plain(c)) is not None}
    | dict(zip("·．（）＋Ｘｘ＠−", "..()+Xx@-", strict=True))
)
_GAP: Final = "[ .-]{0,3}"
IDENTITY: Final = re.compile(rf"(?<![0-9])[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx](?![0-9])")
CARD: Final = re.compile(rf"(?<![0-9])[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3}}(?:{_GAP}[0-9]{{1,3}})?(?![0-9])")
_COUNTRY: Final = rf"(?:\+|00)?86{_GAP}"
MOBILE: Final = re.compile(rf"(?<![0-9])(?:{_COUNTRY})?1{_GAP}[3-9](?:{_GAP}[0-9]){{9}}(?![0-9])")
LANDLINE: Final = re.compile(
    rf"(?<![0-9])(?:{_COUNTRY}\(?0?|\(?0)[1-9][0-9]{{1,2}}\)?{_GAP}[2-9][0-9]{{2,3}}{_GAP}[0-9]{{4}}(?![0-9])"
)
# Bounded, as addresses are: otherwise a long text without any would be read anew from each of its characters.
MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
NUMBERS: Final = (IDENTITY, CARD, MOBILE, LANDLINE, MAIL)


def narrow(text: str) -> str:
    """Return a text with full-width digits and signs as plain ones, character for character."""
    return text.translate(_NARROW)


def storable(value: str, field: str) -> None:
    """Refuse what neither a column nor an event can hold.

    :raises InvalidInput: the character U+0000, or half of a surrogate pair.
    """
    if (found := _UNSTORABLE.search(value)) is not None:
        what = "no character of any text" if found[0] == "\0" else "half of a surrogate pair"
        raise InvalidInput(field, f"{field} contains U+{ord(found[0]):04X}, which is {what}; write it without.")


def required(value: str, field: str, *, longest: int) -> str:
    """Return a text as it is kept.

    :raises InvalidInput: empty, longer than `longest` characters, or with characters that no reader could see through.
    """
    text = optional(value, field, longest=longest)
    if not text:
        raise InvalidInput(field, f"{field} must not be empty.")
    return text


def optional(value: str | None, field: str, *, longest: int) -> str:
    """Return a text as it is kept, empty if there is none; else like `required`."""
    text = (value or "").strip()
    if len(text) > longest:
        raise InvalidInput(field, f"{field} has {len(text)} characters; at most {longest} are possible.")
    storable(text, field)
    if (found := _HIDING.search(text)) is not None:
        raise InvalidInput(field, f"{field} contains the control character U+{ord(found[0]):04X}; write it without.")
    return text if any(_shows(c) for c in text) else ""


def _shows(character: str) -> bool:
    return unicodedata.category(character) not in {"Cf", "Cc", "Zs", "Zl", "Zp"} and character not in _BLANK


def without_numbers(value: str, field: str) -> str:
    """Return a text that other services may see.

    :raises InvalidInput: it contains a phone, identity or card number, or a mail address (domain.md, Personal data).
    """
    if any(pattern.search(narrow(value)) for pattern in NUMBERS):
        raise InvalidInput(
            field,
            f"{field} seems to contain a phone or identity number, or a mail address; write it without: it is read by "
            "many.",
        )
    return value
