"""Kafka's jars: only what was locked is run, and what has arrived is not asked for again."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deploy.local import jars
from deploy.local.errors import DownloadFailed, WrongChecksum


class Registry:
    """A Maven repository on loopback, which remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked: list[str] = []
        self.cut_after: int | None = None

    def holds(self, name: str, content: bytes) -> None:
        """Put a jar where Maven would."""
        (self._folder / name).write_bytes(content)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give the jar, or its first bytes before the line is cut."""
        name = request.path.rpartition("/")[2]
        self.asked.append(name)
        if not (self._folder / name).exists():
            raise web.HTTPNotFound
        content = (self._folder / name).read_bytes()
        if self.cut_after is None:
            return web.Response(body=content)
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: self.cut_after])
        assert request.transport is not None
        request.transport.close()
        return response


@pytest.fixture
async def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Registry]:
    """A repository, and a lock of two jars whose contents are `good` and `fine`."""
    sums = tmp_path / "jars.sha256"
    good, fine = (hashlib.sha256(content).hexdigest() for content in (b"good", b"fine"))
    sums.write_text(f"{good}  org/here/one/1/one.jar\n{fine}  org/here/two/1/two.jar\n")
    monkeypatch.setattr(jars, "_SUMS", sums)
    (tmp_path / "registry").mkdir()
    registry = Registry(tmp_path / "registry")
    registry.holds("one.jar", b"good")
    registry.holds("two.jar", b"fine")
    application = web.Application()
    application.router.add_get("/maven/{path:.*}", registry.answer)
    async with TestServer(application) as server:
        monkeypatch.setenv("THROUGH_TRAIN_MAVEN_REPOSITORY", str(server.make_url("/maven/")))
        yield registry


async def test_jars_are_kept_and_then_need_no_registry(tmp_path: Path, registry: Registry) -> None:
    folder = await jars.kafka_jars(tmp_path / "cache")
    assert sorted(jar.name for jar in folder.iterdir()) == ["one.jar", "two.jar"]
    registry.asked.clear()
    assert await jars.kafka_jars(tmp_path / "cache") == folder
    assert registry.asked == []
    assert jars.are_cached(tmp_path / "cache")


@pytest.mark.parametrize("content", [b"bad", b""])
async def test_another_jar_than_the_locked_one_is_refused_and_not_kept(
    tmp_path: Path, registry: Registry, content: bytes
) -> None:
    registry.holds("one.jar", content)
    with pytest.raises(WrongChecksum, match=r"one\.jar"):
        await jars.kafka_jars(tmp_path / "cache")
    assert not jars.are_cached(tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("one.jar*"))


async def test_a_jar_that_nobody_locked_is_not_run(tmp_path: Path, registry: Registry) -> None:
    folder = await jars.kafka_jars(tmp_path / "cache")
    (folder / "three.jar").write_bytes(b"good")
    await jars.kafka_jars(tmp_path / "cache")
    assert not (folder / "three.jar").exists()


async def test_a_damaged_jar_is_fetched_again_and_no_other(tmp_path: Path, registry: Registry) -> None:
    folder = await jars.kafka_jars(tmp_path / "cache")
    registry.asked.clear()
    (folder / "one.jar").write_bytes(b"half")
    await jars.kafka_jars(tmp_path / "cache")
    assert (folder / "one.jar").read_bytes() == b"good"
    assert registry.asked == ["one.jar"]


async def test_what_is_cut_short_goes_on_with_what_is_missing(tmp_path: Path, registry: Registry) -> None:
    folder = await jars.kafka_jars(tmp_path / "cache")
    (folder / "two.jar").unlink()
    registry.asked.clear()
    registry.cut_after = 2
    with pytest.raises(DownloadFailed, match="goes on from there"):
        await jars.kafka_jars(tmp_path / "cache")
    assert [entry.name for entry in folder.iterdir()] == ["one.jar"]
    registry.cut_after = None
    await jars.kafka_jars(tmp_path / "cache")
    assert set(registry.asked) == {"two.jar"}


async def test_a_repository_without_the_jar_is_named_with_its_setting(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "registry" / "two.jar").unlink()
    with pytest.raises(DownloadFailed, match=r"two\.jar.*404.*THROUGH_TRAIN_MAVEN_REPOSITORY"):
        await jars.kafka_jars(tmp_path / "cache")


async def test_who_has_no_network_is_told_which_repository_and_how_another_is_named(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THROUGH_TRAIN_MAVEN_REPOSITORY", "http://127.0.0.1:9/maven")
    with pytest.raises(DownloadFailed, match=r"http://127\.0\.0\.1:9/maven .*THROUGH_TRAIN_MAVEN_REPOSITORY"):
        await jars.kafka_jars(tmp_path / "cache")


def test_the_committed_sums_hold_the_broker_and_a_logger() -> None:
    names = {place.name for place in jars._locked()}
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in names
    assert any(name.startswith("slf4j-simple-") for name in names)
