"""Playing a case from its beginning to where the same can be seen: in a terminal as a picture, elsewhere as lines."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from rich.console import Console

from deploy.local.demo import lines
from deploy.local.demo.case import Case
from deploy.local.demo.cases import ALL
from deploy.local.demo.fast import shared_time
from deploy.local.demo.player import Filed, Player
from deploy.local.demo.screen import Picture, PlainLines, Screen
from deploy.local.demo.story import Story
from deploy.local.demo.words import Language, Words
from services.kernel.domain_clock import DomainClock, system_now

_PAUSE: Final = 0.6
"""Seconds before and after each act in a terminal, so that it can be read."""

_ALONE: Final = Words(
    "Other cases are being played; this one lets time run faster, and begins when they are over.",
    "其他案例正在演示；本案例要加快业务时间，等它们结束后开始。",
)
TOGETHER: Final = Words(
    "Another case lets time run faster; this one begins when it is over.",
    "另一个案例正在加快业务时间，等它结束后开始。",
)
_AHEAD: Final = Words(
    "This case moves the whole system's time some ten days on, also for every other petition in it.",
    "本案例会把整个系统的业务时间往前推约十天，其他诉求也一样。",
)


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its gateway, its keys, and the file of its domain clock, if that is known."""

    url: str
    keys: Path
    clock: Path | None = None

    @property
    def console_url(self) -> str:
        """Where its console is: at the gateway's root."""
        return self.url.removesuffix("graphql")


async def play(
    case: Case, system: System, console: Console, *, language: Language, speed: str = "", pause: float | None = None
) -> Filed:
    """Play a case, and say where the same can be seen; return its petition.

    :param speed: how many times faster the domain's time runs where a case waits; without one, as the case has it.
    :param pause: seconds before and after each act; without one, some tenths in a terminal and none elsewhere.
    :raises DemoError: the system answered otherwise than it should.
    """
    living = console.is_terminal and not console.is_dumb_terminal
    now = DomainClock(system.clock) if system.clock else system_now
    async with AsyncExitStack() as stack:
        if system.clock is not None:
            alone = case.speeds_time_up
            waits = language.plain(_ALONE if alone else TOGETHER)
            await stack.enter_async_context(
                shared_time(system.clock, alone=alone, waits=lambda: console.print(waits, markup=False))
            )
        if case.speeds_time_up:
            console.print(language.plain(_AHEAD), markup=False)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=30)))
        screen: Screen
        if living:
            screen = stack.enter_context(Picture(Story(case), console, language, now))
        else:
            screen = PlainLines(Story(case), console, language)
        player = Player(system.url, system.keys, session, screen, system.clock, speed)
        player.pause = pause if pause is not None else _PAUSE if living else 0.0
        filed = await player.play(case)
    others = [other for other in ALL if other.name != case.name]
    said = lines.closing(
        case,
        language,
        console_url=system.console_url,
        code=filed.code,
        secret=filed.secret,
        others=others,
        now=now(),
    )
    print(said, file=console.file, flush=True)
    return filed
