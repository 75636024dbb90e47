"""PostgreSQL and Kafka as packages: started, stopped, killed, and started again on the same data."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.errors import FolderUnusable, PortTaken
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres

pytestmark = [pytest.mark.serial, pytest.mark.system, pytest.mark.xdist_group("serial")]


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder for a server; as root its data lies elsewhere, and must be removed by who made it."""
    folder = tmp_path / "a folder" / "postgres"
    yield folder
    await Postgres(folder, free_port()).remove()


@pytest.fixture
async def postgres(folder: Path) -> AsyncIterator[Postgres]:
    async with Postgres(folder, free_port(), durable=False) as server:
        yield server


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_each_service_has_a_database_of_its_own_and_no_other(postgres: Postgres) -> None:
    for service in ("intake", "dispatch", "feedback"):
        assert await ask(postgres.dsn(service), "SELECT current_user || current_database()") == service * 2
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(postgres.dsn("intake", "dispatch"))
    assert await ask(postgres.dsn("intake"), "SELECT rolsuper FROM pg_roles WHERE rolname = 'intake'") is False


async def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn("intake").replace("intake:", "intake:x"))


async def test_chinese_text_is_letters_to_the_database(postgres: Postgres) -> None:
    await ask(postgres.admin_dsn, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
    assert await ask(postgres.admin_dsn, "SELECT cardinality(show_trgm('小区电梯'))") == 5


async def test_the_server_is_version_18_with_time_ordered_ids(postgres: Postgres) -> None:
    assert str(await ask(postgres.admin_dsn, "SHOW server_version")).startswith("18.")
    assert await ask(postgres.admin_dsn, "SELECT uuid_extract_version(uuidv7())") == 7


async def test_passwords_are_for_nobody_else_to_read(postgres: Postgres) -> None:
    file = postgres.folder / "keys" / "postgres-passwords.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_data_survives_a_stop_and_a_kill(folder: Path) -> None:
    server = Postgres(folder, free_port())
    async with server:
        await ask(server.dsn("intake"), "CREATE TABLE kept AS SELECT 1 AS value")
    async with server:
        assert await ask(server.dsn("intake"), "SELECT value FROM kept") == 1
        await server.kill()
    async with server:
        assert await ask(server.dsn("intake"), "SELECT value FROM kept") == 1


async def test_a_stale_file_with_a_strangers_process_id_is_no_obstacle(folder: Path) -> None:
    server = Postgres(folder, free_port(), durable=False)
    await server.start()
    await server.kill()
    file = (server.folder / "cluster").resolve() / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    async with server:
        assert await ask(server.admin_dsn, "SELECT 1") == 1
    assert psutil.pid_exists(os.getpid())  # it was us, and we were left alone


async def test_a_server_that_was_left_running_gives_way(folder: Path) -> None:
    left = Postgres(folder, free_port(), durable=False)
    await left.start()
    assert left.process is not None
    pid = left.process.pid
    (left.folder / "postgres.pid").unlink()  # only PostgreSQL's own file tells of it
    async with Postgres(folder, free_port(), durable=False) as server:
        assert await ask(server.admin_dsn, "SELECT 1") == 1
        assert server.process is not None
        assert server.process.pid != pid
    await left.stop()


async def test_lost_passwords_are_said_in_a_sentence(folder: Path) -> None:
    async with Postgres(folder, free_port(), durable=False):
        pass
    (folder / "keys" / "postgres-passwords.json").unlink()
    with pytest.raises(FolderUnusable, match="make clean-data"):
        await Postgres(folder, free_port(), durable=False).start()


async def test_a_taken_port_is_refused_before_anything_is_written(postgres: Postgres) -> None:
    with pytest.raises(PortTaken, match=rf"{postgres.port}.*THROUGH_TRAIN_POSTGRES_PORT"):
        await Postgres(postgres.folder.with_name("second"), postgres.port).start()
    assert not postgres.folder.with_name("second").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
async def test_root_runs_it_below_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed folder"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "postgres", free_port(), durable=False)
    async with server:
        assert await ask(server.admin_dsn, "SELECT 1") == 1
        assert server.process is not None
        assert psutil.Process(server.process.pid).uids().real != 0
    stand_in = (server.folder / "cluster").resolve()
    await server.remove()
    assert not stand_in.exists()
    assert not server.folder.exists()


async def test_kafka_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path / "a folder" / "kafka", free_port(), free_port())
    async with kafka:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("petition.intake.v1", 2, 1)])
        await admin.close()
        await send(kafka, b"before the stop")
    async with kafka:
        await send(kafka, b"before the kill")
        await kafka.kill()
    async with kafka:
        assert await everything(kafka, count=2) == {b"before the stop", b"before the kill"}


async def send(kafka: Kafka, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait("petition.intake.v1", value)
    finally:
        await producer.stop()


async def everything(kafka: Kafka, count: int) -> set[bytes | None]:
    consumer = AIOKafkaConsumer("petition.intake.v1", bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return {(await consumer.getone()).value for _ in range(count)}
    finally:
        await consumer.stop()


async def test_a_broker_that_was_left_running_gives_way(tmp_path: Path) -> None:
    left = Kafka(tmp_path / "kafka", free_port(), free_port())
    await left.start()
    assert left.process is not None
    pid = left.process.pid
    async with Kafka(tmp_path / "kafka", left.port, left.controller_port) as kafka:
        assert kafka.process is not None
        assert kafka.process.pid != pid
    await left.stop()


def test_the_command_line_says_what_a_wrong_setting_is() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "deploy.local", "servers"],
        env={**os.environ, "THROUGH_TRAIN_KAFKA_PORT": "many"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert "THROUGH_TRAIN_KAFKA_PORT" in outcome.stderr
    assert "Traceback" not in outcome.stderr
