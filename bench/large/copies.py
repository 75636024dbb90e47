"""Copies: which petition is made from which template and when, and what stands in the places that were cut out."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from random import Random
from typing import Final
from uuid import UUID

import msgspec
from stdnum.iso7064 import mod_37_36

from bench.large.lives import RESIDENTS
from bench.large.templates import NO_BYTES, Key, Pattern, Sealed, Template, Values, milliseconds
from bench.large.texts import new_address, new_name, new_phone, new_trouble
from services.intake.vault import Contact, Vault
from services.kernel.ids import ALPHABET

WEEK: Final = 7 * 24 * 3600
A_YEAR: Final = 100_000
"""Petitions that a district has in a year (domain.md): the copies reach back as many years as there are of these."""

_JITTER: Final = 1_800
"""Seconds by which copies of one template in one week lie apart, so that no two have the same instants."""

_MARGIN: Final = 3_600
"""Seconds that the next clock of an open petition must be away at least, so that loading does not make it late."""

_FINISHED: Final = 0.6
"""How much of the weeks that were played is a source for earlier ones: of the last ones only quick lives are over."""

_PAYLOAD: Final = 9
_CODES: Final = len(ALPHABET) ** _PAYLOAD
_STRIDE: Final = 11_400_714_819_323  # odd, hence it visits every code before one comes again
_VARIANT: Final = {f"{nth:x}": f"{8 + nth % 4:x}" for nth in range(16)}
_SECONDS: Final = tuple(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(24 * 3600))
_TIMED: Final = 7
"""The version of UUIDs that tell when they were made."""

_CHANCE: Final = 16
_HASH: Final = 32
_ESCAPED: Final = NO_BYTES.encode()
_EPOCH: Final = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=100_000)
def _day(days: int) -> str:
    """Return a day, counted since 1970, as ISO writes it."""
    return date.fromordinal(_EPOCH + days).isoformat()


@dataclass(frozen=True, slots=True)
class Planned:
    """A copy to be made: of what, and how many seconds later it happens (less than none: earlier)."""

    template: Template
    shift: int

    @property
    def submitted(self) -> int:
        """When the copy is submitted."""
        return self.template.submitted + self.shift


def plan(
    templates: Sequence[Template], copies: int, *, began: datetime, now: datetime, random: Random
) -> Iterator[Planned]:
    """Yield so many copies in the order of their submission, as many in each week.

    The weeks that were played are the last ones, and copied as they are, with all that is open. Earlier weeks are made
    of what was over by then, moved by whole weeks, so that each instant keeps its day of the week; and of what waits
    for a day that is still to come, as the ledger does.

    :param began: when the weeks that were played began; `now` is when they ended.
    """
    end, played = int(now.timestamp()), round((now - began).total_seconds() / WEEK)
    weeks = max(2 * played, round(copies / A_YEAR * 365.25 / 7))
    of_week = [[t for t in templates if (end - 1 - t.submitted) // WEEK == ago] for ago in range(played)]
    early = early_ones(templates, began=began, now=now)
    for nth in range(weeks):
        ago = weeks - nth - 1
        number = copies * (nth + 1) // weeks - copies * nth // weeks
        made: list[Planned] = []
        while len(made) < number:
            if ago < played:
                template = random.choice(of_week[ago] or templates)
                shift = random.randrange(min(_JITTER, max(1, end - template.last)))
            else:
                template = random.choice(early)
                shift = random.randrange(-_JITTER, _JITTER)
                shift -= WEEK * (ago - (end - 1 - template.submitted) // WEEK)
            waits = template.fires is not None and template.fires + shift > end + _MARGIN
            if ago < played or template.over or waits:
                made.append(Planned(template, shift))
        yield from sorted(made, key=lambda planned: planned.submitted)


def early_ones(templates: Sequence[Template], *, began: datetime, now: datetime) -> list[Template]:
    """Return what earlier weeks are made of: those that were submitted so early that most of them are over."""
    until = began + (now - began) * _FINISHED
    return [template for template in templates if template.submitted < until.timestamp()]


@dataclass(frozen=True, slots=True)
class Made:
    """A copy: its id, and what stands in each place of its template."""

    petition: UUID
    planned: Planned
    values: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A template's places by what is done about them."""

    always: list[bytes]
    """What stands in places that never change; nothing yet in the others."""

    petition: int
    ids: Sequence[tuple[int, int | None]]
    """Places of ids; of those that tell their time, when that was (domain, milliseconds)."""

    instants: Sequence[tuple[int, int, str, str]]
    """Places of instants: seconds, what stands between day and time, and what follows (a fraction, the offset)."""

    dates: Sequence[tuple[int, int]]
    texts: Mapping[str, int]
    by_id: Mapping[str, int]
    sealed: Sequence[tuple[int, tuple[str, str]]]
    """Places of bytes: their column, and the id of what is sealed there, if that has one of its own."""

    numbers: Sequence[tuple[str, Sequence[tuple[int, str]]]]
    """For each number in a department's feed: the department, and how it is written in which places."""

    woven: Sequence[tuple[int, Pattern]]

    @classmethod
    def of(cls, template: Template, time_of: Callable[[int], int]) -> "_Prepared":
        places: dict[str, list[tuple[int, Key]]] = defaultdict(list)
        for place, (kind, *rest) in enumerate(template.keys):
            places[kind].append((place, tuple(rest)))
        always = [b""] * len(template.keys)
        for place, (text,) in places["same"]:
            always[place] = text
        numbers: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        for place, (department, number, width) in places["number"]:
            numbers[department, number].append((place, width))
        ids = {text: place for place, (text,) in places["uuid"]}
        return cls(
            always=always,
            petition=ids[template.petition],
            ids=list(_timed(ids, time_of)),
            instants=[(place, *rest) for place, rest in places["instant"]],
            dates=[(place, ordinal) for place, (ordinal,) in places["date"]],
            texts={kind: places[kind][0][0] for kind in ("code", "address", "trouble") if places[kind]},
            by_id=ids,
            sealed=[(place, (column, of)) for place, (column, of, _) in places["bytes"]],
            numbers=[(department, each) for (department, _), each in sorted(numbers.items())],
            woven=[(place, Pattern.of(parts)) for place, (parts,) in places["woven"]],
        )


def _timed(ids: Mapping[str, int], time_of: Callable[[int], int]) -> Iterator[tuple[int, int | None]]:
    """Yield places of ids with their times: in the order in which they were made, no two at once."""
    before = 0
    for text in sorted(ids, key=lambda text: (UUID(text).version != _TIMED, text)):
        it = UUID(text)
        if it.version != _TIMED:
            yield ids[text], None
        else:
            before = max(before + 1, time_of(milliseconds(it)))
            yield ids[text], before


class Copier:
    """Makes copies: what is new in each is drawn by `random`, except keys of records."""

    def __init__(
        self, vault: Vault, random: Random, *, time_of: Callable[[int], int], numbers: Mapping[str, int]
    ) -> None:
        """Take what copies are made with.

        :param vault: seals them.
        :param time_of: returns the domain's time of one of the system's while lives were played (milliseconds).
        :param numbers: how far each department's feed is numbered.
        """
        self.numbers = dict(numbers)
        self._vault = vault
        self._random = random
        self._time_of = time_of
        self._code = random.randrange(_CODES)
        self._prepared: dict[str, _Prepared] = {}

    def copy(self, planned: Planned) -> Made:
        """Return a copy."""
        template, shift = planned.template, planned.shift
        ready = self._prepared.get(template.petition)
        if ready is None:
            ready = self._prepared[template.petition] = _Prepared.of(template, self._time_of)
        values = ready.always.copy()
        self._write_ids(values, ready, shift * 1000)
        for place, seconds, separator, rest in ready.instants:
            days, second = divmod(seconds + shift, 86_400)
            values[place] = f"{_day(days)}{separator}{_SECONDS[second]}{rest}".encode()
        days = round(shift / 86_400) - _EPOCH
        for place, ordinal in ready.dates:
            values[place] = _day(ordinal + days).encode()
        for department, places in ready.numbers:
            self.numbers[department] = number = self.numbers.get(department, 0) + 1
            for place, width in places:
                values[place] = format(number, width).encode()
        petition = UUID(values[ready.petition].decode())
        self._write_texts(values, ready, template, petition)
        for place, pattern in ready.woven:
            values[place] = pattern.filled(values)
        return Made(petition, planned, values)

    def _write_ids(self, values: list[bytes], ready: _Prepared, later: int) -> None:
        chance = self._random.randbytes(_CHANCE * len(ready.ids)).hex()
        for nth, (place, made) in enumerate(ready.ids):
            c = chance[nth * 2 * _CHANCE : (nth + 1) * 2 * _CHANCE]
            if made is None:
                time = c[19:31]
                values[place] = f"{time[:8]}-{time[8:]}-4{c[:3]}-{_VARIANT[c[18]]}{c[3:6]}-{c[6:18]}".encode()
            else:
                time = f"{made + later:012x}"
                values[place] = f"{time[:8]}-{time[8:]}-7{c[:3]}-{_VARIANT[c[18]]}{c[3:6]}-{c[6:18]}".encode()

    def _write_texts(self, values: list[bytes], ready: _Prepared, template: Template, petition: UUID) -> None:
        address, trouble = new_address(self._random), new_trouble(self._random)
        for kind, text in (("code", self._next_code()), ("address", address), ("trouble", trouble)):
            if kind in ready.texts:
                values[ready.texts[kind]] = text.encode()
        made: dict[int, bytes] = {}
        if template.sealed is not None:
            matter = template.matter

            def anew(text: str) -> str:
                return text.replace(matter.address, address).replace(matter.trouble, trouble)

            made = dict(self._sealed(values, ready, template.sealed, petition, anew))
        for place, _ in ready.sealed:
            values[place] = _ESCAPED + (made.get(place) or self._random.randbytes(_HASH)).hex().encode()

    def _sealed(
        self, values: Values, ready: _Prepared, sealed: Sealed, petition: UUID, anew: Callable[[str], str]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield what is sealed of a copy, by its places: under a key of its own, as the service does it."""
        seal = self._vault.seal
        key, wrapped = self._vault.new_key(petition)
        contact = Contact(new_name(self._random), new_phone(self._random, RESIDENTS))
        for place, (column, of) in ready.sealed:
            match column:
                case "own.original.wrapped_key":
                    yield place, wrapped.sealed
                case "own.original.words":
                    yield place, seal(key, petition, "words", anew(sealed.words))
                case "own.contact.sealed":
                    yield place, seal(key, petition, "contact", msgspec.json.encode(contact).decode())
                case "own.contact.phone_hash":
                    yield place, self._vault.phone_hash(contact.phone) or b""
                case "own.addition.words":
                    addition = values[ready.by_id[of]].decode()
                    yield place, seal(key, petition, f"addition:{addition}", anew(sealed.additions[of]))
                case _:
                    continue

    def _next_code(self) -> str:
        """Return a tracking code that no copy had before, with its check character."""
        self._code = number = (self._code + _STRIDE) % _CODES
        payload = ""
        for _ in range(_PAYLOAD):
            number, digit = divmod(number, len(ALPHABET))
            payload += ALPHABET[digit]
        return payload + mod_37_36.calc_check_digit(payload, ALPHABET)
