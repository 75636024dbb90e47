"""The domain's time: the system's, or what a pace file makes of it in a run that is sped up."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


def system_now() -> datetime:
    """Return the present instant of the system."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """Tells the domain's time, and how many times faster than the system's it runs."""

    now: Callable[[], datetime]
    speed: float = 1.0


def pace_of(file: Path | None) -> Pace:
    """Return the pace that a file sets: where the domain's time was at an instant of the system's, and its speed.

    From an instant `until` on, if there is one, it runs on like real time. Without a file it is real time.

    :raises ValueError: the file is malformed.
    """
    if file is None or not file.exists():
        return Pace(system_now)
    try:
        said = json.loads(file.read_bytes())
        system, domain = datetime.fromisoformat(said["system"]), datetime.fromisoformat(said["domain"])
        speed = float(said["speed"])
        until = datetime.fromisoformat(said["until"]) if said.get("until") else None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} sets no pace: {error}") from error

    def now() -> datetime:
        instant = system_now()
        fast = instant if until is None else min(instant, max(until, system))
        return domain + (fast - system) * speed + (instant - fast)

    return Pace(now, speed)
