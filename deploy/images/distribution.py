"""The distribution of this machine as a base for images: bootstrapped from the package mirror that the machine uses.

No image registry is asked. What is installed beside the essential is what the images on top of it need.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.images import engine
from deploy.images.engine import EngineError

PACKAGES: Final = ("ca-certificates", "libstdc++6", "python3", "python3-venv", "tzdata", "zlib1g")
FINGERPRINT: Final = "through-train.base"
_BOOTSTRAP: Final = "mmdebstrap"
_LISTING: Final = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"
# Manuals and translations, which nobody reads in a container; licences stay.
_WITHOUT: Final = (
    *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"),
    *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright"),
)


@dataclass(frozen=True)
class Distribution:
    """A release of a distribution, and where this machine gets its packages."""

    name: str
    codename: str
    sources: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Return what a base is told by: the release and what is installed, not the mirror or the day."""
        parts = (self.name, self.codename, platform.machine(), *PACKAGES, *_WITHOUT)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def this() -> Distribution:
    """Return this machine's distribution, with its own package sources alone: others' are no part of it.

    :raises EngineError: it is none that can be bootstrapped.
    """
    release = platform.freedesktop_os_release()
    name, codename = release.get("ID", ""), release.get("VERSION_CODENAME", "")
    if shutil.which("apt-get") is None or not codename:
        raise EngineError(
            f"A base for images is bootstrapped on Debian or Ubuntu, and this is {release.get('PRETTY_NAME', name)}: "
            'build from official bases with `make images ARGS="--bases official"`.'
        )
    asked = ["apt-get", "indextargets", "--format", _LISTING, "Created-By: Packages"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return Distribution(name, codename, sources_of(listed, name))


def sources_of(listed: str, distribution: str) -> tuple[str, ...]:
    """Return the lines of a sources.list for what apt lists of a distribution's own.

    :raises EngineError: it lists nothing.
    """
    found: dict[str, None] = {}
    for line in listed.splitlines():
        address, release, component, origin = line.split(" ", 3)
        if origin.casefold() == distribution.casefold():
            found[f"deb {address} {release} {component}"] = None
    if not found:
        raise EngineError(
            f"apt knows no packages of {distribution} on this machine: say `apt-get update`, and try again."
        )
    return tuple(found)


def bootstrap(image: str, of: Distribution, scratch: Path) -> None:
    """Make the base image anew, with the packages that the mirror has today.

    :raises EngineError: the tool is missing, or it failed.
    """
    if shutil.which(_BOOTSTRAP) is None:
        raise EngineError(
            f"{_BOOTSTRAP} is needed to bootstrap {of.name} {of.codename}: install it (`apt-get install {_BOOTSTRAP}`)."
        )
    scratch.mkdir(parents=True, exist_ok=True)
    sources, root = scratch / "sources.list", scratch / "base.tar"
    sources.write_text("".join(f"{line}\n" for line in of.sources))
    root.unlink(missing_ok=True)
    # As root it needs no namespaces of its own, which a sandbox may refuse.
    mode = "root" if os.geteuid() == 0 else "auto"
    command = [
        *(_BOOTSTRAP, f"--mode={mode}", "--variant=minbase", f"--include={','.join(PACKAGES)}", *_WITHOUT),
        *(of.codename, str(root), str(sources)),
    ]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:  # noqa: S603
        raise EngineError(f"{of.name} {of.codename} could not be bootstrapped: the reason stands above.")
    labels = {
        FINGERPRINT: of.fingerprint,
        "org.opencontainers.image.title": f"{of.name} {of.codename}, bootstrapped",
    }
    changes = [part for name, value in labels.items() for part in ("--change", f'LABEL {name}="{value}"')]
    try:
        engine.perform("Importing the base", "import", *changes, str(root), image)
    finally:
        root.unlink()
