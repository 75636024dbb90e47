"""Looks at contact data, the latest first: all, or those of one petition, street or person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.kernel.db import Connection
from services.kernel.ids import PetitionId

# As numbers, of which the planner knows nothing and so expects that nearly all pass (as in queries/petitions.py).
_FILTER: Final = """
          AND ($2::text IS NOT NULL AND subject IS DISTINCT FROM $2)::int <> 1
          AND ($3::text IS NOT NULL AND street IS DISTINCT FROM $3)::int <> 1"""


def _page(name: str, column: str = "", value: str = "") -> str:
    """Compose the reading of one index: between rows, so that no other has this order (as in queries/petitions.py)."""
    descending = "".join(f"{name} DESC, " for name in column.split(", ") if name)
    column, value = (f"{column}, ", f"{value}, ") if column else ("", "")
    return f"""
-- contact_looks.{name}: a page, the latest first
SELECT * FROM (
    SELECT look_id, petition_id, looked_at, street, role, subject, purpose FROM own.contact_look
    WHERE ({column}looked_at, look_id) < ({value}$4, $5) AND ({column}looked_at) < ({value}$6)
      AND ({column}looked_at) >= ({value}$7) AND ($1::uuid IS NULL OR petition_id = $1){_FILTER}
    ORDER BY {descending}looked_at DESC, look_id DESC LIMIT 101
) AS longest LIMIT $8"""


PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "by_petition": _page("by_petition", "petition_id", "$1::uuid"),
        "by_subject": _page("by_subject", "subject", "$2::text"),
        "by_street": _page("by_street", "street", "$3::text"),
        "by_subject_and_street": _page("by_subject_and_street", "subject, street", "$2::text, $3::text"),
        "by_time": _page("by_time"),
    }
)
"""One statement for each index; the narrowest that a request allows is taken (contact_look_…)."""

_END: Final = datetime(9999, 12, 31, tzinfo=UTC)
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page: filters that are absent do not filter. `since` is in it and `before` is not."""

    petition: PetitionId | None = None
    subject: str | None = None
    street: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    first: int = 20


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody looked at a petition's contact data."""

    id: UUID
    petition_id: PetitionId
    at: datetime
    street: str
    role: str
    subject: str
    purpose: str


def index_for(wanted: Wanted) -> str:
    """Return the name of the statement that reads least."""
    if wanted.petition is not None:
        return "by_petition"
    if wanted.subject is not None:
        return "by_subject" if wanted.street is None else "by_subject_and_street"
    return "by_street" if wanted.street is not None else "by_time"


def arguments(wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters that all pages have; one more than a page is asked for, to see whether there is more."""
    return (
        wanted.petition,
        wanted.subject,
        wanted.street,
        *(wanted.after or (_END, _LAST)),
        wanted.before or _END,
        wanted.since or _BEGINNING,
        wanted.first + 1,
    )


async def page(reader: Connection, wanted: Wanted) -> tuple[list[Look], bool]:
    """Return a page, and whether there is more."""
    rows = await reader.fetch(PAGES[index_for(wanted)], *arguments(wanted))
    looks = [
        Look(r["look_id"], r["petition_id"], r["looked_at"], r["street"], r["role"], r["subject"], r["purpose"])
        for r in rows
    ]
    return looks[: wanted.first], len(looks) > wanted.first
