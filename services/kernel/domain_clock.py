"""The domain's clock: real time, or (never in production) a time that a file makes run faster.

Petitions, clocks and due dates live in the domain's time; tokens, time-outs and retries in the system's. All processes
of an installation read the same file, so they agree; it is replaced whole, and each change goes on from the instant
that was reached, so the domain's time never goes back.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import structlog

log = structlog.get_logger()

FASTEST: Final = 1_000_000.0
"""A year in half a minute; faster, and the clocks of a whole installation could not be reckoned any more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where the domain's time was at an instant of the system's, and how many times faster it runs since.

    After the system's instant `until`, if there is one, it runs on like real time: whoever sped it up may be gone.
    """

    system: datetime
    domain: datetime
    speed: float
    until: datetime | None = None

    def at(self, system: datetime) -> datetime:
        """Return the domain's instant at one of the system's."""
        fast = system if self.until is None else min(system, max(self.until, self.system))
        return self.domain + (fast - self.system) * self.speed + (system - fast)

    def speed_at(self, system: datetime) -> float:
        """Return how many times faster it runs at one of the system's instants."""
        return self.speed if self.until is None or system < self.until else 1.0


def system_now() -> datetime:
    """Return the present instant of the system."""
    return datetime.now(UTC)


class DomainClock:
    """Tells the domain's time by a pace file; without a file it is the system's."""

    def __init__(self, file: Path, *, system: Callable[[], datetime] = system_now) -> None:
        self._file = file
        self._system = system
        self._stamp: tuple[int, int] | None = None
        self._pace: Pace | None = None

    def __call__(self) -> datetime:
        """Return the domain's present instant."""
        self._look()
        now = self._system()
        return self._pace.at(now) if self._pace else now

    @property
    def speed(self) -> float:
        """How many times faster than the system's time it runs now."""
        self._look()
        return self._pace.speed_at(self._system()) if self._pace else 1.0

    def _look(self) -> None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return  # never there, or replaced at this very moment: what was known holds
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._pace = read_pace(self._file)
        except (OSError, ValueError) as error:
            log.error("the domain clock's file cannot be read", error=str(error))  # noqa: TRY400 - no bug of ours


def read_pace(file: Path) -> Pace:
    """Read a pace file.

    :raises ValueError: it is malformed, or its time would stand still or go back.
    :raises OSError: it cannot be read.
    """
    pace = msgspec.json.decode(file.read_bytes(), type=Pace)
    instants = (pace.system, pace.domain, *([pace.until] if pace.until else []))
    if not 0 < pace.speed <= FASTEST or any(instant.tzinfo is None for instant in instants):
        raise ValueError(f"a pace needs instants with an offset and a speed above zero, at most {FASTEST:,.0f}")
    return pace


def set_pace(
    file: Path, speed: float, *, lasting: timedelta | None = None, system: Callable[[], datetime] = system_now
) -> Pace:
    """Let the domain's time run on at another speed, from the instant that it has reached.

    :param lasting: after so much of the system's time it runs on like real time.
    """
    if not 0 < speed <= FASTEST:  # which "not a number" is not either
        raise ValueError(f"the speed must be above zero, and at most {FASTEST:,.0f}")
    now = system()
    reached = read_pace(file).at(now) if file.exists() else now
    pace = Pace(now, reached, speed, None if lasting is None else now + lasting)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(pace))
    draft.replace(file)
    return pace
