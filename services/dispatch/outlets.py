"""What dispatch publishes: its events, and of them to each department what it needs, on a topic of its own."""

from typing import Final

from services.contracts import catalogue
from services.contracts.vocabulary import ReferenceKind, Source
from services.dispatch.domain.department_feed import Numbered, tell
from services.dispatch.queries.department_feed import numbered
from services.dispatch.store import department_feed
from services.kernel import relay
from services.kernel.db import Lock, Row
from services.kernel.envelope import Message, show_sequence, written

_GATHER_SECONDS: Final = 0.2
"""Nobody waits in front of a screen for a department's feed: what comes one after another goes together."""

_DEPARTMENT: Final = f"{ReferenceKind.DEPARTMENT.value}:"


def feed_source(department: str) -> str:
    """Return who says what is in a department's feed: its numbers are the department's own."""
    return f"/{Source.DISPATCH.value}/departments/{department}"


def feed_message(it: Numbered) -> Message:
    """Return a message of a department's feed: less than dispatch's own envelope says, and nothing of others."""
    attributes = {
        "id": str(it.id),
        "source": feed_source(it.department),
        "type": (told := tell(it)).TYPE,
        "subject": str(it.petition),
        "time": it.at,
        "recordedtime": it.recorded_at.isoformat(),
        "dataschema": catalogue.department_dataschema(told.TYPE),
        "sequence": show_sequence(it.number),
        "cycle": str(it.cycle),
    }
    return written(attributes, catalogue.encode(told))


def _announced(row: Row) -> str | None:
    """Return the topic of a department of which everybody is about to hear: who reads it, finds it there."""
    key: str | None = row["key"]
    return catalogue.department_topic(key.removeprefix(_DEPARTMENT)) if key and key.startswith(_DEPARTMENT) else None


def _feed(row: Row) -> str:
    return catalogue.department_topic(row["department"])


OUTLETS: Final = (
    relay.events(Source.DISPATCH, published=department_feed.PUBLISHED, new_topic=_announced),
    relay.Outlet(
        "departments",
        Lock.FEEDS,
        department_feed.WAITING,
        department_feed.UNPUBLISHED,
        topic=_feed,
        message=lambda row: feed_message(numbered(row)),
        published=department_feed.DELIVERED,
        new_topic=_feed,
        gather=_GATHER_SECONDS,
    ),
)
