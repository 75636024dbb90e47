"""Key files: versions of a secret key in one file, written whole and durably, followed while the service runs."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final, Generic, TypeVar, cast

import structlog

log = structlog.get_logger()

Content = TypeVar("Content")

AGAIN_SECONDS: Final = 10.0
_KEY_BYTES: Final = 32
_PRIVATE: Final = 0o600


class KeyFileError(Exception):
    """A key file is not as it must be. Says which and why, and never what is in it."""


class MissingKeyError(KeyFileError):
    """A file that the service needs is not in its keys folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name} is missing from the keys folder {path.parent}")


class UnusableKeyError(KeyFileError):
    """A file is there, and holds no keys of ours."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} in the keys folder {path.parent} {why}")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Versions of one secret key, by id: what is new is made with the current one, and all of them still count."""

    current: str
    keys: Mapping[str, bytes]

    @property
    def key(self) -> bytes:
        """The current key."""
        return self.keys[self.current]


class Watched(Generic[Content]):
    """What a key file says, read again when the file has changed: no service is restarted for a new key.

    Each call costs one look at the file's times. A change that cannot be read is told in the log, and what was read
    before goes on counting: a slip of the operator's must not stop what works. It is tried again after a pause, since
    what was in the way may not have been the file.
    """

    def __init__(self, path: Path, read: Callable[[Path], Content], *, ticks: Callable[[], float] = monotonic) -> None:
        """Read the file.

        :raises KeyFileError: it is missing, or holds no keys.
        """
        self._path = path
        self._read = read
        self._ticks = ticks
        self._again: float | None = None
        self._stamp = _stamp(path)
        self._content = read(path)

    def __call__(self) -> Content:
        """Return what the file says now."""
        stamp = _stamp(self._path)
        if stamp != self._stamp or (self._again is not None and self._ticks() >= self._again):
            self._stamp = stamp  # seen before it is read: a change in between is met by the next call
            self._again = None
            try:
                self._content = self._read(self._path)
            except KeyFileError as error:
                self._again = self._ticks() + AGAIN_SECONDS
                log.error("changed key file not taken", error=str(error))  # noqa: TRY400 - the sentence says it all
            else:
                log.info("changed key file taken", file=self._path.name)
        return self._content


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino


def new_id(mark: str = "") -> str:
    """Return a key's id: the day on which it was made, and what makes it unlike all others."""
    return f"{mark}{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the JSON object in a key file.

    :raises MissingKeyError: there is no such file.
    :raises UnusableKeyError: it cannot be read, or holds something else.
    """
    try:
        found: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingKeyError(path) from None
    except OSError as error:
        raise UnusableKeyError(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnusableKeyError(path, "is not JSON") from None  # the parser's own words would quote it
    if not isinstance(found, dict):
        raise UnusableKeyError(path, "is not a JSON object")
    return cast(Mapping[str, Any], found)


def read_keyring(path: Path) -> Keyring:
    """Return the keys of a file like `{"current": "20261124-9f3a1c", "keys": {"20261124-9f3a1c": "<64 hex digits>"}}`.

    :raises MissingKeyError: there is no such file.
    :raises UnusableKeyError: it is no keyring, or its current key is not in it.
    """
    found = read_json(path)
    current, texts = found.get("current"), found.get("keys")
    try:
        keys = {str(name): bytes.fromhex(text) for name, text in cast(Mapping[str, str], texts).items()}
    except (AttributeError, TypeError, ValueError):
        raise UnusableKeyError(path, "must have its keys under `keys`, in hexadecimal, by id") from None
    if any(len(key) != _KEY_BYTES for key in keys.values()):
        raise UnusableKeyError(path, f"has a key that is not {_KEY_BYTES} bytes long")
    if not isinstance(current, str) or current not in keys:
        raise UnusableKeyError(path, "must name one of its keys as `current`")
    return Keyring(current, keys)


def read_only_key(path: Path) -> bytes:
    """Return the key of a keyring that cannot have two: what is made with it is stored, and compared.

    :raises MissingKeyError: there is no such file.
    :raises UnusableKeyError: it is no keyring, or has several keys.
    """
    found = read_keyring(path)
    if len(found.keys) != 1:
        raise UnusableKeyError(path, "must have exactly one key")
    return found.key


@contextmanager
def changing(folder: Path) -> Generator[None]:
    """Let nobody else change keys in a folder meanwhile: of two who read, add and write, one would lose the other's.

    :raises MissingKeyError: there is no such folder.
    """
    try:
        held = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise MissingKeyError(folder) from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def write_keyring(path: Path, ring: Keyring) -> None:
    """Write a keyring.

    :raises OSError: the folder cannot be written.
    """
    keys = {name: key.hex() for name, key in ring.keys.items()}
    write(path, json.dumps({"current": ring.current, "keys": keys}, indent=2) + "\n")


def new_keyring(mark: str = "") -> Keyring:
    """Return a keyring with one new key."""
    return with_new_key(Keyring("", {}), mark)


def with_new_key(ring: Keyring, mark: str = "") -> Keyring:
    """Return a keyring with one more key, which is the current one."""
    current = new_id(mark)
    return Keyring(current, {**ring.keys, current: secrets.token_bytes(_KEY_BYTES)})


def without_key(ring: Keyring, path: Path, retired: str) -> Keyring:
    """Return a keyring without one of its older keys.

    :raises UnusableKeyError: it has no such key, or that is the current one.
    """
    if retired not in ring.keys:
        raise UnusableKeyError(path, f"has no key {retired}; it has {', '.join(sorted(ring.keys))}")
    if retired == ring.current:
        raise UnusableKeyError(path, f"still makes new things with {retired}: make a new key first")
    return Keyring(ring.current, {name: key for name, key in ring.keys.items() if name != retired})


def write(path: Path, text: str, mode: int = _PRIVATE) -> None:
    """Write a key file whole: whoever reads meanwhile sees the old one or the new one, and it survives a power cut.

    A key is used as soon as it is written, and what was sealed with a key that is lost is lost too.

    :raises OSError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
