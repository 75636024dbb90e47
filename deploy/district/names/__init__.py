"""Parts of names, Chinese and English, as lines of text files; and names made of them, the same on every machine."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from services.contracts.reference import Name

# Of two vowels that meet, a reader could not tell where the first syllable ends.
_OPEN: Final = ("a", "e", "o")
_WHOSE: Final = (Name(zh="女", en="womens"), Name(zh="男", en="mens"))
# One person in five has a name of two characters.
_SHORT: Final = Name(zh="单名", en="short")
_LENGTHS: Final = (_SHORT, *(Name(zh="双名", en="long"),) * 4)


@cache
def table(file: str) -> tuple[Name, ...]:
    """Return the lines of a table: a Chinese part, a space, and its English (or Pinyin)."""
    lines = files(__name__).joinpath(f"{file}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(Name(zh=zh, en=en) for zh, _, en in (line.partition(" ") for line in lines))


def chosen(among: Sequence[Name], *about: object) -> Name:
    """Return one of several, always the same about the same things. No library's chance: that changes by version."""
    digest = sha256(" ".join(map(str, about)).encode()).digest()
    return among[int.from_bytes(digest[:8], "big") % len(among)]


def person(*about: object) -> Name:
    """Return a person's name: a surname and one or two more syllables."""
    of = chosen(_WHOSE, "whose", *about).en
    surname, last = chosen(table("surnames"), "surname", *about), chosen(table(f"{of}-last"), "last", *about)
    first = chosen(table(f"{of}-first"), "first", *about)
    if first.zh == last.zh or chosen(_LENGTHS, "length", *about) is _SHORT:
        return Name(zh=surname.zh + last.zh, en=f"{surname.en} {last.en.capitalize()}")
    apostrophe = "'" if last.en.startswith(_OPEN) else ""
    return Name(zh=surname.zh + first.zh + last.zh, en=f"{surname.en} {first.en.capitalize()}{apostrophe}{last.en}")


def slug(name: Name) -> str:
    """Return a name's English as part of an id."""
    return name.en.lower().replace("'", "").replace(" ", "-")
