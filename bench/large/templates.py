"""Templates: what a petition that was played left in tables and on topics, with everything that is its own cut out.

Its own are its ids, its tracking code, its instants and dates, its address and trouble, what is sealed, and its numbers
in departments' feeds. All else (codes of places and departments, states, who acted) stays as it is. Nothing is known
here of any event's meaning, and of tables little, so what is added to them later is carried along.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from bench.large.played_time import Times
from bench.large.tables import BYTES, Table, Treatment
from bench.large.texts import Matter
from deploy.local.errors import LocalRunError
from services.intake.vault import Vault, WrappedKey

SYSTEM: Final = frozenset({"recorded_at", "stored_at", "ce_recordedtime"})
"""Columns and headers that tell the system's time: it was a minute while the domain's was weeks."""

SEQUENCE: Final = "ce_sequence"
"""The header that holds an event's number in a department's feed."""

NO_BYTES: Final = "\\\\x"
"""How COPY writes no bytes at all; others follow it in hexadecimal."""

_NULL: Final = "\\N"
_KINDS: Final = ("uuid", "instant", "date", "code", "address", "trouble")
_OWN: Final = r"""
(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})
|(?P<instant>\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00|\+00)?)
|(?P<date>\d{4}-\d\d-\d\d)(?!\d)"""
_AS_SECONDS: Final = len("2026-11-26T09:30:00")

Key = tuple[Any, ...]
"""What stands in a place that was cut out: its kind, and what the template had there."""

Part = str | int
"""A piece of a text as it is, or the number of a place."""

Values = Sequence[bytes]
"""What stands in each place, by its number."""


class TemplateError(LocalRunError):
    """What was played left something that cannot be multiplied as it should be."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with places cut out: every second of its parts is one."""

    parts: list[bytes]
    places: Callable[[Values], Sequence[bytes]]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "Pattern":
        """Return a pattern of pieces and places in any order."""
        texts, places = [""], list[int]()
        for part in parts:
            if isinstance(part, int):
                places.append(part)
                texts.append("")
            else:
                texts[-1] += part
        woven = [b""] * (2 * len(texts) - 1)
        woven[0::2] = [text.encode() for text in texts]
        return cls(woven, _taking(places))

    def __len__(self) -> int:
        """Return how long the text is without its places."""
        return sum(map(len, self.parts))

    def filled(self, values: Values) -> bytes:
        """Return the text with the values of its places."""
        parts = self.parts.copy()
        parts[1::2] = self.places(values)
        return b"".join(parts)


def _taking(places: Sequence[int]) -> Callable[[Values], Sequence[bytes]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]


@dataclass(frozen=True, slots=True)
class Message:
    """An event on a topic; each header's value stands in a place, also one that never changes."""

    topic: str
    names: Sequence[str]
    headers: Callable[[Values], Sequence[bytes]]
    value: Pattern


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer, and when it was stored."""

    row: Pattern
    stored: int


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit counts as: when it was made, where it is counted, and what it adds to each of the counters."""

    at: int
    street: str
    department: str
    counts: tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the resident wrote, as it was before it was sealed; additions by their ids."""

    words: str
    additions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """One petition that was played. All instants are the domain's, in seconds since 1970."""

    petition: str
    matter: Matter
    submitted: int
    last: int
    over: bool
    """Whether no clock of it is open any more."""

    fires: int | None
    """When the first of its clocks wants attention, if one will."""

    rows: Mapping[Table, Pattern]
    answers: Mapping[Table, Sequence[Answer]]
    messages: Sequence[Message]
    visits: Sequence[Visited]
    sealed: Sealed | None
    keys: Sequence[Key]
    """What stands in each place, by its number."""


@dataclass
class Left:
    """What one petition left: its rows by table, as COPY writes them, and its messages; all in order."""

    rows: dict[Table, list[Sequence[str]]] = field(default_factory=dict[Table, list[Sequence[str]]])
    messages: list[tuple[str, Sequence[tuple[str, bytes]], bytes]] = field(
        default_factory=list[tuple[str, Sequence[tuple[str, bytes]], bytes]]
    )

    def of(self, service: str, name: str) -> list[dict[str, str]]:
        """Return the rows of a table by columns' names; none if it has none."""
        return [
            dict(zip(table.columns, row, strict=True))
            for table, rows in self.rows.items()
            if (table.service, table.name) == (service, name)
            for row in rows
        ]


def template_of(
    petition: str, left: Left, matter: Matter, times: Times, vault: Vault, departments: Mapping[str, str]
) -> Template:
    """Return the template of a petition that was played.

    :param departments: the departments by their feeds' topics.
    :raises TemplateError: it cannot be multiplied as it should be.
    """
    [stored] = left.of("intake", "own.petition")
    cutter = _Cutter(stored["tracking_code"], matter, times)
    rows, answers = dict[Table, Pattern](), dict[Table, list[Answer]]()
    for table, lines in left.rows.items():
        if table.treatment is Treatment.ANSWERED:
            stored_at = table.columns.index("stored_at")
            answers[table] = [
                Answer(Pattern.of(cutter.row(table, line)), cutter.seconds(line[stored_at], system=True))
                for line in lines
            ]
        else:
            rows[table] = Pattern.of(part for line in lines for part in cutter.row(table, line))
    messages = [
        cutter.message(topic, departments.get(topic), headers, value) for topic, headers, value in left.messages
    ]
    open_clocks = [
        clock for service in _services(left) for clock in left.of(service, "own.clock") if clock["state"] != "STOPPED"
    ]
    fires = [cutter.seconds(clock["fires_at"]) for clock in open_clocks if clock["fires_at"] != _NULL]
    events = [event for service in _services(left) for event in left.of(service, "own.event")]
    return Template(
        petition=petition,
        matter=matter,
        submitted=cutter.seconds(stored["submitted_at"]),
        last=max(cutter.seconds(event["happened_at"]) for event in events),
        over=not open_clocks,
        fires=min(fires) if fires else None,
        rows=rows,
        answers=answers,
        messages=messages,
        visits=list(_visits(left, cutter)),
        sealed=_opened(UUID(petition), left, vault),
        keys=list(cutter.numbers),
    )


def _services(left: Left) -> Sequence[str]:
    return sorted({table.service for table in left.rows})


def _visits(left: Left, cutter: "_Cutter") -> Iterable[Visited]:
    """Yield what the visits count as (decision 16); the loader compares their sum with the counters."""
    departments = {case["cycle"]: case["department"] for case in left.of("feedback", "own.case")}
    for visit in left.of("feedback", "own.visit"):
        if visit["stands"] == "f" or visit["outcome"] == "MISSED":
            continue
        missed = visit["outcome"] == "NOT_REACHED"
        said = [int(visit[answer] == "t") for answer in ("responded", "solved", "satisfied")]
        counts = (0, 1, 0, 0, 0) if missed else (1, 0, said[0], said[1], said[2])
        [petition] = left.of("feedback", "own.petition")
        department = departments[visit["cycle"]]
        yield Visited(
            cutter.seconds(visit["visited_at"]), petition["street"], "" if department == _NULL else department, counts
        )


def _opened(petition: UUID, left: Left, vault: Vault) -> Sealed | None:
    """Return what is sealed, opened; None once it was erased.

    :raises TemplateError: it is sealed with another key than a copy would be.
    """
    found = left.of("intake", "own.original")
    if not found:
        return None
    [original] = found
    if original["master_key"] != vault.current_master:
        raise TemplateError(f"the words of petition {petition} are not sealed with the current master key")
    key = vault.unwrap(petition, WrappedKey(original["master_key"], _bytes(original["wrapped_key"])))
    additions = {
        addition["addition_id"]: vault.open(
            key, petition, f"addition:{addition['addition_id']}", _bytes(addition["words"])
        )
        for addition in left.of("intake", "own.addition")
    }
    return Sealed(vault.open(key, petition, "words", _bytes(original["words"])), additions)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix(NO_BYTES))


def milliseconds(it: UUID) -> int:
    """Return when a UUIDv7 was made, since 1970."""
    return it.int >> 80


class _Cutter:
    """Cuts out what is a petition's own, and numbers the places."""

    def __init__(self, code: str, matter: Matter, times: Times) -> None:
        texts = {"code": code, "address": matter.address, "trouble": matter.trouble}
        own = "|".join(f"(?P<{kind}>{re.escape(text)})" for kind, text in texts.items())
        self._own = re.compile(f"{own}|{_OWN}", re.VERBOSE)
        self._times = times
        self._played = times.system.timestamp() * 1000
        self.numbers: dict[Key, int] = {}

    def _number(self, *key: Any) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def seconds(self, text: str, *, system: bool = False) -> int:
        """Return an instant of the domain, of whichever time it was told in, since 1970.

        :raises TemplateError: it is not in UTC.
        """
        at = datetime.fromisoformat(text.replace("+00:00", "Z").replace("+00", "Z"))
        if at.utcoffset() is None:
            raise TemplateError(f"an instant without an offset: {text}")
        return int((self._times.at(at) if system else at).timestamp())

    def row(self, table: Table, line: Sequence[str]) -> Iterable[Part]:
        """Yield a row's parts, as COPY reads it."""
        for nth, (column, text) in enumerate(zip(table.columns, line, strict=True)):
            if nth:
                yield "\t"
            if f"{table.name}.{column}" in BYTES and text not in {_NULL, NO_BYTES}:
                yield self._number("bytes", f"{table.name}.{column}", line[1], text)
            elif table.treatment is Treatment.NUMBERED and column == "number":
                yield self._number("number", line[table.columns.index("department")], int(text), "d")
            else:
                yield from self._cut(text, system=column in SYSTEM)
        yield "\n"

    def message(
        self, topic: str, department: str | None, headers: Sequence[tuple[str, bytes]], value: bytes
    ) -> Message:
        """Return an event as a message that can be sent for each copy."""
        places: list[int] = []
        for name, said in headers:
            parts = [part for part in self._cut(said.decode(), system=name in SYSTEM) if part != ""]
            if department is not None and name == SEQUENCE:
                parts = [self._number("number", department, int(said), "010d")]
            match parts:
                case [int(place)]:
                    places.append(place)
                case [*_] if any(isinstance(part, int) for part in parts):
                    places.append(self._number("woven", tuple(parts)))
                case _:
                    places.append(self._number("same", said))
        return Message(topic, [name for name, _ in headers], _taking(places), Pattern.of(self._cut(value.decode())))

    def _cut(self, text: str, *, system: bool = False) -> Iterable[Part]:
        """Yield a text's parts; `system`: its instants are the system's."""
        end = 0
        for found in self._own.finditer(text):
            kind = next(kind for kind in _KINDS if found[kind] is not None)
            if kind == "uuid" and not self._is_own(UUID(found["uuid"])):
                continue
            yield text[end : found.start(kind)]
            yield self._place(kind, found, system=system)
            end = found.end(kind)
        yield text[end:]

    def _place(self, kind: str, found: re.Match[str], *, system: bool) -> int:
        match kind:
            case "uuid":
                return self._number(kind, found[kind])
            case "instant":
                seconds = self.seconds(found[kind], system=system)
                return self._number(kind, seconds, found[kind][10], found[kind][_AS_SECONDS:])
            case "date":
                return self._number(kind, date.fromisoformat(found[kind]).toordinal())
            case _:
                return self._number(kind)

    def _is_own(self, it: UUID) -> bool:
        """Tell whether an id was made while lives were played; reference entries were made before."""
        return it.version != 7 or milliseconds(it) >= self._played
