"""What is an event: the check reads messages with eyes of its own, and comes to the same answer as the services."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

import pytest

from deploy.audit.commands import Acknowledged
from deploy.audit.event import UnreadableError, from_message
from services.contracts.vocabulary import Source
from services.kernel import arrivals, envelope, read_after
from services.kernel.envelope import Envelope, to_message
from services.kernel.kafka import Record
from services.kernel.read_after import Position

PETITION: Final = UUID("01900000-0000-7000-8000-000000000abc")
AT: Final = datetime(2026, 11, 24, 2, 0, 0, 123456, tzinfo=UTC)
ENVELOPE: Final = Envelope(
    id=UUID("01900000-0000-7000-8000-000000000def"),
    source=Source.INTAKE,
    type="petition.listened",
    subject=str(PETITION),
    time=AT,
    recorded=AT,
    dataschema="urn:through-train:intake:petition.listened:v1",
    sequence=6,
    seen={Source.DISPATCH: 3, Source.FEEDBACK: 1},
    correlation="a",
    causation="b",
    cycle=2,
    street="huangtupo",
    community="community-73",
    lead="housing",
    cohandlers=("water", "power"),
    followers=("rep-hui-bi",),
)
KEY, VALUE, HEADERS = to_message(ENVELOPE, b'{"by":{"role":"system","subject":"system"}}')

Headers = list[tuple[str, bytes]]


def _without(name: str) -> Headers:
    return [header for header in HEADERS if header[0] != name]


def _with(name: str, text: bytes) -> Headers:
    return [*_without(name), (name, text)]


MESSAGES: Final[dict[str, tuple[bytes | None, bytes | None, Headers]]] = {
    "as it was written": (KEY, VALUE, HEADERS),
    "with a header that nobody knows": (KEY, VALUE, [*HEADERS, ("trace", b"1")]),
    "without headers": (KEY, VALUE, []),
    "without a key": (None, VALUE, HEADERS),
    "under another key": (b"another", VALUE, HEADERS),
    "about no id": (b"x", VALUE, _with("ce_subject", b"x")),
    "about an id in capitals": (KEY.upper(), VALUE, _with("ce_subject", KEY.upper())),
    "of a service that there is not": (KEY, VALUE, _with("ce_source", b"/elsewhere")),
    "on another service's topic": (KEY, VALUE, _with("ce_source", b"/dispatch")),
    "with an id that is none": (KEY, VALUE, _with("ce_id", b"1")),
    "with sequence 0": (KEY, VALUE, _with("ce_sequence", b"0000000000")),
    "with a sequence beyond all": (KEY, VALUE, _with("ce_sequence", b"2147483648")),
    "with a sequence that is no number": (KEY, VALUE, _with("ce_sequence", b"six")),
    "with a cycle below all": (KEY, VALUE, _with("ce_cycle", b"-1")),
    "with seen that cannot be read": (KEY, VALUE, _with("ce_seen", b"dispatch")),
    "with no text in a header": (KEY, VALUE, _with("ce_street", b"\xff")),
    "with U+0000 in a header": (KEY, VALUE, _with("ce_street", b"a\0b")),
    "at no time": (KEY, VALUE, _with("ce_time", b"yesterday")),
    "of another version of CloudEvents": (KEY, VALUE, _with("ce_specversion", b"0.3")),
    "at a time without an offset": (KEY, VALUE, _with("ce_time", b"2026-11-24T02:00:00")),
    "with no text in a header that nobody knows": (KEY, VALUE, [*HEADERS, ("trace", b"\xff")]),
    **{f"with an empty {name}": (KEY, VALUE, _with(name, b"")) for name, _ in HEADERS},
    **{f"without {name}": (KEY, VALUE, _without(name)) for name, _ in HEADERS},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_both_read_the_same_messages(name: str) -> None:
    key, value, headers = MESSAGES[name]
    record: Any = SimpleNamespace(
        topic="petition.intake.v1", partition=0, offset=0, key=key, value=value, headers=headers
    )
    answers = [
        _is_read(lambda: arrivals.read(cast(Record, record), ""), envelope.UnreadableError),
        _is_read(lambda: from_message("intake", key, value, headers), UnreadableError),
    ]
    assert answers[0] == answers[1], answers


def _is_read(read: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        read()
    except refusal:
        return False
    return True


def test_an_event_is_read_as_it_was_written() -> None:
    told = from_message("intake", KEY, VALUE, HEADERS)
    assert (told.id, told.type, told.sequence, told.cycle) == (ENVELOPE.id, ENVELOPE.type, 6, 2)
    assert (told.at, told.recorded, told.seen) == (AT, AT, {"dispatch": 3, "feedback": 1})
    assert (told.street, told.community, told.lead) == ("huangtupo", "community-73", "housing")
    assert (told.cohandlers, told.followers) == (("water", "power"), ("rep-hui-bi",))


def test_a_position_is_read_as_it_was_written() -> None:
    position = read_after.show(Position(Source.FEEDBACK, PETITION, 12))
    command = Acknowledged.of("closePetition", "key", position)
    assert (command.service, command.petition, command.sequence) == ("feedback", PETITION, 12)
    for wrong in ("?", "", "YWJj"):
        with pytest.raises(ValueError, match=r"."):
            Acknowledged.of("closePetition", "key", wrong)
