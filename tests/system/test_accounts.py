"""A department's login at the broker: it reads its own feed, and every other door is shut. On a broker of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from confluent_kafka import Consumer

from deploy.local.accounts import Account, AccountError, close_account, open_account
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.kafka import Broker, Topic, create_topics, discard, new_producer
from tests.support.district import eventually

pytestmark = pytest.mark.system

HOUSING, WATER = catalogue.department_topic("housing"), catalogue.department_topic("water")
OTHERS = [WATER, catalogue.petition_topic(Source.DISPATCH), catalogue.reference_topic(Source.DISPATCH)]


@pytest.fixture(scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    folder = tmp_path_factory.mktemp("accounts")
    ends_soon = {"listener.name.departments.connections.max.reauth.ms": "2000"}
    broker = Kafka(folder / "kafka", free_port(), free_port(), departments_port=free_port(), options=ends_soon)
    async with broker:
        inside = Broker(broker.bootstrap)
        await create_topics(inside, [Topic(name, 1) for name in (HOUSING, *OTHERS)], replication=1)
        for name in (HOUSING, *OTHERS):
            await send(inside, name)
        yield broker


async def send(broker: Broker, topic: str) -> None:
    producer = new_producer(broker)
    try:
        await producer.start()
        await (await producer.send(topic, topic.encode(), b"key", headers=[]))
    finally:
        await discard(producer)


async def read(kafka: Kafka, account: Account | None, topic: str, group: str | None) -> bytes | None:
    """Read a topic's first message, as a department does."""
    login = Broker(
        kafka.departments_bootstrap, account.username if account else None, account.password if account else None
    )
    settings: dict[str, Any] = {**login.options(), "group_id": group, "request_timeout_ms": 5_000}
    consumer: Any = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **settings)
    try:
        async with asyncio.timeout(20):
            await consumer.start()
            return (await consumer.getone()).value
    finally:
        await consumer.stop()


async def opened(kafka: Kafka, code: str) -> Account:
    return await asyncio.to_thread(open_account, kafka.bootstrap, code)


async def test_a_department_reads_its_own_feed_and_nothing_else(kafka: Kafka) -> None:
    account = await opened(kafka, "housing")
    assert account.topic == HOUSING
    assert await read(kafka, account, HOUSING, f"{account.group_prefix}intake-desk") == HOUSING.encode()
    for topic in OTHERS:
        with pytest.raises(TopicAuthorizationFailedError):
            await read(kafka, account, topic, f"{account.group_prefix}curious")
    with pytest.raises(GroupAuthorizationFailedError):
        await read(kafka, account, HOUSING, "department.water.desk")


async def test_what_is_not_its_own_it_cannot_even_see_nor_write_to_its_own(kafka: Kafka) -> None:
    account = await opened(kafka, "housing")
    login = Broker(kafka.departments_bootstrap, account.username, account.password)
    watcher: Any = AIOKafkaConsumer(**login.options())
    await watcher.start()
    try:
        assert await watcher.topics() == {HOUSING}
    finally:
        await watcher.stop()
    with pytest.raises(KafkaError, match=r"(?i)authorization"):
        await send(login, HOUSING)
    with pytest.raises(KafkaError, match=r"(?i)authorization"):
        await create_topics(login, [Topic("department.other.feed.v1", 1)], replication=1)


async def test_without_a_login_or_with_a_wrong_or_an_old_one_nobody_gets_in(kafka: Kafka) -> None:
    old = await opened(kafka, "water")
    new = await opened(kafka, "water")
    assert old.password != new.password
    assert await read(kafka, new, WATER, f"{new.group_prefix}desk") == WATER.encode()
    for refused in (old, None):
        with pytest.raises(KafkaConnectionError):
            await read(kafka, refused, WATER, f"{new.group_prefix}desk")
    await asyncio.to_thread(close_account, kafka.bootstrap, "water")
    with pytest.raises(KafkaConnectionError):
        await read(kafka, new, WATER, f"{new.group_prefix}desk")
    with pytest.raises(AccountError, match="refused"):
        await asyncio.to_thread(close_account, kafka.bootstrap, "water")


async def test_whoever_is_logged_in_when_the_account_is_closed_is_shown_out(kafka: Kafka) -> None:
    account = await opened(kafka, "water")
    said: list[str] = []
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.departments_bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": account.username,
            "sasl.password": account.password,
            "group.id": f"{account.group_prefix}long",
            "auto.offset.reset": "earliest",
            "error_cb": lambda error: said.append(error.name()),
            "log_level": 0,
        }
    )
    try:
        consumer.subscribe([WATER])

        async def reads() -> bool:
            message = await asyncio.to_thread(consumer.poll, 0.5)
            return message is not None and message.error() is None

        await eventually(reads)
        await asyncio.to_thread(close_account, kafka.bootstrap, "water")

        async def out() -> bool:
            await asyncio.to_thread(consumer.poll, 0.5)
            return "_AUTHENTICATION" in said

        await eventually(out)
    finally:
        await asyncio.to_thread(consumer.close)


async def test_accounts_outlast_a_restart_of_the_broker(kafka: Kafka) -> None:
    account = await opened(kafka, "housing")
    await kafka.stop()
    await kafka.start()
    assert await read(kafka, account, HOUSING, f"{account.group_prefix}restarted") == HOUSING.encode()


async def test_an_unknown_department_is_refused_with_those_that_there_are(kafka: Kafka) -> None:
    with pytest.raises(AccountError, match=r"no department 'gas'; there are housing, water"):
        await opened(kafka, "gas")


async def test_a_broker_that_does_not_run_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="make run"):
        await asyncio.to_thread(open_account, f"127.0.0.1:{free_port()}", "housing")
