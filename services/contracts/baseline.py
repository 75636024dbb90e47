"""The contracts as they were last released: what integrators have built upon, copied beside what is generated now.

A release is a version (1.0.0, then 1.1.0 when something was added, 1.0.1 when only words have changed), its day, the
schemas and the AsyncAPI document. Majors are each topic's own, and stand in its name: docs/compatibility.md.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from services.contracts.compatibility import Contracts, new_types, news, refusals
from services.contracts.schema_changes import Refusal

SCHEMAS: Final = "schemas"
DOCUMENT: Final = "asyncapi.json"
HERE: Final = Path(__file__).parent
BASELINE: Final = HERE / "baseline"
HISTORY: Final = HERE.parents[1] / "docs" / "contracts-history.md"
_RELEASE: Final = "release.json"
_FIRST: Final = "1.0.0"
_HEAD: Final = """# The contracts' history

What each release of the event contracts added and announced. Within a major nothing is taken away or changed that a
reader goes by: [compatibility](compatibility.md#events).
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """The present contracts against a release: what would break somebody, what is new, which types of events."""

    refused: Sequence[Refusal]
    news: Sequence[str]
    unknown_types: Sequence[str]


def version() -> str:
    """Return the released version; before the first release, what it will be."""
    return _release()["version"] if is_there() else _FIRST


def _release() -> Mapping[str, str]:
    return json.loads((BASELINE / _RELEASE).read_text(encoding="utf-8"))


def contracts(folder: Path) -> Contracts:
    """Read contracts from a folder: the present ones, or a release's."""
    files = sorted((folder / SCHEMAS).rglob("*.json"))
    return Contracts(
        schemas={f.relative_to(folder / SCHEMAS).as_posix(): json.loads(f.read_text(encoding="utf-8")) for f in files},
        document=json.loads((folder / DOCUMENT).read_text(encoding="utf-8")),
    )


def topics() -> list[str]:
    """Return a sentence for every topic that exists: what the first release is."""
    channels = contracts(HERE).channels().values()
    return [f"topic `{channel['address']}`, {_counted(len(channel['messages']))}" for channel in channels]


def _counted(events: int) -> str:
    return "one event" if events == 1 else f"{events} events"


def compare(today: date, *, released_today: bool = False) -> Compared:
    """Compare the present contracts with the release.

    The notice of a topic's end counts from the last release, so that what was right stays right as days pass; if they
    are released today, from today on.
    """
    old, new = contracts(BASELINE), contracts(HERE)
    announced = today if released_today else date.fromisoformat(_release()["released"])
    return Compared(refusals(old, new, today=today, announced=announced), news(old, new), new_types(old, new))


def next_version(compared: Compared) -> str | None:
    """Return the version that the present contracts become; None when nothing has changed."""
    major, minor, patch = (int(part) for part in version().split("."))
    if compared.news:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if contracts(BASELINE) != contracts(HERE) else None


def move(to: str, news_: Sequence[str], today: date) -> None:
    """Name the release that the present contracts are, and write down its news; `keep` then copies them."""
    BASELINE.mkdir(exist_ok=True)
    release = {"version": to, "released": today.isoformat()}
    (BASELINE / _RELEASE).write_text(json.dumps(release, indent=2) + "\n", encoding="utf-8")
    before = HISTORY.read_text(encoding="utf-8").removeprefix(_HEAD) if HISTORY.exists() else ""
    lines = "\n".join(f"- {line}" for line in news_)
    HISTORY.write_text(f"{_HEAD}\n## {to} ({today.isoformat()})\n\n{lines}\n{before}", encoding="utf-8")


def keep() -> None:
    """Copy the present contracts: they are the release now."""
    shutil.rmtree(BASELINE / SCHEMAS, ignore_errors=True)
    shutil.copytree(HERE / SCHEMAS, BASELINE / SCHEMAS)
    shutil.copy(HERE / DOCUMENT, BASELINE / DOCUMENT)


def is_there() -> bool:
    """Tell whether anything was ever released."""
    return (BASELINE / _RELEASE).exists()
