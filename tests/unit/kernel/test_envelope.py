"""The envelope as CloudEvents' own SDK understands it, and what cannot be read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, UnreadableError, from_message, to_message

DATA = b'{"words":"\xe6\xb0\xb4"}'
WHOLE = Envelope(
    id=UUID("0199d1a0-0000-7000-8000-000000000001"),
    source=Source.DISPATCH,
    type="work_order.assigned",
    subject="0199d1a0-0000-7000-8000-000000000002",
    time=datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
    recorded=datetime(2026, 11, 24, 2, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8))),
    dataschema="https://through-train.example/schemas/work_order.assigned/v1",
    sequence=7,
    seen={Source.FEEDBACK: 2, Source.INTAKE: 12},
    correlation="a request",
    causation="0199d1a0-0000-7000-8000-000000000003",
    cycle=1,
    street="huangtupo",
    community="community-73",
    lead="housing",
    cohandlers=("water-utility", "urban-management"),
    followers=("rep-hui-bi",),
)
BARE = Envelope(
    id=WHOLE.id,
    source=Source.INTAKE,
    type="petition.submitted",
    subject=WHOLE.subject,
    time=WHOLE.time,
    recorded=WHOLE.recorded,
    dataschema=WHOLE.dataschema,
    sequence=1,
    seen={},
    correlation="a request",
    causation="a request",
    cycle=0,
    street="",
    community="",
)


@pytest.mark.parametrize("envelope", [WHOLE, BARE], ids=["whole", "bare"])
def test_what_is_written_is_read_again(envelope: Envelope) -> None:
    assert from_message(*to_message(envelope, DATA)) == (envelope, DATA)


@pytest.mark.parametrize("envelope", [WHOLE, BARE], ids=["whole", "bare"])
def test_the_sdk_reads_what_is_written_as_one_event_and_writes_the_same_headers(envelope: Envelope) -> None:
    key, value, headers = to_message(envelope, DATA)
    event = from_binary_event(KafkaMessage(dict(headers), None, value), JSONFormat())
    assert (event.get_id(), event.get_source(), event.get_type()) == (
        str(envelope.id),
        f"/{envelope.source.value}",
        envelope.type,
    )
    assert event.get_time() == envelope.time
    assert (event.get_subject(), event.get_datacontenttype()) == (key.decode(), "application/json")
    # As the SDK writes an event of these attributes: nothing is added, left out or spelt otherwise.
    again = to_binary_event(CloudEvent(dict(event.get_attributes()), event.get_data()), JSONFormat())
    assert dict(again.headers) == dict(headers)
    assert len(dict(headers)) == len(headers)


@pytest.mark.parametrize("name", sorted(name for name, _ in to_message(BARE, DATA)[2] if name != "content-type"))
def test_a_message_that_lacks_a_header_or_has_it_empty_is_unreadable_and_says_which(name: str) -> None:
    key, value, headers = to_message(BARE, DATA)
    for lacking in ([(n, t) for n, t in headers if n != name], [(n, b"" if n == name else t) for n, t in headers]):
        with pytest.raises(UnreadableError, match=f"the header {name} is missing"):
            from_message(key, value, lacking)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_id", b"7"),
        ("ce_source", b"/somebody"),
        ("ce_time", b"2026-11-24T02:00:00"),
        ("ce_time", b"yesterday"),
        ("ce_recordedtime", b"now"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"4294967296"),
        ("ce_sequence", b"one"),
        ("ce_cycle", b"-1"),
        ("ce_cycle", b"32768"),
        ("ce_seen", b"intake"),
        ("ce_seen", b"nobody:1"),
        ("ce_type", b"\xff"),
        ("traceparent", b"\xff"),
    ],
)
def test_a_header_that_cannot_be_what_it_should_is_unreadable(name: str, text: bytes) -> None:
    key, value, headers = to_message(WHOLE, DATA)
    with pytest.raises(UnreadableError):
        from_message(key, value, [*((n, t) for n, t in headers if n != name), (name, text)])


@pytest.mark.parametrize("key", [None, b"", b"another", b"\xff"])
def test_a_key_that_is_not_the_subject_is_unreadable(key: bytes | None) -> None:
    _, value, headers = to_message(WHOLE, DATA)
    with pytest.raises(UnreadableError, match="key"):
        from_message(key, value, headers)


def test_an_instant_without_an_offset_is_not_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        to_message(replace(WHOLE, time=WHOLE.time.replace(tzinfo=None)), DATA)
