"""Folders that the user may choose: made, or refused in a sentence."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.errors import FolderUnusable

DATA_SETTING: Final = "THROUGH_TRAIN_DATA_FOLDER"
CACHE_SETTING: Final = "THROUGH_TRAIN_CACHE_FOLDER"
# The system's own words for these say little of the folder: making one where a file lies is "File exists".
_WRONG: Final = {
    errno.EACCES: "you may not write there",
    errno.EPERM: "you may not write there",
    errno.EROFS: "it is on a read-only file system",
    errno.EEXIST: "it is no folder",
    errno.ENOTDIR: "its path leads through a file",
    errno.ENOENT: "no folder can be made there",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is full",
}


@contextmanager
def usable(folder: Path, setting: str) -> Generator[None]:
    """Make the folder; report what the system refuses then, and in the block, as the folder's fault.

    :raises FolderUnusable: it cannot be made or written; `setting` names what to change.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        wrong = _WRONG.get(error.errno or 0, error.strerror or str(error))
        raise FolderUnusable(f"{folder} cannot be used ({wrong}): choose another folder with {setting}.") from None
