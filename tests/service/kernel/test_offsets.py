"""What a consumer tells the broker of how far it has come, while others of its group come and go."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from services.kernel.kafka import (
    Broker,
    BrokerError,
    Record,
    Topic,
    create_topics,
    discard,
    leave,
    new_consumer,
    new_producer,
)
from services.kernel.offsets import Offsets
from tests.support.district import Servers, eventually

Fetched = Mapping[object, Sequence[Record]]
_MESSAGES = 5


@dataclass(frozen=True)
class Consuming:
    """A consumer that alone has a topic's only partition."""

    broker: Broker
    topic: str
    offsets: Offsets

    @property
    def turn(self) -> int:
        return self.offsets.begin({})

    async def fetched(self) -> Fetched:
        async def something() -> Fetched:
            return await self.offsets.consumer.getmany(timeout_ms=200, max_records=100)

        return await eventually(something)

    async def committed(self) -> int | None:
        inner: Any = self.offsets.consumer
        [partition] = await eventually(self._assigned)
        return await inner.committed(partition)

    async def _assigned(self) -> frozenset[object]:
        """Return what it has; nothing while partitions are being shared out, when the library still shows the old."""
        inner: Any = self.offsets.consumer
        return frozenset() if inner._subscription.reassignment_in_progress else inner.assignment()

    @asynccontextmanager
    async def shared(self) -> AsyncGenerator[None]:
        """Have another one in the group meanwhile."""
        before, other = self.turn, new_consumer(self.broker, self.topic, [self.topic])
        await other.start()
        try:
            await self._another_turn_than(before)
            yield
            before = self.turn
        finally:
            await leave(other)
        await self._another_turn_than(before)
        await eventually(self._assigned)

    async def _another_turn_than(self, before: int) -> None:
        async def another() -> bool:
            return self.turn != before

        await eventually(another)


@pytest.fixture
async def consuming(servers: Servers) -> AsyncIterator[Consuming]:
    broker, topic = Broker(servers.bootstrap), f"offsets-{uuid4().hex}"
    await create_topics(broker, [Topic(topic, 1)], replication=1)
    producer = new_producer(broker)
    await producer.start()
    try:
        for _ in range(_MESSAGES):
            await (await producer.send(topic, b"{}", b"k", headers=[]))
    finally:
        await discard(producer)
    offsets = Offsets(broker, topic, [topic])
    await offsets.consumer.start()
    try:
        yield Consuming(broker, topic, offsets)
    finally:
        await leave(offsets.consumer)


async def test_what_is_done_is_committed(consuming: Consuming) -> None:
    offsets = consuming.offsets
    offsets.done(await consuming.fetched(), consuming.turn)
    assert await consuming.committed() is None
    offsets.commit_in_time(idle=True)
    await offsets.part()
    assert await consuming.committed() == _MESSAGES


async def test_what_was_done_before_the_partitions_were_shared_out_is_not_committed_afterwards(
    consuming: Consuming,
) -> None:
    offsets, fetched = consuming.offsets, await consuming.fetched()
    turn = offsets.begin(fetched)
    assert list(offsets.reached.values()) == [0]
    offsets.done(fetched, turn)
    assert list(offsets.reached.values()) == [_MESSAGES]
    async with consuming.shared():
        pass
    assert offsets.reached == {}
    offsets.commit_in_time(idle=True)
    offsets.done(fetched, turn)
    await offsets.part()
    assert await consuming.committed() is None
    offsets.done(await consuming.fetched(), consuming.turn)
    await offsets.part()
    assert await consuming.committed() == _MESSAGES


async def test_a_commit_that_waits_for_the_broker_is_given_up_when_the_partitions_are_shared_out(
    consuming: Consuming, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets, back = consuming.offsets, asyncio.Event()
    commit = offsets.consumer.commit

    async def once_it_is_back(told: Mapping[object, int]) -> None:
        await back.wait()
        await commit(told)

    offsets.done(await consuming.fetched(), consuming.turn)
    monkeypatch.setattr(offsets.consumer, "commit", once_it_is_back)
    offsets.commit_in_time(idle=True)
    async with consuming.shared():
        offsets.commit_in_time(idle=True)
    back.set()
    await offsets.part()
    assert await consuming.committed() is None


async def test_what_the_broker_did_not_take_is_told_again(
    consuming: Consuming, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = consuming.offsets

    async def away(told: Mapping[object, int]) -> None:
        raise BrokerError(f"nobody hears {told}")

    offsets.done(await consuming.fetched(), consuming.turn)
    with monkeypatch.context() as patch:
        patch.setattr(offsets.consumer, "commit", away)
        offsets.commit_in_time(idle=True)
    await offsets.part()
    assert await consuming.committed() == _MESSAGES


async def test_who_leaves_while_the_broker_does_not_answer_does_not_wait_for_it(
    consuming: Consuming, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets, given_up = consuming.offsets, asyncio.Event()

    async def silent(told: Mapping[object, int]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    offsets.done(await consuming.fetched(), consuming.turn)
    monkeypatch.setattr(offsets.consumer, "commit", silent)
    offsets.commit_in_time(idle=True)
    await offsets.part()
    await given_up.wait()
