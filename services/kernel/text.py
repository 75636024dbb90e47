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
_GAP: Final = "[ .-]{0,4}"
# What stands between two numbers as well as in one: it separates digits only where their groups are a number's own.
_BREAK: Final = r"[ .\-()、，,/／_＿~～:：•‧・|\t\r\n]{1,5}"
_HAN_DIGIT: Final = "零〇○一二三四五六七八九幺壹贰貳叁參肆伍陆陸柒捌玖"
_ANY_DIGIT: Final = f"[0-9OoＯｏIl{_HAN_DIGIT}]"
_ONE: Final = "[1lI一幺壹]"
_HAN_THREE_TO_NINE: Final = "三四五六七八九叁參肆伍陆陸柒捌玖"
# A list of rooms or of prices can have a number's groups.
_COUNTS_NOTHING: Final = "(?! {0,2}(?:号(?!码)|[元块室栋幢楼层户房米平㎡万亿吨]))"


def _grouped(digit: str, *groupings: tuple[int, ...]) -> str:
    """Return the pattern of digits in one of several groupings, with a break between two groups."""
    return "|".join(_BREAK.join(f"{digit}{{{size}}}" for size in grouping) for grouping in groupings)


_IN_GROUPS: Final = ((3, 4, 4), (3, 8), (7, 4), (4, 7), (5, 6), (6, 5), (1,) * 11)
IDENTITY: Final = re.compile(
    rf"(?<![0-9])[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx](?![0-9])"
    rf"|(?<![0-9])[1-9][0-9]{{5}}{_BREAK}(?:19|20)[0-9]{{2}}(?:{_BREAK})?[0-9]{{4}}{_BREAK}[0-9]{{3}}[0-9Xx](?![0-9])"
)
# As given out until 1999: province, place, day of birth with two digits of the year, and three digits more.
_PROVINCE: Final = "(?:1{0}[1-5]|2{0}[1-3]|3{0}[1-7]|4{0}[1-6]|5{0}[0-4]|6{0}[1-5]|7{0}1|8{0}[1-3])"
_MONTH_AND_DAY: Final = "(?:0{0}[1-9]|1{0}[0-2]){0}(?:0{0}[1-9]|[12]{0}[0-9]|3{0}[01])"
OLD_IDENTITY: Final = re.compile(
    rf"(?<![0-9]){_PROVINCE.format(_GAP)}(?:{_GAP}[0-9]){{6}}{_GAP}{_MONTH_AND_DAY.format(_GAP)}(?:{_GAP}[0-9]){{3}}"
    rf"(?![0-9])|(?<![0-9]){_PROVINCE.format('')}[0-9]{{4}}{_BREAK}[0-9]{{2}}{_MONTH_AND_DAY.format('')}{_BREAK}"
    r"[0-9]{3}(?![0-9])"
)
CARD: Final = re.compile(rf"(?<![0-9])[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3}}(?:{_GAP}[0-9]{{1,3}})?(?![0-9])")
_COUNTRY: Final = rf"(?:\+|00)?86{_GAP}"
MOBILE: Final = re.compile(rf"(?<![0-9])(?:{_COUNTRY})?1{_GAP}[3-9](?:{_GAP}[0-9]){{9}}(?![0-9])")
MOBILE_IN_GROUPS: Final = re.compile(
    rf"(?<![0-9])(?:(?:\+|00)?86{_BREAK})?(?:\((?=[0-9]{{3,7}}\)))?(?=1[^3-9]{{0,5}}[3-9])"
    rf"(?:{_grouped('[0-9]', *_IN_GROUPS)})(?![0-9]){_COUNTS_NOTHING}"
)
_TO_THEN: Final = "[:：,，是为号码我的 ]{0,6}"
MOBILE_INTRODUCED: Final = re.compile(
    rf"(?:电话|手机|微信|号码|联系|拨打|来电|致电|(?i:phone|mobile|tel|call)){_TO_THEN}"
    rf"((?:(?:\+|00)?86(?:{_BREAK})?)?1(?:{_BREAK})?[3-9](?:(?:{_BREAK})?[0-9]){{9}})(?![0-9])"
)
# Letters in place of one and zero, and numerals in words' place, alone or among digits.
MOBILE_IN_LETTERS: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?={_ONE}[3-9{_HAN_THREE_TO_NINE}])(?:{_grouped(_ANY_DIGIT, (11,), (3, 4, 4), (3, 8), (7, 4))})"
    rf"(?![0-9A-Za-z{_HAN_DIGIT}十百千]){_COUNTS_NOTHING}"
    rf"|[一幺壹](?:{_BREAK})?[{_HAN_THREE_TO_NINE}](?:(?:{_BREAK})?[{_HAN_DIGIT}]){{9}}"
    rf"(?![{_HAN_DIGIT}十百千])"
)
LANDLINE: Final = re.compile(
    rf"(?<![0-9])(?:{_COUNTRY}\(?0?|\(?0)[1-9][0-9]{{1,2}}\)?{_GAP}[2-9][0-9]{{2,3}}{_GAP}[0-9]{{4}}(?![0-9])"
    rf"|(?<![0-9])(?:\+86{_BREAK})?\(?0[1-9][0-9]{{1,2}}{_BREAK}[2-9][0-9]{{2,3}}(?:{_BREAK})?[0-9]{{4}}(?![0-9])"
)
# Bounded, as addresses are: otherwise a long text without any would be read anew from each of its characters.
MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
IDENTITIES: Final = (IDENTITY, CARD, OLD_IDENTITY)
PHONES: Final = (MOBILE, MOBILE_IN_GROUPS, MOBILE_INTRODUCED, MOBILE_IN_LETTERS, LANDLINE)
NUMBERS: Final = (*IDENTITIES, *PHONES, MAIL)
"""Where a pattern has a group, the group is the number, and the rest is what introduces it."""


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
