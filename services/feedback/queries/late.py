"""The board: clocks of all three services that are late, the gravest level first, in it the longest late first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import Audience, ClockKind, ClockState, Responsible, Source
from services.feedback.domain.late import Part
from services.kernel.clocks import Level, responsible, told
from services.kernel.db import Connection, Row
from services.kernel.ids import ClockId, PetitionId


@dataclass(frozen=True, slots=True)
class _Table:
    """Where late clocks are: their columns as the board has them, which of them are late, and how a level is stored."""

    name: str
    columns: str
    late: str
    level: str


_THEIRS: Final = _Table(
    "view.clock",
    "petition_id, clock_id, source, kind, cycle, state, paused_at, due_at, level, tells, street, department",
    "entry.state <> 'STOPPED'",
    "wanted.level",
)
"""Intake's and dispatch's, as their events say."""

_OURS: Final = _Table(
    "own.clock",
    """petition_id, clock_id, 'feedback' AS source, kind, cycle, state, paused_at, due_at,
       (level - 1)::smallint AS level, NULL::text[] AS tells, street, NULL::text AS department""",
    "entry.level > 1 AND entry.state <> 'STOPPED'",
    "(wanted.level + 1)::smallint",
)
"""Feedback's own: they measure no department, and count the reminder as a level."""

# As numbers, of which the planner knows nothing and so expects that nearly all pass (as in queries/cases.py).
_FILTER: Final = """
                ($5::text IS NOT NULL AND entry.kind IS DISTINCT FROM $5)::int <> 1
                AND ($6::text IS NOT NULL AND entry.street IS DISTINCT FROM $6)::int <> 1"""


def _level_by_level(table: _Table, column: str = "", value: str = "") -> str:
    """Compose the reading of one index: between rows, the longest limit inside the page's own (as in queries/cases.py).

    Each level begins where the page before left it, and ends with what is due by now.
    """
    return f"""
    SELECT found.* FROM unnest($1::smallint[], $2::timestamptz[], $3::uuid[]) AS wanted (level, due_at, clock_id)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {table.columns} FROM {table.name} AS entry
            WHERE ({column} entry.level, entry.due_at, entry.clock_id)
                > ({value} {table.level}, wanted.due_at, wanted.clock_id)
              AND ({column} entry.level, entry.due_at) <= ({value} {table.level}, $7)
              AND {table.late} AND {_FILTER}
            ORDER BY {column} entry.level, entry.due_at, entry.clock_id LIMIT 101
        ) AS longest LIMIT $4
    ) AS found"""


def _page(name: str, *found: str) -> str:
    return f"""
-- late.{name}: a page of the board
SELECT * FROM ({" UNION ALL ".join(found)}) AS late ORDER BY level DESC, due_at, clock_id LIMIT $4"""


PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "by_level": _page("by_level", _level_by_level(_THEIRS), _level_by_level(_OURS)),
        "by_street": _page(
            "by_street",
            _level_by_level(_THEIRS, "entry.street,", "$6,"),
            _level_by_level(_OURS, "entry.street,", "$6,"),
        ),
        "by_department": _page("by_department", _level_by_level(_THEIRS, "entry.department,", "$8,")),
    }
)
"""One statement for each kind of index; the narrowest that a request allows is taken."""


def _counted(name: str, *tables: tuple[_Table, str]) -> str:
    """Compose a count of what is late now, read from the same indexes."""
    found = " UNION ALL ".join(
        f"""
    SELECT street, department, kind = 'RULING' AS ruling, level, due_at
    FROM (SELECT {table.columns} FROM {table.name} AS entry
          WHERE {table.late} AND entry.due_at <= $1 AND entry.level > 0 AND {place}) AS late"""
        for table, place in tables
    )
    return f"""
-- late.{name}: how much is late, by street, whom it measures, and level
SELECT street, department, ruling, level, count(*)::int AS number, min(due_at) AS oldest
FROM ({found}) AS late WHERE level = ANY($2)
GROUP BY street, department, ruling, level"""


_IN_STREET: Final = "($3::text IS NULL OR entry.street = $3)"
FIGURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "all": _counted("all", (_THEIRS, "$3::text IS NULL"), (_OURS, "$3::text IS NULL")),
        "of_street": _counted("of_street", (_THEIRS, "entry.street = $3"), (_OURS, "entry.street = $3")),
        "of_department": _counted("of_department", (_THEIRS, f"entry.department = $4 AND {_IN_STREET}")),
    }
)

_BEFORE_ALL: Final = UUID(int=0)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a late clock stands on the board."""

    level: int
    due_at: datetime
    clock_id: ClockId

    @property
    def order(self) -> tuple[int, datetime, UUID]:
        """What the board is sorted by."""
        return -self.level, self.due_at, self.clock_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a part of the board, as it stands `now`."""

    part: Part
    now: datetime
    kind: ClockKind | None = None
    after: Place | None = None
    first: int = 20


@dataclass(frozen=True, slots=True)
class Late:
    """A late clock: what it measures, whom, since when, and who was told."""

    place: Place
    petition_id: PetitionId
    source: Source
    kind: ClockKind
    cycle: int
    state: ClockState
    paused_at: datetime | None
    street: str
    department: str | None
    tells: tuple[Audience, ...]

    @property
    def responsible(self) -> Responsible:
        """Whom it measures."""
        return responsible(self.kind, led=self.department is not None)


async def page(reader: Connection, wanted: Sequence[Wanted], first: int) -> tuple[list[Late], bool]:
    """Return a page of what is late in the given parts of the board, and whether there is more."""
    found: dict[ClockId, Late] = {}
    for part in wanted:
        for row in await reader.fetch(PAGES[index_for(part.part)], *arguments(part)):
            found[row["clock_id"]] = _late(row)
    ordered = sorted(found.values(), key=lambda late: late.place.order)
    return ordered[:first], len(ordered) > first


def index_for(part: Part) -> str:
    """Return the name of the statement that reads least."""
    if part.department is not None:
        return "by_department"
    return "by_level" if part.street is None else "by_street"


def arguments(wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters of a page; one more than a page is asked for, to see whether there is more."""
    part, after = wanted.part, wanted.after
    levels = [level for level in part.levels if after is None or level <= after.level]
    starts = [(after.due_at, after.clock_id) if after and level == after.level else None for level in levels]
    places = [start or (_BEGINNING, _BEFORE_ALL) for start in starts]
    own = () if part.department is None else (part.department,)
    due, ids = [due_at for due_at, _ in places], [clock_id for _, clock_id in places]
    return (levels, due, ids, wanted.first + 1, wanted.kind, part.street, wanted.now, *own)


def _late(row: Row) -> Late:
    kind, level = ClockKind(row["kind"]), row["level"]
    tells = row["tells"]
    return Late(
        place=Place(level, row["due_at"], row["clock_id"]),
        petition_id=row["petition_id"],
        source=Source(row["source"]),
        kind=kind,
        cycle=row["cycle"],
        state=ClockState(row["state"]),
        paused_at=row["paused_at"],
        street=row["street"],
        department=row["department"],
        tells=told(kind, Level(level + 1), led=False) if tells is None else tuple(Audience(who) for who in tells),
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """How many clocks are late at a level, of a street and whom they measure, and when the oldest was due."""

    street: str
    responsible: Responsible
    department: str | None
    level: int
    number: int
    oldest: datetime


async def figures(reader: Connection, parts: Sequence[Part], now: datetime) -> list[Figure]:
    """Return the counts of what is late in the given parts of the board; what lies in two of them is counted once."""
    found: set[Figure] = set()
    for part in parts:
        for row in await reader.fetch(FIGURES[figures_index(part)], *figures_arguments(part, now)):
            found.add(_figure(row))
    return sorted(found, key=lambda f: (f.street, f.responsible, f.department or "", -f.level))


def figures_index(part: Part) -> str:
    """Return the name of the statement that counts a part."""
    if part.department is not None:
        return "of_department"
    return "all" if part.street is None else "of_street"


def figures_arguments(part: Part, now: datetime) -> tuple[object, ...]:
    """Return the parameters of a count."""
    own = () if part.department is None else (part.department,)
    return (now, list(part.levels), part.street, *own)


def _figure(row: Row) -> Figure:
    whom = Responsible.DEPARTMENT if row["department"] else Responsible.STREET_COMMITTEE
    return Figure(
        street=row["street"],
        responsible=Responsible.DISTRICT_SUPERVISOR if row["ruling"] else whom,
        department=row["department"],
        level=row["level"],
        number=row["number"],
        oldest=row["oldest"],
    )
