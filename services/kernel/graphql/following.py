"""Following something live: what there is, then what comes, each once and in order, for as long as somebody listens."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from strawberry.dataloader import DataLoader

from services.kernel.db import UNREACHABLE
from services.kernel.errors import Unavailable
from services.kernel.graphql.context import Context, Runtime

PAGE: Final = 50
"""How many entries are read at once; what follows waits in the database until they have been taken."""

_PATIENCE_SECONDS: Final = 10.0
_AT_ONCE: Final = 250

Key = TypeVar("Key")
Value = TypeVar("Value")


def batch(
    runtime: Runtime[Any], name: str, load: Callable[[list[Key]], Awaitable[Sequence[Value]]]
) -> DataLoader[Key, Value]:
    """Return the process's loader of this name: what many followers ask for at the same moment is read at once.

    It remembers nothing, since what is followed changes.
    """
    return runtime.batches.setdefault(name, DataLoader(load_fn=load, cache=False, max_batch_size=_AT_ONCE))


async def follow(
    context: Context[Any], key: str, read: Callable[[], Awaitable[tuple[Sequence[Value], bool]]]
) -> AsyncGenerator[Value]:
    """Yield what `read` finds, and again whenever something told of `key` may have added to it.

    :param read: returns what is new since it was last called, and whether there is more at once.
    :raises Unavailable: the database has been away for ten seconds.
    """
    with context.runtime.live.listen(key) as ear:
        away_since: float | None = None
        while True:
            ear.attend()
            try:
                found, more = await read()
                away_since = None
            except UNREACHABLE as error:
                now = time.monotonic()
                away_since = now if away_since is None else away_since
                if now - away_since > _PATIENCE_SECONDS:
                    raise Unavailable("The database cannot be reached; resume from your last cursor.") from error
                found, more = (), False
            for one in found:
                context.loaders.clear()  # what was read for the entry before may have changed since
                yield one
            if not more:
                await ear.wait()
