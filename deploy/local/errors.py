"""What can go wrong on a user's machine; each message is one sentence that says what to do.

Anything else that escapes from `deploy.local` is a bug and keeps its traceback.
"""

from collections.abc import Sequence
from pathlib import Path


class LocalRunError(Exception):
    """Stop the local run for a reason that the user can act on."""


def _known_cause(tail: str) -> str:
    full = "No space left on device" in tail or "Disk quota exceeded" in tail
    return ", since the disk is full: make room and start again" if full else ""


class ProcessFailed(LocalRunError):
    """Report a child that ended by itself, with the end of its log."""

    def __init__(self, name: str, code: int, tail: str, log: Path) -> None:
        how = f"with code {code}" if code >= 0 else f"by signal {-code}"
        super().__init__(f"{name} ended {how}{_known_cause(tail)}; the end of {log}:\n{tail or '(empty)'}")
        self.name = name
        self.code = code
        self.tail = tail


class NotReady(LocalRunError):
    """Report a child that lives but did not become ready in time."""

    def __init__(self, name: str, seconds: float, tail: str, log: Path) -> None:
        super().__init__(f"{name} was not ready within {seconds:g} s; the end of {log}:\n{tail or '(empty)'}")
        self.name = name
        self.tail = tail


class PortTaken(LocalRunError):
    """Report a port that another process listens on."""

    def __init__(self, port: int, setting: str, holder: str | None) -> None:
        who = f"by {holder}" if holder else "by another process"
        super().__init__(f"Port {port} is taken {who}: stop it, or choose another port with {setting}.")
        self.port = port


class PortsClash(LocalRunError):
    """Report a port that was given to more than one part."""

    def __init__(self, port: int, settings: Sequence[str]) -> None:
        super().__init__(f"Port {port} can serve one part only: give {' and '.join(settings)} different ones.")
        self.port = port


class DataFolderBusy(LocalRunError):
    """Report a data folder that another run holds."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(f"{folder} is in use by {holder}: stop it, or choose another with THROUGH_TRAIN_DATA_FOLDER.")


class FolderUnusable(LocalRunError):
    """Report a folder that cannot serve its purpose as it is."""


class DiskFull(LocalRunError):
    """Report a disk without the room that is needed."""


class DownloadFailed(LocalRunError):
    """Report a download that did not succeed."""


class WrongChecksum(LocalRunError):
    """Report a downloaded file that is not the one that was locked."""
