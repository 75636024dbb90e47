"""The events on the topics, readably, as they are published: `make topics`.

It reads without a group, so nobody's offsets move.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.admin import AIOKafkaAdminClient  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import KafkaError  # pyright: ignore[reportMissingTypeStubs]
from rich.console import Console
from rich.text import Text

from deploy.local.speech import Piped, harmless
from services.contracts.labels import event_label
from services.kernel.calendar import SHANGHAI
from services.kernel.envelope import Headers, UnreadableError, from_message

_LAST: Final = 20
"""How many messages of each partition are shown before what comes."""

_COLOURS: Final = {"intake": "green", "dispatch": "yellow", "feedback": "magenta"}
_BY: Final = "by"
_BY_ROLE: Final = "byRole"
_FEEDS: Final = "/dispatch/departments/"


def shown(topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Text:
    """Return a message for people: when, from whom, what, about what, in whose role, and the rest of its data."""
    try:
        event, data = _of_feed(value, headers) or _of_service(key, value, headers)
        told: dict[str, Any] = json.loads(data)
        by = harmless(str(told.pop(_BY, {}).get("role", "") or told.pop(_BY_ROLE, "")))
    except (UnreadableError, KeyError, ValueError, TypeError, AttributeError) as error:
        return Text.assemble((f"{topic}: ", "cyan"), (harmless(f"unreadable: {error}"), "red"))
    return Text.assemble(
        (f"{event.time.astimezone(SHANGHAI):%m-%d %H:%M:%S} ", "dim"),
        (f"{harmless(event.source):8} ", _COLOURS.get(event.source, "cyan")),
        (f"{harmless(_about(event)):>16} ", "dim"),
        (harmless(event.type), "bold"),
        f" {_label(event.type)}",
        (f" ({by}) " if by else " ", "cyan"),
        (harmless(json.dumps(told, ensure_ascii=False)) if told else "", "dim"),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of an envelope: of a service's event, or of a department's feed, which has a smaller one."""

    time: datetime
    source: str
    subject: str
    sequence: int
    type: str


def _of_service(key: bytes | None, value: bytes | None, headers: Headers) -> tuple[_Shown, bytes]:
    envelope, data = from_message(key, value, headers)
    return _Shown(envelope.time, envelope.source.value, envelope.subject, envelope.sequence, envelope.type), data


def _of_feed(value: bytes | None, headers: Headers) -> tuple[_Shown, bytes] | None:
    said = {name: text.decode() for name, text in headers if name.startswith("ce_")}
    if not said.get("ce_source", "").startswith(_FEEDS):
        return None
    number, department = int(said["ce_sequence"]), said["ce_source"].removeprefix(_FEEDS)
    time = datetime.fromisoformat(said["ce_time"])
    return _Shown(time, department, said["ce_subject"], number, said["ce_type"]), value or b""


def _about(event: _Shown) -> str:
    """Return the end of the petition's id, which is what differs, and the event's number; of an entry its key."""
    if ":" in event.subject:
        return event.subject[-16:]
    return f"…{event.subject[-8:]}#{event.sequence}"


def _label(type_: str) -> str:
    try:
        return event_label(type_, "zh-CN")
    except KeyError:  # entries of reference data have none
        return ""


async def tail(bootstrap: str, prefix: str, about: str, console: Console, *, lasting: bool) -> None:
    """Print the last messages of the topics, and (`lasting`) what comes.

    :param about: only messages whose topic or key contains this.
    """
    parts = await _partitions(bootstrap, prefix)
    if not parts:
        console.print("There are no topics yet.")
        return
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(parts)
        ends: dict[Any, int] = await consumer.end_offsets(parts)
        beginnings: dict[Any, int] = await consumer.beginning_offsets(parts)
        for part in parts:
            consumer.seek(part, beginnings[part] if about else max(beginnings[part], ends[part] - _LAST))
        await _print(consumer, {p: end for p, end in ends.items() if end > beginnings[p]}, about, console, lasting)
    finally:
        await consumer.stop()


async def _partitions(bootstrap: str, prefix: str) -> list[TopicPartition]:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = [name for name in await admin.list_topics() if name.startswith(prefix) and not name.startswith("__")]
        found: list[dict[str, Any]] = await admin.describe_topics(sorted(topics)) if topics else []
        return [TopicPartition(topic["topic"], part["partition"]) for topic in found for part in topic["partitions"]]
    finally:
        await admin.close()


async def _print(consumer: Any, ends: dict[Any, int], about: str, console: Console, lasting: bool) -> None:
    held: list[Any] = []
    while ends or lasting:
        fetched = await consumer.getmany(timeout_ms=500)
        held += [
            record
            for records in fetched.values()
            for record in records
            if about in record.topic or about in (record.key or b"").decode(errors="replace")
        ]
        for part in list(ends):
            if await consumer.position(part) >= ends[part]:
                del ends[part]
        if not ends:  # what was there already is told in the order of its time, across partitions
            for record in sorted(held, key=lambda it: it.timestamp):
                console.print(shown(record.topic, record.key, record.value, record.headers))
            held.clear()


def main() -> None:
    """Print what is on the topics: `python -m deploy.local.topics [PART OF A TOPIC OR KEY]`; at a terminal, go on.

    :raises SystemExit: no broker answers.
    """
    bootstrap = os.environ.get("THROUGH_TRAIN_KAFKA_BOOTSTRAP", "127.0.0.1:9094")
    prefix = os.environ.get("THROUGH_TRAIN_TOPIC_PREFIX", "")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it has to say is said below, in a sentence
    console = Piped()
    about = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        asyncio.run(tail(bootstrap, prefix, about, console, lasting=console.is_terminal))
    except KafkaError:
        sys.exit(f"No broker answers at {bootstrap}: start the system with `make run` first.")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
