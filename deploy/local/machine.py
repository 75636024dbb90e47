"""What the machine must have before anything is downloaded; each lack is one sentence that says what to do.

Read by the machine's own Python, so it imports the standard library only.
"""

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Final

from deploy.local.errors import DiskFull, LocalRunError

# What all locked packages have wheels for: Node's want glibc 2.28 and macOS 13, PostgreSQL has none for musl, and
# cryptography none for Macs with an Intel processor.
_PROCESSORS: Final = {"linux": ("x86_64", "amd64", "aarch64", "arm64"), "darwin": ("arm64",)}
_OLDEST_GLIBC: Final = (2, 28)
_OLDEST_MACOS: Final = (13,)
_RUNS_ON: Final = "it runs on 64-bit Linux with glibc 2.28 or newer (x86_64, aarch64) and macOS 13 or newer (arm64)"


def require_platform() -> None:
    """Check that there are packages for this machine.

    :raises LocalRunError: there are none, so that nothing need be downloaded to find out.
    """
    if sys.platform in ("win32", "cygwin", "msys"):
        raise LocalRunError(f"There are no packages for Windows itself: install WSL 2 and start in it ({_RUNS_ON}).")
    lack = _lack()
    if lack:
        raise LocalRunError(f"There are no packages for this machine ({lack}): {_RUNS_ON}.")


def require_venv_module() -> None:
    """Check that this Python can make an environment.

    :raises LocalRunError: the modules for it are missing, as where a distribution packages them apart.
    """
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise LocalRunError(
            f"{sys.executable} comes without the modules venv and ensurepip: install them "
            f"(Debian and Ubuntu: `apt-get install python{version}-venv`)."
        )


def require_room(folder: Path, megabytes: int) -> None:
    """Check that so much is free where the folder lies (or will lie).

    :raises DiskFull: it is not.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 10**6
    if free < megabytes:
        raise DiskFull(f"{megabytes} MB are needed on the disk of {folder}, and {free} MB are free: make room there.")


def _lack() -> str:
    """Return what of this machine no package is made for; nothing if all is well."""
    if sys.implementation.name != "cpython":
        return f"the Python is {sys.implementation.name}, not CPython"
    if sys.maxsize < 2**32:
        return "the Python is one of 32 bits"
    system, processor = sys.platform, platform.machine().lower()
    if processor not in _PROCESSORS.get(system, ()):
        return f"{platform.system()} on {processor}"
    if system == "darwin":
        release = platform.mac_ver()[0]
        return f"macOS {release}" if _numbers(release) < _OLDEST_MACOS else ""
    return _lack_of_glibc()


def _lack_of_glibc() -> str:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):  # musl knows no such name
        name, version = "", ""
    if name != "glibc":
        return "its C library is not glibc but, as on Alpine, musl or another"
    return f"glibc {version}" if _numbers(version) < _OLDEST_GLIBC else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
