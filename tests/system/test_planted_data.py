"""Planted personal data: what residents write reaches nothing but intake's sealed columns.

Recognisable numbers, addresses and names are written into every field that a resident can fill, and into places where
they do not belong; petitions are walked to their ends (tests/support/planted.py). Then everything that keeps or tells
something is searched for them: topics, logs, metrics, answers, errors, tables, dumps, and the servers' own files.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import pytest

from deploy.local.postgres import SERVICES, _environment, _programs
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from tests.faults.installation import Installation
from tests.support import planted
from tests.support.district import SettableTime
from tests.support.people import People
from tests.support.planted import MARKER, SEARCH, WORDS, Listening
from tests.support.search import Search
from tests.support.servers import Servers
from tests.support.topics import fetch_all

pytestmark = [pytest.mark.serial, pytest.mark.system]


@dataclass
class Walked:
    """An installation in which everything has happened."""

    installation: Installation
    district: Listening
    metrics: dict[str, str]


@pytest.fixture(scope="module")
async def walked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walked]:
    """Real processes, with petitions that are full of planted data."""
    folder = tmp_path_factory.mktemp("planted")
    async with (
        Installation(folder, replicas=("a",), gateways=("a",), partitions=2) as installation,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3)) as session,
    ):
        servers = Servers(
            installation.postgres.admin_dsn,
            {service: installation.postgres.dsn(service) for service in SERVICES},
            installation.kafka.bootstrap,
            installation.kafka.departments_bootstrap,
            str(installation.keys),
        )
        district = Listening(servers, "", SettableTime(), {}, session, installation.gateways["a"])
        people = People(district)
        closed = await planted.walk_to_the_end(people)
        await planted.withdraw(people)
        await planted.erase(people)
        await planted.provoke(people, closed)
        await planted.break_something(installation, people)
        await planted.everything_published(installation)
        await planted.hold_something_up(district, closed)
        await planted.everything_published(installation)
        metrics = {}
        for service in SERVICES:
            url = installation.replica(service).url.replace("/graphql", "/metrics")
            async with session.get(url) as response:
                metrics[service] = await response.text()
        yield Walked(installation, district, metrics)


# What is searched


async def topics(walked: Walked) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every message of every topic: keys, values, headers."""
    for name in await walked.installation.broker.topics():
        for message in await fetch_all(walked.district, name):
            parts = [message.key or b"", message.value or b""]
            parts += [part for header, value in message.headers for part in (header.encode(), value)]
            yield f"topic {name}", b"\n".join(parts)


def logs(walked: Walked) -> Iterator[tuple[str, bytes]]:
    """Yield every log: of the services, the gateway, the database, the broker."""
    for path in sorted(walked.installation.folder.rglob("logs/*.log")):
        yield f"log {path.relative_to(walked.installation.folder)}", path.read_bytes()


async def tables(walked: Walked) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every value of every column of every table of every schema, and what the server knows of them."""
    for service in SERVICES:
        connection: Any = await asyncpg.connect(walked.installation.postgres.dsn(service))
        try:
            named = await connection.fetch(
                "SELECT schemaname AS schema, tablename AS name FROM pg_tables WHERE schemaname IN ('own', 'view')"
            )
            await connection.execute("ANALYZE")
            for schema, name in ((table["schema"], table["name"]) for table in named):
                for row in await connection.fetch(f"SELECT * FROM {schema}.{name}"):
                    for column, value in row.items():
                        content = bytes(value) if isinstance(value, bytes) else str(value).encode()
                        yield f"{service} {schema}.{name}.{column}", content
            for row in await connection.fetch("SELECT s::text FROM pg_stats AS s"):
                yield f"{service} statistics", row["s"].encode()
        finally:
            await connection.close()


async def dumps(walked: Walked) -> AsyncIterator[tuple[str, bytes]]:
    """Yield a backup of each database, as pg_dump makes it."""
    for service in SERVICES:
        process = await asyncio.create_subprocess_exec(
            *(_programs(None) / "pg_dump", "--no-password", walked.installation.postgres.dsn(service)),
            env=_environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        dumped, _ = await process.communicate()
        assert process.returncode == 0
        yield f"dump of {service}", dumped


async def gathered(found: AsyncIterator[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [one async for one in found]


def places(found: list[tuple[str, bytes]], search: Search) -> set[str]:
    return {place for _, place in search.hits(found)}


MARKED: Final = Search({"marker": MARKER, "number": "770000913"})


async def test_topics_carry_none_of_it(walked: Walked) -> None:
    found = await gathered(topics(walked))
    assert SEARCH.hits(found) == set()
    # The search reads what is there: the title goes everywhere, also to the department that handles it.
    told = {catalogue.petition_topic(source) for source in (Source.INTAKE, Source.DISPATCH)}
    told.add(catalogue.department_topic("housing"))
    assert places(found, MARKED) == {f"topic {name}" for name in told}
    assert {place for place, _ in found} >= {f"topic deadletter.{service}.v1" for service in ("intake", "feedback")}


async def test_tables_and_dumps_hold_none_of_it(walked: Walked) -> None:
    found = await gathered(tables(walked))
    assert SEARCH.hits(found) == set()
    marked = places(found, MARKED)
    for column in ("intake own.petition.title", "dispatch own.petition.title", "feedback view.petition.title"):
        assert column in marked
    seen = {place for place, _ in found}
    for column in ("intake own.parked.data", "intake own.contact_look.purpose", "feedback own.visit.comment"):
        assert column in seen
    backups = await gathered(dumps(walked))
    assert SEARCH.hits(backups) == set()
    assert places(backups, MARKED) == {f"dump of {service}" for service in SERVICES}


async def test_logs_and_metrics_tell_none_of_it(walked: Walked) -> None:
    found = list(logs(walked))
    assert SEARCH.hits(found) == set()
    assert MARKED.hits(found) == set()
    names = " ".join(place for place, _ in found)
    for name in ("intake-a", "dispatch-a", "feedback-a", "gateway", "postgres", "kafka"):
        assert name in names
    intake = next(content.decode() for place, content in found if "intake-a" in place)
    for event in ("unexpected", "event parked as poison", "unreadable message"):
        assert f'"event": "{event}"' in intake
    told = [(f"metrics of {service}", text.encode()) for service, text in walked.metrics.items()]
    assert all(b"through_train_events_published" in text for _, text in told)
    assert SEARCH.hits(told) == set()


async def test_answers_and_errors_repeat_none_of_it(walked: Walked) -> None:
    found = [(f"answer {answer}", answer.encode()) for answer in walked.district.answers]
    assert SEARCH.hits(found) == set()
    assert any(MARKER in answer for answer in walked.district.answers)
    assert any("[电话 phone]" in answer and "[姓名 name]" in answer for answer in walked.district.answers)
    assert any("INTERNAL" in answer for answer in walked.district.answers)


async def test_the_servers_own_files_hold_none_of_it(walked: Walked) -> None:
    for service in SERVICES:
        await walked.installation.fetch(service, "SELECT 1")
    await walked.installation.admin("CHECKPOINT")
    roots = [walked.installation.postgres.folder, walked.installation.kafka.folder]
    files = [path for root in roots for path in _walk(root, set())]
    needles = {name: value.encode() for name, value in SEARCH.planted.items()}
    hits: set[tuple[str, str]] = set()
    marked = 0
    for path in files:
        content = path.read_bytes()
        hits |= {(name, str(path)) for name, needle in needles.items() if needle in content}
        marked += MARKER.encode() in content
    assert hits == set()
    assert marked >= 4  # three databases and the topics


def _walk(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield the files of a folder, also behind a link that leads to a server's data."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    for path in sorted(real.iterdir()):
        if path.is_dir():
            yield from _walk(path, seen)
        elif path.is_file():
            yield path


def test_what_is_planted_is_told_apart() -> None:
    names = SEARCH.planted.keys()
    assert len(set(SEARCH.planted.values())) == len(names)
    found = {name for name, _ in SEARCH.hits([("the words themselves", WORDS.encode())])}
    assert found == {name for name in names if "in words" in name or name.startswith("name after")} | {
        "name in English"
    }
