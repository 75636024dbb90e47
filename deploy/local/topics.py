"""The events on the topics, readably, as they are published: `make topics`.

It reads without a group, so nobody's offsets move.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.admin import AIOKafkaAdminClient  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import KafkaError  # pyright: ignore[reportMissingTypeStubs]
from rich.console import Console
from rich.text import Text

from deploy.local.speech import Piped, harmless
from services.contracts.labels import event_label
from services.kernel.calendar import SHANGHAI
from services.kernel.envelope import Envelope, UnreadableError, from_message

_LAST: Final = 20
"""How many messages of each partition are shown before what comes."""

_COLOURS: Final = {"intake": "green", "dispatch": "yellow", "feedback": "magenta"}
_BY: Final = "by"


def shown(topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Text:
    """Return a message for people: when, from whom, what, about what, in whose role, and the rest of its data."""
    try:
        envelope, data = from_message(key, value, headers)
        told: dict[str, Any] = json.loads(data)
        by = harmless(str(told.pop(_BY, {}).get("role", "")))
    except (UnreadableError, ValueError, TypeError, AttributeError) as error:
        return Text.assemble((f"{topic}: ", "cyan"), (harmless(f"unreadable: {error}"), "red"))
    return Text.assemble(
        (f"{envelope.time.astimezone(SHANGHAI):%m-%d %H:%M:%S} ", "dim"),
        (f"{envelope.source.value:8} ", _COLOURS[envelope.source.value]),
        (f"{harmless(_about(envelope)):>16} ", "dim"),
        (harmless(envelope.type), "bold"),
        f" {_label(envelope.type)}",
        (f" ({by}) " if by else " ", "cyan"),
        (harmless(json.dumps(told, ensure_ascii=False)) if told else "", "dim"),
    )


def _about(envelope: Envelope) -> str:
    """Return the end of the petition's id, which is what differs, and the event's number; of an entry its key."""
    if ":" in envelope.subject:
        return envelope.subject[-16:]
    return f"…{envelope.subject[-8:]}#{envelope.sequence}"


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
