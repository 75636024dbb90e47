"""A gateway for a trial, and what it has used."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.installation import Installation
from deploy.local.gateway import WITHOUT_RATES, Gateway

_NANOSECONDS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Used:
    """CPU time since the start (seconds): the thread that runs the program, and the others (V8's and libuv's)."""

    main: float
    others: float

    @property
    def all(self) -> float:
        """All of it."""
        return self.main + self.others

    def __sub__(self, before: "Used") -> "Used":
        return Used(self.main - before.main, self.others - before.others)


@dataclass(frozen=True)
class Tried:
    """A running gateway, by what is tried in it."""

    name: str
    gateway: Gateway

    @property
    def pid(self) -> int:
        """Its process."""
        return self.gateway.process.pid

    def used(self) -> Used:
        """Return what it has used, to the nanosecond, as the kernel's scheduler counts it (Linux alone)."""
        main, others = 0.0, 0.0
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            spent = int((thread / "schedstat").read_text().split()[0]) / _NANOSECONDS
            if thread.name == str(self.pid):
                main += spent
            else:
                others += spent
        return Used(main, others)

    def memory(self) -> int:
        """Return what it holds in memory (bytes, RSS)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")


@asynccontextmanager
async def gateways(
    running: Installation, services: Mapping[str, str], folder: Path, variants: Mapping[str, Mapping[str, str]]
) -> AsyncGenerator[Sequence[Tried]]:
    """Run a gateway for each variant (settings by name) before the same services, as the benchmark runs it.

    :raises LocalRunError: one did not come up.
    """
    async with AsyncExitStack() as stack:
        tried: list[Tried] = []
        for nth, (name, settings) in enumerate(variants.items()):
            gateway = Gateway(
                folder / str(nth), services, running.stack.issuers(), environment={**WITHOUT_RATES, **settings}
            )
            await stack.enter_async_context(gateway)
            tried.append(Tried(name, gateway))
        yield tried
