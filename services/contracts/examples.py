"""Realistic examples of every event with their envelopes, made of the definitions: they cannot drift from them.

Ids and instants are invented, and the same at each writing. In a stream they are as far apart as in a real one: what
lies between is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts import catalogue
from services.contracts.dispatch import WorkOrderAssigned, WorkOrderRuled
from services.contracts.entries import ENTRIES
from services.contracts.event import Data, Who
from services.contracts.families import DEPARTMENT, FAMILIES, Family, type_of
from services.contracts.feeds import TOLD, Told
from services.contracts.reference import ReferenceRecorded, key_of
from services.contracts.stories import STORIES, Story, at
from services.contracts.vocabulary import Role, Source

_TO_WRITE_IT_DOWN: Final = timedelta(milliseconds=212)
_RECORDED_AT: Final = datetime(2026, 11, 2, 1, tzinfo=UTC)
_OPERATOR: Final = Who(role=Role.OPERATOR, subject="command line:Li Wei, operations")


@dataclass(frozen=True, slots=True)
class Example:
    """A message: its key, its headers and what its value says."""

    key: str
    headers: Mapping[str, str]
    event: Data


@cache
def examples() -> Mapping[str, tuple[Example, ...]]:
    """Return the examples of every family by its name; each of its events has at least one."""
    found: dict[str, list[Example]] = {family.name: [] for family in FAMILIES}
    by_topic = {family.topic: family for family in FAMILIES}
    for story in STORIES:
        for source, example in _told(story, by_topic):
            found[by_topic[catalogue.petition_topic(source)].name].append(example)
    for source, entries in ENTRIES.items():
        family = by_topic[catalogue.reference_topic(source)]
        for entry in entries:
            event = ReferenceRecorded(by=_OPERATOR, entry=entry)
            request = str(_id(_RECORDED_AT, f"request {source.value}"))
            head = _standard(family, event, _RECORDED_AT, subject=key_of(entry), sequence=1)
            head |= {"ce_correlationid": request, "ce_causationid": request, "ce_cycle": "0"}
            found[family.name].append(Example(key_of(entry), MappingProxyType(head), event))
    for told in TOLD:
        found[DEPARTMENT.name].append(_in_a_feed(told))
    return MappingProxyType({name: tuple(those) for name, those in found.items()})


def examples_of(family: Family, event: type[Data]) -> list[Example]:
    """Return the examples of one event."""
    return [example for example in examples()[family.name] if type(example.event) is event]


def _told(story: Story, by_topic: Mapping[str, Family]) -> Iterator[tuple[Source, Example]]:
    seen: dict[Source, int] = {}
    lead, cause, request = story.lead, "", ""
    for fact in story.facts:
        if isinstance(fact.event, WorkOrderAssigned | WorkOrderRuled):
            lead = fact.event.department
        when = at(fact.when)
        family = by_topic[catalogue.petition_topic(fact.source)]
        head = _standard(family, fact.event, when, subject=str(story.petition), sequence=fact.sequence)
        by_itself = fact.event.by.role is Role.SYSTEM and cause
        request = request if by_itself else str(_id(when, "request"))
        head["ce_seen"] = ",".join(f"{s.value}:{n}" for s, n in sorted(seen.items()) if s is not fact.source)
        head |= {"ce_correlationid": request, "ce_causationid": cause if by_itself else request, "ce_cycle": "1"}
        head |= {"ce_street": story.street, "ce_community": story.community, "ce_lead": lead or ""}
        head["ce_followers"] = ",".join(story.followers)
        present = {name: value for name, value in head.items() if value}
        yield fact.source, Example(str(story.petition), MappingProxyType(present), fact.event)
        seen[fact.source], cause = fact.sequence, head["ce_id"]


def _in_a_feed(told: Told) -> Example:
    subject = str(told.petition)
    head = _standard(DEPARTMENT, told.event, at(told.when), subject=subject, sequence=told.number)
    head |= {"ce_source": DEPARTMENT.source.format(code=told.department), "ce_cycle": "1"}
    return Example(subject, MappingProxyType(head), told.event)


def _standard(family: Family, event: Data, when: datetime, *, subject: str, sequence: int) -> dict[str, str]:
    type_name = type_of(type(event))
    return {
        "ce_specversion": "1.0",
        "ce_id": str(_id(when, f"{family.name} {subject} {sequence}")),
        "ce_source": family.source,
        "ce_type": type_name,
        "ce_subject": subject,
        "ce_time": when.isoformat().replace("+00:00", "Z"),
        "ce_recordedtime": (when + _TO_WRITE_IT_DOWN).isoformat(),
        "ce_dataschema": family.dataschema(type_name),
        "content-type": "application/json",
        "ce_sequence": f"{sequence:010d}",
    }


def _id(when: datetime, what: str) -> UUID:
    """Return a UUIDv7 of an instant, whose rest is no chance but what it names (RFC 9562, 5.7)."""
    milliseconds = int(when.timestamp() * 1000)
    rest = int.from_bytes(sha256(f"{when} {what}".encode()).digest()[:10])
    number = milliseconds << 80 | 7 << 76 | (rest >> 64 & 0xFFF) << 64 | 2 << 62 | rest & (1 << 62) - 1
    return UUID(int=number)
