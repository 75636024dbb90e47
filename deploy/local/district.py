"""The demonstration district on this machine: recorded by the services' own command, once per data folder.

What was recorded lies beside the data as the file that it came from. Entries that exist are left as they are, so what
an operator has changed since stays changed; and what a larger district brought stays when a smaller one is asked for.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.district import Size, entries_of
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT, LocalSettings
from services.contracts.vocabulary import Source
from services.kernel.entries import written

_BY: Final = "demonstration district"
_WITHIN: Final = 300.0


class District:
    """One service's part of the district, as a task of the supervisor."""

    def __init__(self, service: str, settings: LocalSettings, environment: Mapping[str, str]) -> None:
        """Describe the task; nothing is touched before `start`."""
        self._source = Source(service)
        self._size = settings.district
        self._recorded = file_of(service, settings)
        self._draft = self._recorded.with_suffix(".new")
        name = part_of(service)
        command = ["-m", f"services.{service}", "reference", "record", str(self._draft), "--by", _BY, "--only-new"]
        self.process = Process(
            Command(name, [sys.executable, *command], environment=environment, folder=ROOT),
            log=settings.logs_folder / f"{name}.log",
            pid_file=settings.pids_folder / f"{name}.pid",
        )

    async def make_way(self) -> None:
        """End what a killed run left of the task; it has no port."""
        await self.process.end_leftover()

    async def start(self) -> None:
        """Record what has not been recorded in this data folder.

        :raises ProcessFailed: it was refused, or the database is away.
        """
        wanted = written(entries_of(self._source, self._size))
        if _lines(wanted) <= _lines_of(self._recorded):
            return
        self._draft.parent.mkdir(exist_ok=True)
        self._draft.write_bytes(wanted)
        await self.process.run(within=_WITHIN)
        self._draft.replace(self._recorded)

    async def stop(self) -> None:
        """Stop the task, if it still runs."""
        await self.process.stop()


def part_of(service: str) -> str:
    """Return the name of a service's task."""
    return f"{service} district"


def file_of(service: str, settings: LocalSettings) -> Path:
    """Return where what was recorded of a service's part is kept."""
    return settings.district_folder / f"{service}.json"


def larger_one_stays(settings: LocalSettings) -> bool:
    """Tell whether this data folder has more of the district than is asked for now."""
    recorded = _lines_of(file_of(Source.INTAKE, settings))
    return bool(recorded) and settings.district is Size.SMALL and not recorded <= _wanted(settings)


def _wanted(settings: LocalSettings) -> set[bytes]:
    return _lines(written(entries_of(Source.INTAKE, settings.district)))


def _lines_of(file: Path) -> set[bytes]:
    return _lines(file.read_bytes()) if file.exists() else set()


def _lines(file: bytes) -> set[bytes]:
    """Return the entries of a file as it was written here: one a line."""
    return {line.rstrip(b",") for line in file.splitlines()[1:-1]}
