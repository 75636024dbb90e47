"""Kafka's jars: resolved by jgo from Maven Central, held to committed SHA-256 sums, kept in our own cache.

jgo checks no sum, so a jar counts only once it is the one that `jars.sha256` names. After the first download
nothing asks a registry again.
"""

import asyncio
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.errors import DownloadFailed, WrongChecksum
from deploy.local.folders import CACHE_SETTING, usable

KAFKA_VERSION: Final = "4.4.0"
_ENDPOINT: Final = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
        "org.slf4j:slf4j-simple:1.7.36",  # without a binding the broker logs nothing
    )
)
_SUMS: Final = Path(__file__).with_name("jars.sha256")
DOWNLOAD: Final = "Kafka 4.4 from Maven Central: 45 files, 43 MB"


async def kafka_jars(cache: Path) -> Path:
    """Return the folder with Kafka's jars, verified; download what is missing or damaged.

    :raises DownloadFailed: Maven Central could not be reached.
    :raises WrongChecksum: what came is not what was locked.
    :raises FolderUnusable: it cannot be kept there.
    """
    return await asyncio.to_thread(_kafka_jars, cache)


def are_cached(cache: Path) -> bool:
    """Tell whether the jars are there, so that a download can be announced (sums are not checked)."""
    return all((_folder(cache) / name).exists() for name in _locked_sums())


def lock() -> None:
    """Resolve the jars anew and write their sums to `jars.sha256`."""
    with tempfile.TemporaryDirectory() as scratch:
        sums = {jar.name: _sha256(jar) for jar in _resolve(Path(scratch))}
    _SUMS.write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def _kafka_jars(cache: Path) -> Path:
    folder, sums = _folder(cache), _locked_sums()
    if _sums_in(folder) == sums:
        return folder
    with usable(folder.parent, CACHE_SETTING):
        incoming = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".incoming-")
    with incoming as scratch:
        arrived = Path(scratch) / "jars"
        arrived.mkdir()
        for jar in _resolve(Path(scratch)):
            shutil.move(jar, arrived / jar.name)
        _verify(_sums_in(arrived), sums)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            arrived.rename(folder)
        except OSError:  # another process was quicker, and verified the same sums
            if _sums_in(folder) != sums:
                raise
    return folder


def _folder(cache: Path) -> Path:
    return cache / "jars" / f"kafka-{KAFKA_VERSION}"


def _locked_sums() -> dict[str, str]:
    lines = _SUMS.read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def _sums_in(folder: Path) -> dict[str, str]:
    return {jar.name: _sha256(jar) for jar in folder.glob("*.jar")}


def _verify(found: Mapping[str, str], locked: Mapping[str, str]) -> None:
    differing = sorted(name for name in found.keys() | locked.keys() if found.get(name) != locked.get(name))
    if differing:
        raise WrongChecksum(
            f"Downloaded, but not as locked in {_SUMS.name}: {', '.join(differing)}. "
            "Nothing of it was kept; try again, and if it stays so, ask where the difference comes from."
        )


def _resolve(scratch: Path) -> list[Path]:
    # Imported here, since every command would wait 0.1 s for what only the first one needs.
    import requests
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)
    context = MavenContext(repo_cache=scratch / "repository", local_repos=[])
    builder = EnvironmentBuilder(context, cache_dir=scratch / "environment", link_strategy=LinkStrategy.HARD)
    try:
        return builder.from_endpoint(_ENDPOINT).all_jars
    except (requests.RequestException, OSError, RuntimeError, ValueError) as error:
        raise DownloadFailed(
            f"Maven Central did not give us Kafka ({type(error).__name__}): check the connection, try again."
        ) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
