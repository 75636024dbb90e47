"""The context of one request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from strawberry.types import Info as StrawberryInfo

from services.contracts.vocabulary import Source
from services.kernel.access import Actor
from services.kernel.auth.tokens import Verifier
from services.kernel.db import Connection
from services.kernel.live import Live
from services.kernel.mutation import Mutations, Request
from services.kernel.parking import Parking
from services.kernel.pulse import Pulse
from services.kernel.read_after import WaitingRoom
from services.kernel.reference import ReferenceCache
from services.kernel.settings import Settings
from services.kernel.tracing import Tracing
from services.kernel.transaction import Database, Transaction

Answer = TypeVar("Answer", bound=msgspec.Struct)
Extra = TypeVar("Extra")


@dataclass(frozen=True, slots=True)
class Runtime(Generic[Extra]):
    """Everything that a running service has; built once in its app.py. `extra` is what only this service has.

    `batches` are the loaders that all followers of something live share (following.py).
    """

    source: Source
    consumed: frozenset[Source]
    settings: Settings
    database: Database
    references: ReferenceCache
    mutations: Mutations
    parking: Parking
    verifier: Verifier
    now: Callable[[], datetime]
    applied: Pulse
    waiting: WaitingRoom
    committed: Pulse
    live: Live
    traces: Tracing
    extra: Extra
    batches: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Context(Generic[Extra]):
    """One request: who asks and from where, what the service has, loaders made on first use.

    `origin` is the client's address as the gateway saw it, for counting failures alone: it is never stored as it is.
    """

    runtime: Runtime[Extra]
    actor: Actor
    request_id: str
    origin: str = ""
    loaders: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def reader(self) -> Connection:
        """A connection for reading outside transactions."""
        return self.runtime.database.reader

    def now(self) -> datetime:
        """Return the domain's time."""
        return self.runtime.now()

    async def mutate(
        self,
        name: str,
        given: object,
        key: str | None,
        answer: type[Answer],
        command: Callable[[Transaction], Awaitable[Answer]],
        *,
        only_decides: bool = False,
    ) -> Answer:
        """Run a command for a mutation, once per idempotency key (see Mutations.run)."""
        plain = msgspec.to_builtins(given, enc_hook=_plain)
        request = Request(self.actor, name, plain, key, self.request_id)
        return await self.runtime.mutations.run(request, answer, command, only_decides=only_decides)


def _plain(value: object) -> object:
    if hasattr(value, "__dict__"):
        return {k: v for k, v in vars(value).items() if not k.startswith("_")}
    return str(value)


Info = StrawberryInfo[Context[Any], None]
