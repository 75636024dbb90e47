"""What a request costs inside a gateway's process, whole and with one of its limits taken away at a time."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from bench.gateway.figures import Limit, Spread
from bench.gateway.questions import Question
from bench.gateway.turns import TrialError
from deploy.local.gateway import WITHOUT_RATES, Issuer
from deploy.local.node import GATEWAY_FOLDER, find_node

_PROGRAM: Final = Path(__file__).with_name("inside.mjs")
_TURNS: Final = 3
_OFTEN: Final = "900000000/second"


class Cut(NamedTuple):
    """A change to a module of the gateway, in memory alone: what stands there once, and what instead."""

    module: str
    before: str
    after: str = ""


TAKEN_AWAY: Final[Mapping[str, Cut]] = MappingProxyType(
    {
        "size of documents": Cut("engine.mjs", "useLimits({ introspection }),"),
        "variables": Cut("admission.mjs", "problemsOfVariables(schema, operation, variables, !introspection)", "[]"),
        "cost, time, doors and variables": Cut(
            "engine.mjs",
            "useAdmission({ costLimit: settings.costLimit, seconds: settings.requestSeconds,"
            " doors: createDoors(settings), introspection }),",
        ),
        "persisted operations": Cut(
            "engine.mjs",
            "persistedDocuments: byId.documents,\n    plugins: () => [\n      byId.plugin,",
            "plugins: () => [",
        ),
        "deprecations": Cut("engine.mjs", "useDeprecations(),"),
        "subscriptions": Cut("engine.mjs", "useSubscriptions(settings.subscriptions),"),
        "public errors": Cut("engine.mjs", "usePublicErrors({ introspection }),"),
        "measures of operations": Cut(
            "measures.mjs",
            "requests.observe({ operation: this.operation, outcome: this.outcome }, seconds(this.began));",
        ),
        "token": Cut("server.mjs", "known = identity.check(req.headers.authorization);"),
        "address": Cut("server.mjs", "const address = clientAddress(req);", "const address = '127.0.0.1';"),
    }
)

OTHERWISE_SET: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "cost": {"GATEWAY_COST_LIMIT": "off"},
        "time": {"GATEWAY_REQUEST_SECONDS": "off"},
        "rates at the doors": WITHOUT_RATES,
        "traces of 5 %, which it is without": {"GATEWAY_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"},
    }
)
"""What the gateway itself can be without, or with."""


async def limits(
    questions: Sequence[Question],
    answers: Mapping[str, Mapping[str, str]],
    issuers: Sequence[Issuer],
    folder: Path,
    say: Callable[[str], None],
) -> tuple[Mapping[str, Spread], Mapping[str, Limit]]:
    """Return what the whole costs, µs of CPU by question, and what each limit has in it.

    The least of the rounds counts for a limit: the work is the same in each, and whatever else the machine does makes
    it dearer.

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
    variants: dict[str, tuple[Cut | None, Mapping[str, str]]] = {"whole": (None, {}), "again": (None, {})}
    variants |= {name: (cut, {}) for name, cut in TAKEN_AWAY.items()}
    variants |= {name: (None, settings) for name, settings in OTHERWISE_SET.items()}
    spent: dict[str, dict[str, list[float]]] = {name: {one.name: [] for one in questions} for name in variants}
    for turn in range(_TURNS):
        for name, (cut, settings) in sorted(variants.items(), key=lambda one: one[0], reverse=turn % 2 == 1):
            command = [find_node().program, _PROGRAM, GATEWAY_FOLDER, file, json.dumps(cut and cut._asdict())]
            for question, rounds in json.loads(await said(command, {**environment, **settings})).items():
                spent[name][question] += rounds
        say(f"turn {turn + 1} of {_TURNS} through {len(variants)} gateways")
    least = {name: {question: min(rounds) for question, rounds in by.items()} for name, by in spent.items()}
    whole, again = least.pop("whole"), least.pop("again")
    noise = {question: round(abs(us - again[question]), 1) for question, us in whole.items()}
    best = {question: min(us, again[question]) for question, us in whole.items()}
    costs = {
        name: {question: round(best[question] - us, 1) for question, us in by.items()} for name, by in least.items()
    }
    return (
        {question: Spread.of(rounds) for question, rounds in spent["whole"].items()},
        {name: Limit(of, noise) for name, of in costs.items()},
    )


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def said(command: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """Run a program to its end and return what it said.

    :raises TrialError: it failed.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=dict(environment), stdout=pipe, stderr=pipe)
    told, complained = await process.communicate()
    if process.returncode:
        raise TrialError(f"{command[0]} ended with {process.returncode}: {complained.decode()[-2000:]}")
    return told.decode()
