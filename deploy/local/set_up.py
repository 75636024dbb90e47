"""What a run needs besides Python's packages: Kafka's jars and the gateway's packages, fetched at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from deploy.local import account, downloads, jars, kafka, machine, node
from deploy.local.progress import Progress
from deploy.local.settings import LocalSettings
from deploy.local.speech import say

_PAUSE: Final = 0.3


async def set_up(settings: LocalSettings) -> None:
    """Fetch what is missing, having said how much; ask nobody for anything when nothing is.

    :raises LocalRunError: it cannot be fetched or kept; what has arrived stays.
    """
    chosen = node.find_node(settings.node)  # it may be refused, so before any work is described
    missing: list[downloads.Part] = []
    if not jars.are_cached(settings.cache_folder):
        missing.append(downloads.KAFKA)
    if not node.are_installed():
        here = downloads.size_on_the_wire(settings.cache_folder / "npm")
        missing.append(downloads.less(downloads.GATEWAY, here))
    progress = Progress()
    if missing:
        machine.require_room(settings.cache_folder, downloads.room_for(missing))
        progress.end(downloads.announced(missing))
    async with _shown(progress) as teller:
        await asyncio.gather(
            kafka.prepare(settings.cache_folder, teller("kafka")),
            node.install_packages(
                chosen, settings.logs_folder, cache=settings.cache_folder, on_progress=teller("gateway")
            ),
        )


def say_who_runs_the_database() -> None:
    """Tell root that PostgreSQL does not run as root, and as whom it does."""
    if (identity := account.unprivileged()) is not None:
        say(f"running as root: PostgreSQL refuses that, so it runs as user {identity.name}")


@asynccontextmanager
async def _shown(progress: Progress) -> AsyncGenerator[Callable[[str], Callable[[str], None]]]:
    """Show on one line what several parts tell of themselves."""
    told: dict[str, str] = {}

    def teller(part: str) -> Callable[[str], None]:
        def tell(line: str) -> None:
            told[part] = line

        return tell

    async def show() -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            if told:
                progress.show("; ".join(told.values()))

    showing = asyncio.create_task(show())
    try:
        yield teller
    finally:
        showing.cancel()
        progress.end()
