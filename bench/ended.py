"""Programs that are run to their end, and what they said."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended (negative: by that signal), and what it said on its two outputs."""

    code: int
    said: str
    complained: str


async def ended(*command: str | Path, environment: Mapping[str, str], folder: Path | None = None) -> Ended:
    """Run a program to its end; it is killed where nobody waits for it any more.

    :param folder: where it runs; here, unless it is given.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=dict(environment), stdout=pipe, stderr=pipe
    )
    try:
        said, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, said.decode(errors="replace"), complained.decode(errors="replace"))
