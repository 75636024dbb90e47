"""The unprivileged account that PostgreSQL needs when we are root, and places that it can reach.

PostgreSQL refuses to run as root. Adding an account would change the machine, so one that exists is used: the
owner of the checkout where that is an ordinary user (a mounted folder, `sudo make run`), else `nobody`.
Neither can enter a checkout below a home folder of mode 0700, and opening such a folder is not ours to do.
What the account must reach is then kept under /var/tmp, which survives a restart of the machine as the
checkout does.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil

from deploy.local.errors import FolderUnusable
from deploy.local.process import Identity

_CHECKOUT = Path(__file__).parents[2]


def unprivileged() -> Identity | None:
    """Return the account to use instead of root, or None when we are not root.

    :raises FolderUnusable: we are root on a machine with no account named nobody.
    """
    if os.geteuid() != 0:
        return None
    owner = _CHECKOUT.stat()
    if owner.st_uid != 0:
        try:
            pwd.getpwuid(owner.st_uid)  # initdb wants a name for it
        except KeyError:
            pass
        else:
            return Identity(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise FolderUnusable(
            "PostgreSQL refuses to run as root, and this machine has no account `nobody`: run as a user."
        ) from None
    return Identity(nobody.pw_uid, nobody.pw_gid)


def can_reach(identity: Identity, path: Path) -> bool:
    """Try whether the account can enter the folder or run the file (access lists and mounts count too)."""
    attempt = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'test -x "$1"', "sh", path],
        user=identity.uid,
        group=identity.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return attempt.returncode == 0


def reachable_program_folder(package: Path, version: str) -> Path:
    """Copy an installed package to where every account can run it; return the copy, made once per source."""
    source = hashlib.sha256(os.fsencode(package.resolve())).hexdigest()[:8]
    copy = _own_folder() / f"{package.name}-{version}-{source}"
    if not copy.exists():
        half = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
        for part in (package, package.with_name(f"{package.name}.libs")):  # a wheel's own shared libraries
            if part.exists():
                shutil.copytree(part, half / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        half.chmod(0o755)
        try:
            half.rename(copy)  # whole or not at all
        except OSError:  # another process was quicker
            shutil.rmtree(half)
    return copy / package.name


def fresh_stand_in(folder: Path) -> Path:
    """Return a new folder under /var/tmp, to stand in for a data folder that the account cannot reach."""
    own = _own_folder()
    _sweep(own)
    stand_in = own / f"data-{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}"
    if stand_in.exists():  # of a checkout that was here before: nothing links to it any more
        shutil.rmtree(stand_in)
    stand_in.mkdir(mode=0o700)
    stand_in.with_suffix(".of").write_text(str(folder.absolute()))
    return stand_in


def remove_stand_in(stand_in: Path) -> None:
    """Remove a stand-in with all its data."""
    shutil.rmtree(stand_in, ignore_errors=True)
    stand_in.with_suffix(".of").unlink(missing_ok=True)


def _sweep(own: Path) -> None:
    """Remove stand-ins of temporary folders that are gone: tests that were killed leave some 40 MB each.

    Those of other folders stay until `make clean-data`: a disk may just not be mounted.
    """
    for note in own.glob("data-*.of"):
        try:
            folder, stand_in = Path(note.read_text()), note.with_suffix("")
        except FileNotFoundError:  # another run has just removed it
            continue
        if folder.exists() or not folder.is_relative_to(tempfile.gettempdir()):
            continue
        if not any(_works_in(pid, stand_in) for pid in psutil.pids()):
            remove_stand_in(stand_in)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.Error:
        return False


def _own_folder() -> Path:
    """Return our folder under /var/tmp.

    :raises FolderUnusable: somebody else made it (anyone may write there, so a found folder must be proven
    ours).
    """
    folder = Path("/var/tmp/through-train")  # noqa: S108  (ownership is checked below)
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != 0 or found.st_mode & 0o022:
        raise FolderUnusable(f"{folder} belongs to somebody else or is open to all: remove it and start again.")
    folder.chmod(0o711)  # a strict umask would have closed it to the account
    return folder
