"""`python -m deploy.local.demo [CASE]`: play a case against the system that the environment names."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aiohttp

from deploy.local.demo import late, sewer
from deploy.local.demo.player import DemoError, Player

CASES: Final[Mapping[str, Callable[[Player], Awaitable[None]]]] = MappingProxyType(
    {"sewer": sewer.play, "late": late.play}
)
"""What CASE names; the first is played when none is named."""


async def _play(case: Callable[[Player], Awaitable[None]], url: str, keys: Path) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await case(Player(url, keys, session))


def main() -> None:
    """Play a case.

    :raises SystemExit: there is no such case, nothing answers, or the system answered otherwise than it should.
    """
    name = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else next(iter(CASES))
    if name not in CASES:
        sys.exit(f"There is no case {name!r}; CASE can be {', '.join(CASES)}.")
    url = os.environ.get("THROUGH_TRAIN_GATEWAY_URL", "http://127.0.0.1:4000/graphql")
    keys = Path(os.environ.get("THROUGH_TRAIN_KEYS_FOLDER", ".data/keys"))
    try:
        asyncio.run(_play(CASES[name], url, keys))
    except aiohttp.ClientError:
        sys.exit(f"Nothing answers at {url}: start the system with `make run` first.")
    except DemoError as error:
        sys.exit(f"The demo stopped: {error}")


if __name__ == "__main__":
    main()
