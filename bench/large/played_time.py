"""The domain's time while lives are played: it begins some weeks back, and is as fast as the machine can follow.

How fast is decided by how long answers take: what is done about a petition may come a tenth of a day later than its
people meant it to, not more. So the same is lived on a busy machine, in more minutes.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from services.kernel.calendar import Calendar
from services.kernel.domain_clock import Pace, system_now

FASTEST: Final = 60_000.0
"""Times faster than the real time: eight weeks in eighty seconds."""

_SLOWEST: Final = 3_000.0
_LATE: Final = timedelta(days=0.1)
"""How much later than meant, in the domain's time, nine of ten acts may come."""

_LAST: Final = 60
"""By so many answers it is decided."""

_LOOK_SECONDS: Final = 0.5
_PAUSE: Final = timedelta(seconds=0.5)
"""Before the end nothing more is done, so that the last acts have happened by then."""


class OverError(Exception):
    """The time that is played is over before the next act of a life: it stays as it is."""


@dataclass(frozen=True, slots=True)
class Times:
    """The domain's instants of the system's, as they were while lives were played: one pace after the other."""

    paces: Sequence[Pace]

    @property
    def system(self) -> datetime:
        """When, in the system's time, the first life began."""
        return self.paces[0].system

    @property
    def domain(self) -> datetime:
        """The same in the domain's time."""
        return self.paces[0].domain

    def at(self, system: datetime) -> datetime:
        """Return the domain's instant at one of the system's."""
        return next((pace for pace in reversed(self.paces) if pace.system <= system), self.paces[0]).at(system)


def go_back(file: Path, weeks: int) -> None:
    """Let the domain's time stand some weeks back before anything is recorded, and go on from there."""
    now = system_now()
    _write(file, Pace(now, now - timedelta(weeks=weeks), 1.0))


def _write(file: Path, pace: Pace) -> None:
    draft = file.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode(pace))
    draft.replace(file)


@dataclass
class PlayedTime:
    """The domain's time as it runs; nothing more is done once it has nearly reached the real one."""

    file: Path
    calendar: Calendar = field(default_factory=Calendar)
    _paces: list[Pace] = field(default_factory=list[Pace])
    _took: deque[float] = field(default_factory=lambda: deque[float](maxlen=_LAST))

    def begin(self) -> None:
        """Let it run, from where it stands."""
        self._paces.append(msgspec.json.decode(self.file.read_bytes(), type=Pace))
        self._run(FASTEST)
        del self._paces[0]

    @property
    def times(self) -> Times:
        """How it has run."""
        return Times(tuple(self._paces))

    @property
    def speed(self) -> float:
        """How many times faster than the real time it runs."""
        return self._paces[-1].speed

    @property
    def end(self) -> datetime:
        """When it will have reached the real time, if it goes on like this."""
        until = self._paces[-1].until
        assert until is not None
        return until

    def now(self) -> datetime:
        """Return the domain's present instant."""
        return self._paces[-1].at(system_now())

    def took(self, seconds: float) -> None:
        """Note how long something took that a life waited for."""
        self._took.append(seconds)

    async def until(self, instant: datetime) -> None:
        """Wait for an instant of the domain.

        :raises OverError: it is not reached before the end.
        """
        while (left := (instant - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left / self.speed, _LOOK_SECONDS))
            self._check()
        self._check()

    def _check(self) -> None:
        if system_now() > self.end - _PAUSE:
            raise OverError

    async def follow(self) -> None:
        """Let it run as fast as answers come, until it has reached the real time."""
        while system_now() < self.end:
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, (self.end - system_now()).total_seconds())))
            if len(self._took) == _LAST and system_now() < self.end - _PAUSE:
                slow = sorted(self._took)[_LAST * 9 // 10]
                self._run(min(FASTEST, max(_SLOWEST, _LATE.total_seconds() / slow)))

    def _run(self, speed: float) -> None:
        now = system_now()
        reached = self._paces[-1].at(now)
        pace = Pace(now, reached, speed, now + (now - reached) / (speed - 1))
        _write(self.file, pace)
        self._paces.append(pace)
