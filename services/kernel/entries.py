"""Reference entries as a file brings them: read, and checked against what is recorded already, all faults at once.

Which kinds a service owns, and what its entries name, it says itself (`domain/reference.py`); what follows from that is
the same for all.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec

from services.contracts.reference import AnyEntry, Entry, Name, key_of, kind_of
from services.contracts.vocabulary import ReferenceKind
from services.kernel import text
from services.kernel.errors import InvalidInput

MOST: Final = 20_000
"""Entries of one file: several times a city's streets and communities, and one transaction of some seconds."""

LONGEST_NAME: Final = 100
LONGEST_ID: Final = 64

# Ids travel in headers that are lists with commas, in keys behind a colon, and in names of topics.
_ID: Final = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9_-]{{0,{LONGEST_ID - 2}}}[A-Za-z0-9])?")
_ENTRY: Final = msgspec.json.Decoder(AnyEntry)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def is_id(code: str) -> bool:
    """Tell whether an entry could have this id."""
    return _ID.fullmatch(code) is not None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the nth entry of a file (from 1), in a clause that says what would be right."""

    position: int
    key: str
    what: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"entry {self.position}{f' ({self.key})' if self.key else ''}: {self.what}"


class FaultyEntries(InvalidInput):
    """Entries were refused, all of them: a district's data is recorded as a whole or not at all."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.position))
        count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
        super().__init__("entries", "\n".join([f"Nothing was recorded, because of {count}:", *map(str, self.faults)]))


@dataclass(frozen=True, slots=True)
class Link:
    """A field by which an entry names one or several others, of one kind."""

    field: str
    kind: ReferenceKind

    def named_by(self, entry: AnyEntry) -> list[str]:
        """Return the keys that an entry names by it."""
        given: str | tuple[str, ...] | None = getattr(entry, self.field)
        ids = (given,) if isinstance(given, str) else given or ()
        return [f"{self.kind.value}:{code}" for code in ids]


@dataclass(frozen=True, slots=True)
class Owned:
    """What a service records: each kind with its links, and why it does not take other kinds."""

    links: Mapping[ReferenceKind, Sequence[Link]]
    others: Mapping[ReferenceKind, str]

    def named_by(self, entry: AnyEntry) -> list[tuple[str, str]]:
        """Return the fields by which an entry names others, with what each names."""
        return [(link.field, key) for link in self.links[kind_of(entry)] for key in link.named_by(entry)]


@dataclass(frozen=True, slots=True)
class RecordEntries:
    """Entries as they are to stand; with `only_new`, those that exist already stay as they are, however they differ."""

    entries: tuple[AnyEntry, ...]
    only_new: bool = False


class EntriesRecorded(msgspec.Struct, frozen=True):
    """How many entries were new or differed, and how many were left as they are.

    `unheard` are codes of other services' that were named and have not arrived here, or are retired.
    """

    recorded: int
    unchanged: int
    unheard: tuple[str, ...] = ()


def read_entries(file: bytes) -> tuple[AnyEntry, ...]:
    """Return the entries of a file: a JSON list.

    :raises InvalidInput: it is no such list, empty, or longer than MOST.
    :raises FaultyEntries: entries that cannot be read, each with its place.
    """
    try:
        rows = msgspec.json.decode(file.removeprefix(_BYTE_ORDER_MARK), type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("entries", f"This is no JSON list of entries: {error}") from None
    if not 1 <= len(rows) <= MOST:
        raise InvalidInput("entries", f"There are {len(rows)} entries; a file has from 1 to {MOST}.")
    entries: list[AnyEntry] = []
    faults: list[Fault] = []
    for position, row in enumerate(rows, 1):
        try:
            entries.append(_ENTRY.decode(row))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(position, *_unreadable(row, str(error))))
        else:
            faults += [Fault(position, key_of(entries[-1]), what) for what in _unknown_fields(row, entries[-1])]
    if faults:
        raise FaultyEntries(faults)
    return tuple(entries)


def written(entries: Sequence[AnyEntry]) -> bytes:
    """Return entries as a file, one a line, those that others may name first."""
    kinds = list(ReferenceKind)
    lines = [msgspec.json.encode(e) for e in sorted(entries, key=lambda e: (kinds.index(kind_of(e)), e.id))]
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def _unreadable(row: msgspec.Raw, error: str) -> tuple[str, str]:
    """Return the key of what could not be read, as far as it has one, and why it could not."""
    try:
        found: Any = msgspec.json.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        return "", f"it is no object with kind, id and name ({error})"
    fields = cast(dict[str, Any], found)
    kind, code = fields.get("kind"), fields.get("id")
    if not isinstance(kind, str) or kind not in set(ReferenceKind):
        return "", f"there is no kind {str(kind)[:LONGEST_ID]!r}; kinds are {', '.join(ReferenceKind)}"
    return f"{kind}:{str(code)[:LONGEST_ID]}", error[:1].lower() + error[1:]


def _unknown_fields(row: msgspec.Raw, entry: AnyEntry) -> Iterable[str]:
    """Say which fields would be passed over: events may have newer ones, a file has misspelt ones."""
    given: dict[str, Any] = msgspec.json.decode(row)
    known = [it.encode_name for it in msgspec.structs.fields(type(entry))]
    for name in sorted(given.keys() - {"kind", *known}):
        yield f"it has no field {name[:LONGEST_ID]!r}; fields are {', '.join(known)}"


@dataclass(slots=True)
class _Standing:
    """What would stand after a recording, and where in the file it comes from, if it does."""

    owned: Owned
    entries: dict[str, AnyEntry]
    positions: dict[str, int] = field(default_factory=dict[str, int])


def to_record(
    cmd: RecordEntries, known: Iterable[AnyEntry], owned: Owned, more: Mapping[type[Entry], Any] | None = None
) -> list[AnyEntry]:
    """Return which entries a command records, or refuse all of them.

    :param known: the entries that the service owns, as they stand.
    :param more: for a type of entries what else is wrong with one of them, as clauses.
    :raises FaultyEntries: naming every fault.
    """
    standing = {key_of(entry): entry for entry in known if kind_of(entry) in owned.links}
    faults: list[Fault] = []
    positions: dict[str, int] = {}
    taken: list[AnyEntry] = []
    for position, entry in enumerate(cmd.entries, 1):
        key = key_of(entry)
        clauses = list(_alone(entry, owned))
        if more and (check := more.get(type(entry))) is not None:
            clauses += check(entry)
        if key in positions:
            clauses.append(f"it is given twice: entry {positions[key]} has the same id")
        faults += [Fault(position, key, clause) for clause in clauses]
        if kind_of(entry) not in owned.links or key in positions:
            continue
        positions[key] = position
        if not (cmd.only_new and key in standing):
            taken.append(entry)
    after = _Standing(owned, standing | {key_of(entry): entry for entry in taken})
    after.positions.update({key_of(entry): positions[key_of(entry)] for entry in taken})
    faults += [*_broken_links(after), *_circles(after)]
    if faults:
        raise FaultyEntries(faults)
    return taken


def _alone(entry: AnyEntry, owned: Owned) -> Iterable[str]:
    """Say what is wrong with an entry, whatever the others are."""
    if (kind := kind_of(entry)) not in owned.links:
        yield owned.others[kind]
    if not is_id(entry.id):
        yield (
            f"its id must have 1 to {LONGEST_ID} letters of a to z, digits, hyphens and underscores, "
            "and begin and end with a letter or a digit"
        )
    for it in msgspec.structs.fields(type(entry)):
        if isinstance(name := getattr(entry, it.name), Name):
            yield from _unfit(name.zh, f"{it.encode_name}.zh")
            yield from _unfit(name.en, f"{it.encode_name}.en")


def _unfit(name: str, where: str) -> Iterable[str]:
    """Say why a name could not be shown to everybody."""
    try:
        text.without_numbers(text.required(name, where, longest=LONGEST_NAME), where)
    except InvalidInput as refusal:
        yield refusal.message.rstrip(".")


def _broken_links(after: _Standing) -> Iterable[Fault]:
    """Say which entries would name what is not there, or no longer is: at the entry, or at what it is taken from."""
    missed: dict[str, list[str]] = {}
    for key, entry in after.entries.items():
        for by, named in after.owned.named_by(entry):
            found = after.entries.get(named)
            if found is not None and (entry.retired or not found.retired):
                continue
            if key in after.positions:
                yield Fault(after.positions[key], key, _missing(by, named, retired=found is not None))
            elif named in after.positions:
                missed.setdefault(named, []).append(key)
    for named, needing in missed.items():
        shown = ", ".join(sorted(needing)[:5]) + (f" and {len(needing) - 5} more" if len(needing) > 5 else "")
        yield Fault(after.positions[named], named, f"it cannot be retired while {shown} name it: change those first")


def _missing(by: str, named: str, *, retired: bool) -> str:
    if retired:
        return f"{by}: {named} is retired; name one that is in use"
    return f"{by}: {named} is neither recorded nor in this file"


def _circles(after: _Standing) -> Iterable[Fault]:
    """Say which entries would lie above themselves."""
    for key, position in after.positions.items():
        seen: set[str] = set()
        place = _above(after, key)
        while place is not None and place != key and place not in seen:
            seen.add(place)
            place = _above(after, place)
        if place == key:
            yield Fault(position, key, "it lies above itself: name another as its parent, or none")


def _above(after: _Standing, key: str) -> str | None:
    """Return the entry of the same kind that an entry lies under, if it would stand."""
    entry = after.entries[key]
    kind = kind_of(entry)
    named = (it for link in after.owned.links[kind] if link.kind is kind for it in link.named_by(entry))
    return next((it for it in named if it in after.entries), None)
