"""Generated schemas, those of envelopes too, say what the services really write, in words, with examples that fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from services.contracts import asyncapi, baseline, catalogue, generated, headers
from services.contracts.examples import Example, examples
from services.contracts.families import FAMILIES, Family, type_of
from services.contracts.labels import EVENT_LABELS
from services.contracts.reference import ReferenceRecorded
from services.contracts.schema import envelope_schema, event_schema, value_of
from services.contracts.stories import SEWER, at
from services.contracts.vocabulary import Source
from services.dispatch.domain.department_feed import Numbered
from services.dispatch.outlets import feed_message
from services.kernel.envelope import from_message, to_message
from services.kernel.ids import PetitionId
from services.kernel.kafka import topics_of

EVENTS = [(family, event) for family in FAMILIES for event in family.events]
EXAMPLES = [(family, example) for family in FAMILIES for example in examples()[family.name]]
OURS = [(family, example) for family, example in EXAMPLES if family.envelope in (headers.PETITION, headers.REFERENCE)]


def validator(schema: Any) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def name(value: object) -> str:
    match value:
        case Family():
            return value.name
        case Example():
            return f"{value.headers['ce_type']}-{value.headers['ce_sequence']}-{value.key}"
        case _:
            return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("family", "example"), EXAMPLES, ids=name)
def test_an_example_fits_its_schema_and_is_read_as_what_it_is(family: Family, example: Example) -> None:
    event = type(example.event)
    validator(event_schema(family, event)).validate(value_of(example))
    assert msgspec.json.decode(msgspec.json.encode(example.event), type=event) == example.event
    validator(envelope_schema(family.envelope)).validate(dict(example.headers))


@pytest.mark.parametrize(("family", "event"), EVENTS, ids=name)
def test_an_event_is_described_field_by_field_and_shown(family: Family, event: type[Any]) -> None:
    schema = event_schema(family, event)
    assert schema["$id"] == family.dataschema(type_of(event))
    assert schema["examples"]
    assert event is ReferenceRecorded or type_of(event) in EVENT_LABELS
    for part in (schema, *schema["$defs"].values()):
        assert part["description"], part
        for field, said in part.get("properties", {}).items():
            described = "description" in said or any("description" in inner for inner in said.get("anyOf", ()))
            # A tag says what it is, and a part that is nowhere else says it itself.
            assert described or len(said.get("enum", ())) == 1 or {"$ref", "items"} & said.keys(), (event, field)


def test_times_and_ids_have_their_formats() -> None:
    dispatch = next(family for family in FAMILIES if family.name == "petition-dispatch")
    started = event_schema(dispatch, catalogue.EVENTS[Source.DISPATCH]["clock.started"])
    assert started["properties"]["dueAt"]["format"] == "date-time"
    assert started["properties"]["clockId"]["format"] == "uuid"
    broken = {**started["examples"][0], "dueAt": "on Monday"}
    with pytest.raises(ValidationError, match="is not a 'date-time'"):
        validator(started).validate(broken)


@pytest.mark.parametrize(("family", "example"), OURS, ids=name)
def test_the_services_read_an_examples_headers_and_would_write_the_same(family: Family, example: Example) -> None:
    sent = [(header, value.encode()) for header, value in example.headers.items()]
    envelope, data = from_message(example.key.encode(), msgspec.json.encode(example.event), sent)
    assert (
        catalogue.decode(catalogue.definition(envelope.source, envelope.type, envelope.dataschema), data)
        == example.event
    )
    key, _, written = to_message(envelope, data)
    assert key == example.key.encode()
    assert dict(written) == dict(sent)


def test_the_envelopes_schema_has_each_header_that_is_written_and_requires_what_always_is() -> None:
    family, example = next((f, e) for f, e in OURS if "ce_lead" in e.headers and "ce_seen" in e.headers)
    sent = [(header, value.encode()) for header, value in example.headers.items()]
    envelope, _ = from_message(example.key.encode(), b"{}", sent)
    most = {header for header, _ in to_message(replace(envelope, cohandlers=("housing",)), b"{}")[2]}
    least = {header for header, _ in to_message(replace(envelope, **NOTHING), b"{}")[2]}
    known = {header.name: header.required for header in family.envelope.headers}
    assert known.keys() == {*most, headers.TRACE.name}
    assert {header for header, required in known.items() if required} == least


NOTHING: dict[str, Any] = {"seen": {}, "street": "", "community": "", "lead": None, "cohandlers": (), "followers": ()}


def test_a_departments_feed_has_the_envelope_that_its_schema_says() -> None:
    told = Numbered(
        department="housing",
        number=123,
        petition=PetitionId(SEWER.petition),
        id=UUID("01a20b23-6a00-7a34-b7d1-79160e971bc1"),
        cycle=1,
        at=at("2026-11-26T00:40"),
        recorded_at=at("2026-11-26T00:41"),
        street="huangtupo",
        community="community-73",
        event=next(fact.event for fact in SEWER.facts if fact.event.TYPE == "work_order.acknowledged"),
    )
    key, _, sent = feed_message(told)
    written = {header: value.decode() for header, value in sent}
    schema = envelope_schema(headers.DEPARTMENT)
    validator(schema).validate(written)
    assert written.keys() == set(schema["required"])
    assert key.decode() == written["ce_subject"]


@pytest.mark.parametrize("wrong", [{"ce_sequence": "7"}, {"ce_time": "yesterday"}, {"ce_seen": "intake"}], ids=str)
def test_headers_that_no_service_writes_do_not_fit(wrong: dict[str, str]) -> None:
    schema = envelope_schema(headers.PETITION)
    with pytest.raises(ValidationError):
        validator(schema).validate({**schema["examples"][0], **wrong})


def test_the_document_has_the_topics_that_the_services_create_kept_as_they_create_them() -> None:
    created = {
        topic.name: (topic.partitions, topic.compacted)
        for source in Source
        for topic in topics_of(source, prefix="", partitions=12)
        if not topic.name.startswith("deadletter.")
    }
    written = {
        channel["address"]: (
            channel["bindings"]["kafka"]["partitions"],
            channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == ["compact"],
        )
        for channel in asyncapi.document("1.0.0")["channels"].values()
        if "{" not in channel["address"]
    }
    assert written == created


def test_a_generated_file_that_was_changed_taken_away_or_added_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "HERE", tmp_path)
    monkeypatch.setattr(generated, "PAGES", tmp_path / "events")
    generated.write()
    assert generated.stale() == []
    changed = tmp_path / baseline.SCHEMAS / "intake" / "petition.accepted.v1.json"
    gone = tmp_path / baseline.DOCUMENT
    added = tmp_path / baseline.SCHEMAS / "intake" / "petition.vanished.v1.json"
    changed.write_text(changed.read_text().replace('"urgency"', '"haste"'))
    gone.unlink()
    added.write_text("{}")
    assert generated.stale() == sorted([changed, gone, added])
    generated.write()
    assert generated.stale() == []
