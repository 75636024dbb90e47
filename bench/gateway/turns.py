"""Gateways asked in turns, and what each spent on which question."""

import asyncio
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from bench.gateway.questions import Question
from bench.gateway.running import Tried, Used

_AT_ONCE: Final = 8
"""Requests in flight to the gateway whose turn it is, so that it always has some to work on."""


class TrialError(Exception):
    """A trial that cannot be counted: why."""


@dataclass(slots=True)
class Spending:
    """What one gateway spent on one question: CPU-ms per request, a figure for each round.

    `others`: what of it the threads took that do not run the program.
    """

    all: list[float] = field(default_factory=list[float])
    others: list[float] = field(default_factory=list[float])

    def note(self, used: Used, requests: int) -> None:
        """Add a round."""
        self.all.append(used.all * 1000 / requests)
        self.others.append(used.others * 1000 / requests)

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.all)


Spendings = Mapping[str, Mapping[str, Spending]]
"""By gateway and question."""


async def ask(session: aiohttp.ClientSession, tried: Tried, question: Question, times: int) -> None:
    """Ask a gateway so many times, some requests at once.

    :raises TrialError: it did not answer 200.
    """
    left = iter(range(times))
    body, headers = question.body, question.headers

    async def one_after_another() -> None:
        for _ in left:
            async with session.post(tried.gateway.url, data=body, headers=headers) as response:
                said = await response.read()
                if response.status != 200:
                    raise TrialError(f"{tried.name} answered {question.name}: {response.status} {said[:500]!r}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(_AT_ONCE, times)):
            tasks.create_task(one_after_another())


async def in_turns(
    gateways: Sequence[Tried], questions: Sequence[Question], *, rounds: int, times: int, warm_up: int
) -> Spendings:
    """Ask every gateway every question, in turns; who is first alternates.

    :raises TrialError: an answer was none.
    """
    spent = {one.name: {question.name: Spending() for question in questions} for one in gateways}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3)) as session:
        for one in gateways:
            for _ in range(warm_up):
                for question in questions:
                    await ask(session, one, question, _AT_ONCE)
        for nth in range(rounds):
            for question in questions:
                for one in gateways if nth % 2 else reversed(gateways):
                    before = one.used()
                    await ask(session, one, question, times)
                    spent[one.name][question.name].note(one.used() - before, times)
    return spent


def per_request(of_questions: Iterable[Sequence[float]]) -> list[float]:
    """Return the mean over questions for each round, given each question's rounds.

    :raises ValueError: one has other rounds than the rest.
    """
    return [statistics.fmean(one) for one in zip(*of_questions, strict=True)]
