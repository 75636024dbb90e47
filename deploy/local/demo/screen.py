"""Where a case is shown: as a living picture in a terminal, or as plain lines everywhere else."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape

from deploy.local.demo import lines, picture
from deploy.local.demo.case import Act
from deploy.local.demo.story import Story, Update
from deploy.local.demo.view import View
from deploy.local.demo.words import Language, Words


class Screen(Protocol):
    """What shows a case while it is played."""

    @property
    def language(self) -> Language:
        """What is read."""
        ...

    @property
    def story(self) -> Story:
        """What is known."""
        ...

    def acting(self, act: Act) -> None:
        """Somebody is about to act."""
        ...

    def told(self, update: Update) -> None:
        """The live view told of an event."""
        ...

    def notice(self, words: Words, *, speed: float = 1.0) -> None:
        """Nobody acts, and this is why; the domain's time runs at a speed meanwhile."""
        ...

    def say(self, heading: str, body: Sequence[str]) -> None:
        """Show what somebody looked at."""
        ...


class PlainLines:
    """A line for each act and each event, without escape codes."""

    def __init__(self, story: Story, console: Console, language: Language) -> None:
        self.story, self.language, self._console = story, language, console
        self._print(lines.heading(story, language))

    def acting(self, act: Act) -> None:
        self.story = self.story.acting(act)
        self._print(lines.act(self.story, self.language))

    def told(self, update: Update) -> None:
        self.story = self.story.after(update)
        self._print(lines.entry(self.story, self.language))

    def notice(self, words: Words, *, speed: float = 1.0) -> None:
        self.story = replace(self.story, notice=words, speed=speed)
        self._print(lines.notice(self.story, self.language))

    def say(self, heading: str, body: Sequence[str]) -> None:
        self._print("", f"  {heading}", *(f"      {line}" for line in body))

    def _print(self, *said: str) -> None:
        for line in said:
            print(line, file=self._console.file, flush=True)  # rich would end the process when nobody reads any more


class Picture:
    """The living picture; use it as a context, in which it is drawn again ten times a second."""

    def __init__(self, story: Story, console: Console, language: Language, now: Callable[[], datetime]) -> None:
        self.story, self.language, self._console, self._now = story, language, console, now
        self._moved = time.monotonic()
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=10, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def acting(self, act: Act) -> None:
        self.story = self.story.acting(act)

    def told(self, update: Update) -> None:
        self.story = self.story.after(update)
        self._moved = time.monotonic()

    def notice(self, words: Words, *, speed: float = 1.0) -> None:
        self.story = replace(self.story, notice=words, speed=speed)

    def say(self, heading: str, body: Sequence[str]) -> None:
        self._console.print(f"[bold]{escape(heading)}[/bold]", *(f"  {escape(line)}" for line in body), sep="\n")

    def _draw(self) -> RenderableType:
        view = View.of(self._console, self.language)
        return picture.drawn(self.story, view, now=self._now(), since=time.monotonic() - self._moved)
