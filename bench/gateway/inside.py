"""What a request costs inside a gateway's process, and how much of it is each limit's."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from bench.ended import ended
from bench.gateway.figures import Spread
from bench.gateway.questions import Question
from bench.gateway.turns import TrialError
from deploy.local.gateway import Issuer
from deploy.local.node import GATEWAY_FOLDER, find_node

_PROGRAM: Final = Path(__file__).with_name("inside.mjs")
_OFTEN: Final = "900000000/second"


LIMITS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "token": frozenset({"identity.mjs", "issuers.mjs"}),
        "variables": frozenset({"variables.mjs"}),
        "rates at the doors": frozenset({"doors.mjs", "rates.mjs", "recent.mjs"}),
        "measures": frozenset({"measures.mjs", "tally.mjs"}),
        "client's address": frozenset({"addresses.mjs"}),
        "operations by id": frozenset({"persisted.mjs"}),
        "told to services": frozenset({"headers.mjs"}),
        "cost": frozenset({"cost.mjs"}),
        # Admission's own: it finds the operation and sets the instant. Variables, cost and doors have their modules.
        "time": frozenset({"admission.mjs"}),
        "size of documents": frozenset({"limits.mjs"}),
        "errors made public": frozenset({"errors.mjs", "places.mjs"}),
        "deprecations": frozenset({"deprecations.mjs"}),
        "subscriptions": frozenset({"subscriptions.mjs"}),
    }
)
"""What the gateway does to a request besides having it answered, and the modules that do it."""


class Seen(msgspec.Struct, frozen=True):
    """What the program tells of one question: µs of CPU for each round, and each module's share for each profile."""

    rounds: list[float]
    shares: list[dict[str, float]]

    def of(self, modules: frozenset[str]) -> Spread:
        """Return how many µs of a request are these modules': of the middle round, by each profile's share."""
        whole = statistics.median(self.rounds)
        return Spread.of([whole * sum(shares.get(name, 0.0) for name in modules) for shares in self.shares])


async def limits(
    questions: Sequence[Question],
    answers: Mapping[str, Mapping[str, str]],
    issuers: Sequence[Issuer],
    folder: Path,
) -> tuple[Mapping[str, Spread], Mapping[str, Mapping[str, Spread]]]:
    """Return what the whole costs, µs of CPU by question, and how much of it is each limit's, by profiles.

    The gateway without a limit tells nothing: two processes of the same gateway are farther apart than any limit costs.

    :param answers: what each service answers, by the body that asks.
    :raises TrialError: the program failed.
    """
    file = folder / "questions.json"
    told = [{"name": one.name, "body": one.body.decode(), "headers": _lower(one.headers)} for one in questions]
    file.write_text(json.dumps({"questions": told, "answers": answers}))
    environment = {
        **os.environ,
        "GATEWAY_ENVIRONMENT": "development",
        "GATEWAY_ISSUERS": json.dumps([issuer.setting() for issuer in issuers]),
        **{f"{service.upper()}_URL": "http://127.0.0.1:9/graphql" for service in answers},  # nobody is asked
        # The doors are passed thousands of times here: their rates are kept, and never reached.
        **dict.fromkeys(("GATEWAY_SUBMIT_PER_ADDRESS", "GATEWAY_SUBMIT_PER_SUBJECT"), _OFTEN),
    }
    answered = await said([find_node().program, _PROGRAM, GATEWAY_FOLDER, file], environment)
    seen = msgspec.json.decode(answered, type=dict[str, Seen])
    whole = {name: Spread.of(one.rounds) for name, one in seen.items()}
    return whole, {limit: {name: one.of(modules) for name, one in seen.items()} for limit, modules in LIMITS.items()}


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def said(command: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """Run a program to its end and return what it said; it is ended where nobody waits for it any more.

    :raises TrialError: it failed.
    """
    run = await ended(*command, environment=environment)
    if run.code:
        raise TrialError(f"{command[0]} ended with {run.code}: {run.complained[-2000:]}")
    return run.said
