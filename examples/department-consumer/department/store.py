"""The department's own database: what it knows, how far it has read, and what it still has to answer.

What an event changes, its number and the answer that it asks for are written in one transaction. So whenever the
program is killed, an event counts once or not yet, and no answer is lost.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from department import models
from department.desk import Answer, Order
from department.event import Event, Place

TABLES = """
CREATE TABLE IF NOT EXISTS place (
    source TEXT PRIMARY KEY,
    last INTEGER NOT NULL DEFAULT 0,
    next_offset INTEGER,
    cursor TEXT,
    duplicates INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    petition TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    known INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS work_order (
    id TEXT PRIMARY KEY,
    petition TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    tracking_code TEXT NOT NULL,
    title TEXT NOT NULL,
    request TEXT NOT NULL,
    category TEXT NOT NULL,
    community TEXT NOT NULL,
    deadline_class TEXT NOT NULL,
    state TEXT NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS clock (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    due_at TEXT NOT NULL,
    state TEXT NOT NULL,
    level INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS clock_about ON clock (about);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    mutation TEXT NOT NULL,
    about TEXT NOT NULL,
    input TEXT NOT NULL,
    not_before REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT 'WAITING',
    said TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS answer_waiting ON answer (not_before) WHERE outcome = 'WAITING';
"""

BUSY_SECONDS = 60.0
"""How long to wait for whoever looks into the file."""

STATES = {
    "work_order.assigned": "ASSIGNED",
    "work_order.ruled": "ASSIGNED",
    "work_order.referred_for_ruling": "UNDER_RULING",
    "work_order.acknowledged": "ACKNOWLEDGED",
    "work_order.started": "IN_PROGRESS",
    "work_order.information_requested": "IN_PROGRESS",
    "work_order.resumed": "IN_PROGRESS",
    "work_order.replied": "REPLIED",
    "work_order.reply_returned": "IN_PROGRESS",
    "work_order.cancelled": "CANCELLED",
    "work_order.declined": "DECLINED",
    "work_order.relieved": "RELIEVED",
}
"""Where an order stands after an event. DECLINED and RELIEVED: it is another's, and no more is heard of it here."""

CLOCKS = {"clock.paused": "PAUSED", "clock.stopped": "STOPPED"}

Decide = Callable[[msgspec.Struct, Order | None], Sequence[Answer]]


class OtherFeed(Exception):
    """What came is not the feed that this database follows: another department's, or another installation's."""


class BrokenContract(Exception):
    """An event does not follow its own schema; nothing behind it is taken before somebody has looked."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch: the events that were new, how many had been taken before, and a gap, if there is one."""

    new: list[Event]
    duplicates: int
    gap: tuple[int, int] | None
    """The number that should have come, and the one that did."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that has to be sent; `key` makes that a repeated one does nothing twice."""

    key: str
    mutation: str
    about: str
    input: dict[str, Any]
    tries: int


class Store:
    """The database, of one department."""

    def __init__(self, file: Path, source: str, *, works: float = 0.0, now: Callable[[], float] = time.time) -> None:
        """Open the database, and make it if it is not there.

        :param source: the `ce_source` of the department's feed.
        :param works: after how many seconds of work an order is replied to.
        """
        self._source, self._works, self._now = source, works, now
        self._db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        with self._transaction():
            for statement in TABLES.split(";"):
                self._db.execute(statement)
            self._db.execute("INSERT OR IGNORE INTO place (source) VALUES (?)", [source])

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @property
    def last(self) -> int:
        """The number of the last event that was taken."""
        return self._place()["last"]

    @property
    def place(self) -> Place:
        """Where to go on reading."""
        row = self._place()
        return Place(row["next_offset"], row["cursor"])

    def take(self, events: Sequence[Event], place: Place, decide: Decide) -> Taken:
        """Take events in their order, as far as there is no gap; all of it, or nothing if the program ends in between.

        :raises OtherFeed: they are of another feed.
        :raises BrokenContract: one does not follow its schema.
        """
        new: list[Event] = []
        duplicates, gap = 0, None
        with self._transaction():
            last = self.last
            for event in events:
                if event.source != self._source:
                    raise OtherFeed(f"event {event.sequence} is of {event.source}, and this database of {self._source}")
                if event.sequence <= last:
                    self._require_same(event)
                    duplicates += 1
                elif event.sequence > last + 1:
                    gap = (last + 1, event.sequence)
                    break
                else:
                    self._apply(event, decide)
                    new.append(event)
                    last = event.sequence
            reached = Place() if gap else place
            self._db.execute(
                "UPDATE place SET last = ?, duplicates = duplicates + ?, next_offset = coalesce(?, next_offset),"
                " cursor = coalesce(?, cursor) WHERE source = ?",
                [last, duplicates, reached.offset, reached.cursor, self._source],
            )
        return Taken(new, duplicates, gap)

    def next_answer(self) -> Waiting | None:
        """Return the answer that is due first, if one is."""
        row = self._one(
            "SELECT * FROM answer WHERE outcome = 'WAITING' AND not_before <= ? ORDER BY not_before, rowid LIMIT 1",
            [self._now()],
        )
        if row is None:
            return None
        return Waiting(row["key"], row["mutation"], row["about"], json.loads(row["input"]), row["tries"])

    def answered(self, key: str, outcome: str, said: str = "") -> None:
        """Note what came of an answer: DONE, OVERTAKEN (somebody had done it) or REFUSED."""
        with self._transaction():
            self._db.execute("UPDATE answer SET outcome = ?, said = ? WHERE key = ?", [outcome, said, key])

    def again(self, key: str, after: float, said: str) -> None:
        """Note that an answer has to be sent again, after some seconds."""
        with self._transaction():
            self._db.execute(
                "UPDATE answer SET tries = tries + 1, not_before = ?, said = ? WHERE key = ?",
                [self._now() + after, said, key],
            )

    def unsent(self) -> int:
        """Return how many answers wait that were tried already; others wait for their work to be done."""
        row = self._one("SELECT count(*) AS n FROM answer WHERE outcome = 'WAITING' AND tries > 0", [])
        assert row is not None
        return row["n"]

    def orders(self) -> list[dict[str, Any]]:
        """Return the work orders, the oldest first, each with its clock that is due first."""
        rows = self._db.execute(
            "SELECT o.*, min(c.due_at) AS due_at, c.kind, c.level FROM work_order AS o"
            " LEFT JOIN clock AS c ON c.about = o.id AND c.state != 'STOPPED' GROUP BY o.id ORDER BY o.rowid"
        )
        return [dict(row) for row in rows]

    def figures(self) -> dict[str, int]:
        """Return how much came, and what became of the answers."""
        place = self._place()
        answers = self._db.execute("SELECT outcome, count(*) AS n FROM answer GROUP BY outcome")
        unknown = self._one("SELECT count(*) AS n FROM event WHERE NOT known", [])
        assert unknown is not None
        return {
            "events": place["last"],
            "duplicates": place["duplicates"],
            "unknown": unknown["n"],
            **{row["outcome"]: row["n"] for row in answers},
        }

    def _apply(self, event: Event, decide: Decide) -> None:
        model = models.EVENTS.get(event.schema)
        self._db.execute(
            "INSERT INTO event (sequence, id, type, petition, time, data, known) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                *(event.sequence, event.id, event.type, event.petition, event.time.isoformat(), event.data.decode()),
                model is not None,
            ],
        )
        if model is None:  # types and majors that came after this program: kept, and passed over
            return
        try:
            told = msgspec.json.decode(event.data, type=model)
        except msgspec.ValidationError as error:
            raise BrokenContract(f"event {event.sequence}, {event.type}: {error}") from error
        # What was to be answered before is done, or is not to be done any more: the last event about a thing decides.
        if about := getattr(told, "work_order_id", getattr(told, "instruction_id", None)):
            self._db.execute(
                "UPDATE answer SET outcome = 'OVERTAKEN', said = ? WHERE about = ? AND outcome = 'WAITING'",
                [f"{event.type} came first", about],
            )
        order = self._apply_to_order(event, told)
        self._apply_to_clock(event, told)
        for nth, answer in enumerate(decide(told, order)):  # by the event's id: sent again, it does nothing twice
            self._db.execute(
                "INSERT INTO answer (key, mutation, about, input, not_before) VALUES (?, ?, ?, ?, ?)",
                [
                    *(f"{event.id}-{nth}" if nth else event.id, answer.mutation, answer.about),
                    *(json.dumps(answer.input), self._now() + (self._works if answer.after_work else 0.0)),
                ],
            )

    def _apply_to_order(self, event: Event, told: Any) -> Order | None:
        if event.type not in STATES:
            return None
        id_ = told.work_order_id
        if isinstance(told, models.WorkOrderAssigned | models.WorkOrderRuled):
            matter = told.matter
            self._db.execute(
                "INSERT OR REPLACE INTO work_order (id, petition, cycle, tracking_code, title, request, category,"
                " community, deadline_class, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(id_, event.petition, event.cycle, matter.tracking_code, matter.title, matter.request),
                    *(matter.category, told.community, told.deadline_class.value, STATES[event.type]),
                ],
            )
        else:
            asked = event.type == "work_order.information_requested"
            self._db.execute(
                "UPDATE work_order SET state = ?, asked = asked OR ? WHERE id = ?", [STATES[event.type], asked, id_]
            )
        row = self._one("SELECT deadline_class, asked FROM work_order WHERE id = ?", [id_])
        return Order(row["deadline_class"], bool(row["asked"])) if row else None

    def _apply_to_clock(self, event: Event, told: Any) -> None:
        if not event.type.startswith("clock."):
            return
        level = told.level if isinstance(told, models.ClockEscalated) else 0
        self._db.execute(
            "INSERT INTO clock (id, kind, about, due_at, state, level) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, state = excluded.state,"
            " level = max(level, excluded.level)",
            [
                *(told.clock_id, told.kind.value, told.about, told.due_at.isoformat()),
                *(CLOCKS.get(event.type, "RUNNING"), level),
            ],
        )

    def _require_same(self, event: Event) -> None:
        known = self._one("SELECT id FROM event WHERE sequence = ?", [event.sequence])
        if known is None or known["id"] != event.id:
            raise OtherFeed(f"event {event.sequence} was another one before: this feed has begun anew")

    def _place(self) -> sqlite3.Row:
        row = self._one("SELECT * FROM place WHERE source = ?", [self._source])
        assert row is not None
        return row

    def _one(self, query: str, given: Sequence[object]) -> sqlite3.Row | None:
        return self._db.execute(query, given).fetchone()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
