"""What the gateway is asked: a life's requests, the console's and integrators' queries, pages of 20, and nothing."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import msgspec
from graphql import OperationDefinitionNode, OperationType, parse

from bench.life import Client, Timings, live
from bench.pages import LISTINGS, PAGE
from bench.people import Desk
from deploy.local.node import GATEWAY_FOLDER

NOTHING: Final = "nothing"
"""The name of the question that no service is asked for."""

_READY: Final = (GATEWAY_FOLDER / "console" / "operations", GATEWAY_FOLDER / "operations" / "integrators")
_OF_A_WORK_ORDER: Final = frozenset({"17-deadlines"})
_BY_AN_OFFICER: Final = frozenset({"14-department-queue", "17-deadlines", "department-work", "feed"})
_WITHOUT: Final = frozenset({"08-find-petition"})
"""Asks by a tracking code, which is the same petition."""
_ACROSS: Final = """query ($first: Int!) {
  petitions(first: $first) { edges { node { id title state stage handling { cycle } evaluation { state } } } }
}"""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as a client sends it; `token` is empty for nobody's."""

    name: str
    document: str
    variables: Mapping[str, Any]
    token: str
    after: str | None = None

    @property
    def body(self) -> bytes:
        """What is posted."""
        return msgspec.json.encode({"query": self.document, "variables": self.variables})

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with it."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers | ({"Read-After": self.after} if self.after is not None else {})


@dataclass(frozen=True, slots=True)
class _Listening(Client):
    """Keeps what a life asks."""

    heard: list[Question] = field(default_factory=list[Question])

    async def ask(
        self, step: str, document: str, token: str, variables: Mapping[str, Any], after: str | None = None
    ) -> Any:
        self.heard.append(Question(step, document, variables, token, after))
        return await Client.ask(self, step, document, token, variables, after)

    async def wait(
        self,
        step: str,
        document: str,
        token: str,
        variables: Mapping[str, Any],
        after: str,
        seen: Callable[[Any], bool],
    ) -> Any:
        self.heard.append(Question(step, document, variables, token, after))  # once, however often it is asked
        return await Client.wait(self, step, document, token, variables, after, seen)


async def of_a_life(session: aiohttp.ClientSession, url: str, desk: Desk) -> Sequence[Question]:
    """Have a petition live its life through the gateway at `url`; return what was asked for it, in order.

    The mutations carry idempotency keys, so that who asks again is answered the same; what was waited for is there by
    then, so that who waits again is answered at once.
    """
    timings = Timings()
    client = _Listening(session, url, lambda: timings)
    await live(client, desk, random.Random(3))  # noqa: S311 - the same choices in every run
    return client.heard


def of_the_desks(desk: Desk, life: Sequence[Question]) -> Sequence[Question]:
    """Return nothing's question, pages of 20, and the queries that the console and the integrators' examples have."""
    pages = [Question(f"20 of {one.field}", one.document, {"first": PAGE}, one.reader(desk)) for one in LISTINGS]
    across = Question("20 across three services", _ACROSS, {"first": PAGE}, desk.committee)
    known = _known(desk, life)
    ready: list[Question] = []
    for file in sorted(file for folder in _READY for file in folder.glob("*.graphql")):
        document = file.read_text()
        wanted = _variables(document)
        if wanted is not None and file.stem not in _WITHOUT:
            given = known | ({"id": known["workOrder"]} if file.stem in _OF_A_WORK_ORDER else {})
            token = desk.officer if file.stem in _BY_AN_OFFICER else desk.committee
            ready.append(Question(file.stem, document, {name: given[name] for name in wanted & given.keys()}, token))
    return [Question(NOTHING, "{ __typename }", {}, desk.committee), *pages, across, *ready]


def _known(desk: Desk, life: Sequence[Question]) -> dict[str, str]:
    """Return what variables can be given, by their names."""
    of = {one.name: one.variables for one in life}
    today = datetime.now(UTC)
    return {
        "id": of["read"]["id"],
        "workOrder": of["acknowledge"]["input"]["workOrderId"],
        "locale": "zh-CN",
        "department": desk.department,
        "from": (today - timedelta(days=30)).date().isoformat(),
        "to": (today + timedelta(days=1)).date().isoformat(),
    }


def _variables(document: str) -> set[str] | None:
    """Return the names of a query's variables; None for what is no query."""
    operations = [one for one in parse(document).definitions if isinstance(one, OperationDefinitionNode)]
    if any(one.operation is not OperationType.QUERY for one in operations):
        return None
    return {variable.variable.name.value for one in operations for variable in one.variable_definitions or ()}
