"""A client as the product asks for: each command carries a key, and is repeated with it until it is answered."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp

from deploy.audit.commands import Acknowledged
from tests.faults.installation import Installation
from tests.support.district import Answer

PATIENCE: Final = 60.0
_ATTEMPT_SECONDS: Final = 8.0
_PAUSE_SECONDS: Final = 0.1
_MUTATION: Final = re.compile(r"\{\s*(\w+)\(input:")
_ANSWERED: Final = frozenset(
    {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_INPUT", "INVALID_STATE", "CONFLICT", "RATE_LIMITED"}
)
"""Codes with which a service has answered; after any other the client cannot know what was done, and asks again."""


@dataclass(frozen=True)
class Ledger:
    """What was sent to an installation, what it promised, and what it is not to answer for."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    attempted: set[tuple[str, str]] = field(default_factory=set)
    """Mutation and key of every command that was ever sent, answered or not."""
    foreign: set[UUID | str] = field(default_factory=set)
    """Petitions and places `topic/partition/offset` that a test put on the topics in some service's name."""
    early: set[UUID] = field(default_factory=set)
    """Petitions whose events a test brought onto a topic before their turn: there, they lie in no order."""


def _name(mutation: str) -> str:
    """Return the name of a document's one mutation."""
    found = _MUTATION.search(mutation)
    assert found is not None, mutation
    return found[1]


class UnansweredError(AssertionError):
    """A request had no answer within its time, however often it was repeated."""


class Client:
    """Sends requests to an installation's gateways, turn by turn, through any fault; remembers what was promised."""

    def __init__(
        self, installation: Installation, session: aiohttp.ClientSession, ledger: Ledger | None = None
    ) -> None:
        self.installation = installation
        self.ledger = ledger or Ledger()
        self.urls: list[str] | None = None
        """Where to go instead of to all gateways in turn."""
        self.internal: list[Any] = []
        """Answers with the code INTERNAL: errors that a service did not expect. No fault explains them."""
        self._session = session
        self._turn: Iterator[int] = itertools.count()

    async def do(
        self, document: str, role: str | None = None, *, key: str | None = None, within: float = PATIENCE, **input: Any
    ) -> Any:
        """Send one mutation until it is answered, and return its payload.

        :raises AssertionError: it was refused, or had no answer in time.
        """
        key = key or str(uuid4())
        self.ledger.attempted.add((_name(document), key))
        answer = await self.ask(document, role=role, within=within, input={**input, "idempotencyKey": key})
        [(mutation, payload)] = answer.ok().items()
        self.ledger.acknowledged.append(Acknowledged.of(mutation, key, payload["position"]))
        return payload

    async def ask(
        self,
        document: str,
        *,
        role: str | None = None,
        token: str | None = None,
        after: str | None = None,
        within: float = PATIENCE,
        **variables: Any,
    ) -> Answer:
        """Send a request until it is answered, to the gateways in turn.

        :raises UnansweredError: it had no answer within so many seconds.
        """
        token = token or (self.installation.token(role) if role else None)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if after:
            headers["Read-After"] = after
        until = time.monotonic() + within
        while True:
            urls = self.urls or self.installation.urls()
            last = await self._once(
                urls[next(self._turn) % len(urls)], {"query": document, "variables": variables}, headers
            )
            if isinstance(last, Answer) and set(last.codes) <= _ANSWERED:
                return last
            if time.monotonic() > until:
                raise UnansweredError(f"no answer within {within} s; last: {last}")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _once(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> Answer | str:
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS), self._session.post(url, json=body, headers=headers) as sent:
                said = await sent.json(content_type=None)
                answer = Answer(sent.status, said.get("data"), said.get("errors") or [])
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"
        if "INTERNAL" in answer.codes:
            self.internal.append(answer.errors)
        return answer
