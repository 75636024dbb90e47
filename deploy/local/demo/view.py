"""What a picture has to fit: so many columns and lines, a language, and the signs that the terminal can show."""

from dataclasses import dataclass
from typing import Self

from rich import box
from rich.console import Console
from rich.text import Text

from deploy.local.demo.words import Language


@dataclass(frozen=True, slots=True)
class View:
    """So many columns and lines, a language, and perhaps ASCII alone."""

    width: int = 80
    height: int = 24
    language: Language = Language()  # noqa: RUF009 - frozen
    ascii: bool = False

    @classmethod
    def of(cls, console: Console, language: Language) -> Self:
        """Return what a console has."""
        return cls(console.width, console.height, language, console.options.ascii_only)

    def sign(self, sign: str, plain: str) -> str:
        """Return a sign as the terminal can show it."""
        return plain if self.ascii else sign

    def frame(self, *, lit: bool) -> box.Box:
        """Return a frame: one that stands out also without colours, if something just happened in it."""
        if self.ascii:
            return box.ASCII_DOUBLE_HEAD if lit else box.ASCII
        return box.HEAVY if lit else box.ROUNDED


def line(*parts: str | tuple[str, str]) -> Text:
    """Return one line of texts and (text, style) pairs, which is cut where it does not fit."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
