"""Kafka's jars: only what was locked is run."""

import hashlib
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.errors import DownloadFailed, WrongChecksum


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one jar whose content is `good`; return the folder of the registry's stand-in."""
    sums = tmp_path / "jars.sha256"
    sums.write_text(f"{hashlib.sha256(b'good').hexdigest()}  one.jar\n")
    monkeypatch.setattr(jars, "_SUMS", sums)
    registry = tmp_path / "registry"
    registry.mkdir()

    def resolve(scratch: Path) -> list[Path]:
        copies: list[Path] = []
        for jar in registry.iterdir():
            copy = scratch / jar.name
            copy.write_bytes(jar.read_bytes())
            copies.append(copy)
        if not copies:
            raise DownloadFailed("out of reach")
        return copies

    monkeypatch.setattr(jars, "_resolve", resolve)
    return registry


async def test_jars_are_kept_and_then_need_no_registry(tmp_path: Path, locked: Path) -> None:
    (locked / "one.jar").write_bytes(b"good")
    folder = await jars.kafka_jars(tmp_path / "cache")
    (locked / "one.jar").unlink()
    assert await jars.kafka_jars(tmp_path / "cache") == folder
    assert jars.are_cached(tmp_path / "cache")


@pytest.mark.parametrize("content", [b"bad", b""])
async def test_another_jar_than_the_locked_one_is_refused_and_not_kept(
    tmp_path: Path, locked: Path, content: bytes
) -> None:
    (locked / "one.jar").write_bytes(content)
    with pytest.raises(WrongChecksum, match=r"one\.jar"):
        await jars.kafka_jars(tmp_path / "cache")
    assert not jars.are_cached(tmp_path / "cache")


async def test_a_jar_that_nobody_locked_is_refused(tmp_path: Path, locked: Path) -> None:
    (locked / "one.jar").write_bytes(b"good")
    (locked / "two.jar").write_bytes(b"good")
    with pytest.raises(WrongChecksum, match=r"two\.jar"):
        await jars.kafka_jars(tmp_path / "cache")


async def test_a_damaged_jar_is_fetched_again(tmp_path: Path, locked: Path) -> None:
    (locked / "one.jar").write_bytes(b"good")
    folder = await jars.kafka_jars(tmp_path / "cache")
    (folder / "one.jar").write_bytes(b"half")
    await jars.kafka_jars(tmp_path / "cache")
    assert (folder / "one.jar").read_bytes() == b"good"


def test_the_committed_sums_hold_the_broker_and_a_logger() -> None:
    names = {line.split()[1] for line in jars._SUMS.read_text().splitlines()}
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in names
    assert any(name.startswith("slf4j-simple-") for name in names)
