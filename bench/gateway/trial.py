"""The trial: both planners in turns, then each limit's part of what a request costs.

The answers come from real services, once; then from memory, so that nothing but the gateway works on them.
"""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from rich.console import Console

from bench.gateway.figures import Figures, Plan, Planner, Spread, print_tables
from bench.gateway.inside import limits, said
from bench.gateway.questions import NOTHING, Question, of_a_life, of_the_desks
from bench.gateway.remembering import Remembering, remembering
from bench.gateway.running import Tried, gateways
from bench.gateway.turns import Spending, ask, in_turns, per_request
from bench.installation import Installation
from bench.life import WHOLE
from bench.lifecycles import fresh
from bench.load import load
from bench.people import Desk, desks
from bench.report import processor
from deploy.local.node import find_node

PLANNERS: Final = {name: {"GATEWAY_PLANNER": name} for name in ("js", "rust")}
_ASKED_INSIDE: Final = (NOTHING, "submit", "20 across three services")
_LIVES: Final = 27
_TOGETHER: Final = 9
_ROUNDS: Final = 8
_TIMES: Final = 64
_WARM_UP: Final = 6
_NEW_DOCUMENTS: Final = 100
_LOAD: Final = 1_000
"""Of each of a life's requests, to each planner, between the last two looks at its memory."""

_MEGABYTE: Final = 1e6
_console: Final = Console()


async def measure() -> Mapping[str, Any]:
    """Measure on an installation of its own, print the tables, and return the figures.

    :raises TrialError: the gateway did not answer as it should.
    """
    with tempfile.TemporaryDirectory(prefix="through-train-gateway-") as name:
        async with fresh(_console.print) as running:
            found = await _measured(running, Path(name))
    print_tables(found, _console)
    return msgspec.to_builtins(found)


async def _measured(running: Installation, folder: Path) -> Figures:
    desk = desks(running.keys)[0]
    async with load(running, [desk]) as lives:
        for _ in range(_LIVES // _TOGETHER):
            await asyncio.gather(*(lives.one() for _ in range(_TOGETHER)))
    services = {service: running.direct(service) for service in ("intake", "dispatch", "feedback")}
    async with remembering(services) as memories:
        urls = {name: memory.url for name, memory in memories.items()}
        async with gateways(running, urls, folder, PLANNERS) as tried:
            planners, life, questions = await _planners(tried, memories, desk)
    _console.print("now each limit's part, inside a process")
    asked = [one for one in questions if one.name in _ASKED_INSIDE]
    answers = {name: memory.known for name, memory in memories.items()}
    whole, found = await limits(asked, answers, running.stack.issuers(), folder)
    version = await said([find_node().program, "--version"], os.environ)
    return Figures(
        node=version.strip(),
        machine=processor(),
        rounds=_ROUNDS,
        life=[one.name for one in life],
        requests=_LOAD * len(life),
        planners=planners,
        whole_us=whole,
        limits_us=found,
    )


async def _planners(
    tried: Sequence[Tried], memories: Mapping[str, Remembering], desk: Desk
) -> tuple[Mapping[str, Planner], Sequence[Question], Sequence[Question]]:
    """Return what each planner costs, what is asked in a life, and all that is asked."""
    started = {one.name: one.memory() for one in tried}
    async with aiohttp.ClientSession() as session:
        life = await of_a_life(session, tried[0].gateway.url, desk)
        questions = [*life, *of_the_desks(desk, life)]
        plans = {one.name: {q.name: await _plan(session, one, q, memories) for q in questions} for one in tried}
        _console.print(f"{len(questions)} questions are known; both planners are asked them in turns")
        spent = await in_turns(tried, questions, rounds=_ROUNDS, times=_TIMES, warm_up=_WARM_UP)
        about = next(one for one in life if one.name == "read")
        new = {one.name: await _new_documents(session, one, about) for one in tried}
        before = {one.name: one.memory() for one in tried}
        for one in tried:
            for question in life:
                await ask(session, one, question, _LOAD)
    planners = {
        one.name: Planner(
            cpu_ms=Spread.of(per_request(of.all for of in spent[one.name].values())),
            life_cpu_ms=Spread.of(per_request(of.all for of in _of(spent[one.name], life))),
            life_cpu_ms_off_main_thread=Spread.of(per_request(of.others for of in _of(spent[one.name], life))),
            cpu_ms_per_life=round(sum(of.median for of in _of(spent[one.name], life)), 2),
            cpu_ms_by_question={name: Spread.of(each.all) for name, each in spent[one.name].items()},
            cpu_ms_new_document=Spread.of(new[one.name]),
            memory_started_mb=round(started[one.name] / _MEGABYTE),
            memory_before_mb=round(before[one.name] / _MEGABYTE),
            memory_after_mb=round(one.memory() / _MEGABYTE),
            plans=plans[one.name],
        )
        for one in tried
    }
    return planners, life, questions


async def _plan(
    session: aiohttp.ClientSession, tried: Tried, question: Question, memories: Mapping[str, Remembering]
) -> Plan:
    before = {name: len(memory.asked) for name, memory in memories.items()}
    await ask(session, tried, question, 1)
    bodies = [body for name, memory in memories.items() for body in memory.asked[before[name] :]]
    return Plan(len(bodies), sum(map(len, bodies)))


def _of(spent: Mapping[str, Spending], questions: Sequence[Question]) -> list[Spending]:
    return [spent[question.name] for question in questions]


async def _new_documents(session: aiohttp.ClientSession, tried: Tried, about: Question) -> list[float]:
    """Return what documents cost that were never seen before, CPU-ms each, in five rounds."""
    found: list[float] = []
    for turn in range(5):
        before = tried.used()
        for nth in range(_NEW_DOCUMENTS // 5):
            document = WHOLE.replace("query", f"query New{turn}x{nth}", 1)
            await ask(session, tried, Question(about.name, document, about.variables, about.token), 1)
        found.append((tried.used() - before).all * 1000 / (_NEW_DOCUMENTS // 5))
    return found
