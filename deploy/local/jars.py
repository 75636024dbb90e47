"""Kafka's jars: chosen by jgo when they are locked, then fetched by their locked places and held to their sums.

`jars.sha256` names each jar's place in a Maven repository with its sum. A jar counts only once it has that sum, and
gets its name only then: so a download that was cut short goes on with the jars that are missing, and after it nothing
asks a registry again.
"""

import asyncio
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Final

from deploy.local.errors import DownloadFailed, WrongChecksum
from deploy.local.folders import CACHE_SETTING, usable
from deploy.local.settings import LocalSettings

KAFKA_VERSION: Final = "4.4.0"
_ENDPOINT: Final = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
        "org.slf4j:slf4j-simple:1.7.36",  # without a binding the broker logs nothing
    )
)
_SUMS: Final = Path(__file__).with_name("jars.sha256")
_AT_ONCE: Final = 4
_WAIT: Final = 30.0
_PIECE: Final = 256 * 1024


async def kafka_jars(cache: Path, on_progress: Callable[[str], None] | None = None) -> Path:
    """Return the folder with Kafka's jars, verified; download what is missing or damaged.

    :raises DownloadFailed: the repository could not be reached, or does not have one.
    :raises WrongChecksum: what came is not what was locked.
    :raises FolderUnusable: it cannot be kept there.
    """
    unwanted = threading.Event()
    try:
        return await asyncio.to_thread(_kafka_jars, cache, on_progress or (lambda _: None), unwanted)
    finally:
        unwanted.set()  # a thread cannot be cancelled


def are_cached(cache: Path) -> bool:
    """Tell whether the jars are there, so that a download can be announced (sums are not checked)."""
    return all((_folder(cache) / place.name).exists() for place in _locked())


def lock() -> None:
    """Resolve the jars anew and write their places and sums to `jars.sha256`."""
    with tempfile.TemporaryDirectory() as scratch:
        sums = {place: _sha256(jar) for place, jar in _resolve(Path(scratch)).items()}
    _SUMS.write_text("".join(f"{sums[place]}  {place}\n" for place in sorted(sums, key=lambda place: place.name)))


def _kafka_jars(cache: Path, say: Callable[[str], None], unwanted: threading.Event) -> Path:
    folder, locked = _folder(cache), _locked()
    stranger = {jar.name for jar in folder.glob("*.jar")} - {place.name for place in locked}
    missing = [place for place, digest in locked.items() if _sum_if_there(folder / place.name) != digest]
    if not missing and not stranger:
        return folder
    with usable(folder, CACHE_SETTING):
        for name in stranger:
            (folder / name).unlink()
        fetch = _Fetch(folder, locked, say, unwanted)
        try:
            fetch.all_of(missing)
        finally:
            for half in folder.glob(f"*.{os.getpid()}.part"):
                half.unlink()
    return folder


class _Fetch:
    """Gets jars from a repository, some at a time."""

    def __init__(
        self,
        folder: Path,
        locked: dict[PurePosixPath, str],
        say: Callable[[str], None],
        unwanted: threading.Event,
    ) -> None:
        self._folder = folder
        self._locked = locked
        self._say = say
        self._unwanted = unwanted
        self._repository = (LocalSettings().maven_repository or _central()).rstrip("/")
        self._lock = threading.Lock()
        self._bytes = 0
        self._here = 0

    def all_of(self, places: Iterable[PurePosixPath]) -> None:
        places = list(places)
        self._here = len(self._locked) - len(places)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tasks = [pool.submit(self._one, place) for place in places]
            try:
                for task in tasks:
                    task.result()
            finally:
                self._unwanted.set()

    def _one(self, place: PurePosixPath) -> None:
        # Imported here, since every command would wait for what only the first one needs.
        import requests

        half = self._folder / f"{place.name}.{os.getpid()}.part"
        digest = hashlib.sha256()
        try:
            with (
                requests.get(f"{self._repository}/{place}", stream=True, timeout=_WAIT) as answer,
                half.open("wb") as file,
            ):
                answer.raise_for_status()
                for piece in answer.iter_content(_PIECE):
                    if self._unwanted.is_set():
                        return
                    file.write(piece)
                    digest.update(piece)
                    self._count(len(piece))
        except requests.HTTPError as error:
            raise DownloadFailed(
                f"{self._repository} has no {place.name} for us ({error}): "
                "name another repository with THROUGH_TRAIN_MAVEN_REPOSITORY."
            ) from None
        except requests.RequestException as error:
            raise DownloadFailed(
                f"{self._repository} could not be reached for Kafka ({type(error).__name__}): check the connection "
                "(THROUGH_TRAIN_MAVEN_REPOSITORY names a mirror, HTTPS_PROXY a proxy), and `make` goes on from there."
            ) from None
        if digest.hexdigest() != self._locked[place]:
            raise WrongChecksum(
                f"{place.name} of {self._repository} is not as locked in {_SUMS.name}, and was not kept: "
                "try again, and if it stays so, ask where the difference comes from."
            )
        half.replace(self._folder / place.name)
        with self._lock:
            self._here += 1

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes += size
            self._say(f"Kafka: {self._here} of {len(self._locked)} jars, {self._bytes / 1e6:.0f} MB")


def _folder(cache: Path) -> Path:
    return cache / "jars" / f"kafka-{KAFKA_VERSION}"


def _locked() -> dict[PurePosixPath, str]:
    lines = _SUMS.read_text().splitlines()
    return {PurePosixPath(place): digest for digest, place in (line.split(maxsplit=1) for line in lines)}


def _sum_if_there(jar: Path) -> str:
    return _sha256(jar) if jar.exists() else ""


def _central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return MAVEN_CENTRAL_URL


def _resolve(scratch: Path) -> dict[PurePosixPath, Path]:
    """Ask jgo what Kafka needs; return each jar by its place in a repository."""
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)
    repository = scratch / "repository"
    context = MavenContext(repo_cache=repository, local_repos=[])
    builder = EnvironmentBuilder(context, cache_dir=scratch / "environment", link_strategy=LinkStrategy.HARD)
    names = {jar.name for jar in builder.from_endpoint(_ENDPOINT).all_jars}
    return {PurePosixPath(jar.relative_to(repository)): jar for jar in repository.rglob("*.jar") if jar.name in names}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
