"""The case of two departments with programs of their own, one of which is killed while more is assigned to it."""

from contextlib import AsyncExitStack
from typing import Final

import aiohttp
from rich.console import Console

from deploy.local.demo import lines
from deploy.local.demo.case import Aside, Case
from deploy.local.demo.cases import CASES, departments
from deploy.local.demo.fast import shared_time
from deploy.local.demo.player import Filed, Player
from deploy.local.demo.playing import TOGETHER, System
from deploy.local.demo.programs import Around, Kind, Program, department, in_node, in_python
from deploy.local.demo.screen import PlainLines
from deploy.local.demo.story import Story
from deploy.local.demo.words import Language, Words
from services.kernel.domain_clock import system_now

NAME: Final = departments.TITLED.name

_WATER: Final = ("water", Words("the water bureau", "区水务局"))
_STREETS: Final = ("urban-management", Words("the urban management bureau", "区综合行政执法局"))
_PAUSE: Final = 0.3
"""Seconds before and after each act in a terminal, so that it can be read."""

_PROGRAMS: Final = Words(
    "Two departments start their own programs, each on its own database: water in Node, urban-management in Python. "
    "They log in to Kafka with a password each, and answer by GraphQL.",
    "两个部门各自启动自己的程序，各有自己的数据库：water 用 Node，urban-management 用 Python。"
    "它们各用自己的密码登录 Kafka，用 GraphQL 答复。",
)
_KILLED: Final = Words(
    "The program of urban-management is killed (SIGKILL); the other goes on, and so does the street",
    "urban-management 的程序被杀掉（SIGKILL）；另一个部门和街道照常工作",
)
_BACK: Final = Words(
    "It is started again: it goes on behind the last event that its database has",
    "程序重新启动：从数据库里最后一个事件之后接着读",
)
_ALONE: Final = Words(
    "Another one plays the departments' programs; this one begins when that is over.",
    "另一个演示正在运行部门的程序，等它结束后开始。",
)
_THERE: Final = Words("messages lie on its topic", "条消息在它的主题上")


async def play(system: System, around: Around, console: Console, *, language: Language, pause: float | None) -> Filed:
    """Play the case as plain lines, and say what each department has in the end; return the last petition.

    :param pause: seconds before and after each act; without one, some tenths in a terminal and none elsewhere.
    :raises DemoError: the system or a program did otherwise than it should.
    """
    says = console.file

    def say(*told: str) -> None:
        for line in told:
            print(line, file=says, flush=True)

    living = console.is_terminal and not console.is_dumb_terminal
    async with AsyncExitStack() as stack:
        if system.clock is not None:
            waits = language.plain(TOGETHER)
            await stack.enter_async_context(shared_time(system.clock, alone=False, waits=lambda: say(waits)))
        around.folder.mkdir(parents=True, exist_ok=True)
        others = language.plain(_ALONE)
        await stack.enter_async_context(shared_time(around.folder / NAME, alone=True, waits=lambda: say(others)))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=30)))

        async def played(case: Case) -> Filed:
            say("")
            player = Player(system.url, system.keys, session, PlainLines(Story(case), console, language), system.clock)
            player.pause = pause if pause is not None else _PAUSE if living else 0.0
            return await player.play(case)

        say(language.plain(departments.TITLED.title), "", language.plain(_PROGRAMS))

        async def run(kind: Kind, code: str, name: Words) -> Program:
            started = department(kind, code, name, around, gateway=system.url, keys=system.keys, says=says)
            return await stack.enter_async_context(started)

        water, streets = await run(await in_node(around), *_WATER), await run(in_python(), *_STREETS)
        await played(departments.leak(*_WATER))
        await played(departments.stalls(*_STREETS))
        before, after = [Aside(_KILLED, streets.kill)], [Aside(_BACK, streets.start)]
        last = await played(departments.rubbish(*_STREETS, before=before, after=after))
        for program in (water, streets):
            there = await program.has_read(around.kafka)
            await program.stop()
            say("", f"  {language(program.name)}: {there} {language.plain(_THERE)}")
            say(*(f"      {line}" for line in await program.report()))
    say(
        lines.closing(
            departments.TITLED,
            language,
            console_url=system.console_url,
            code=last.code,
            secret=last.secret,
            others=list(CASES.values()),
            now=system_now(),
        )
    )
    return last
