"""Make `.venv` from requirements/dev.txt, when it is missing or made from something else.

Run by path with the machine's own Python (`python3 deploy/local/bootstrap.py`), whatever its version: it
imports the standard library only, keeps to syntax that old versions can read until it knows the version, and is quick
when there is nothing to do. What it says goes to stderr, so that `make -s token` prints the token alone.

What was downloaded stays in `.cache` (`wheels.py`), so a run that was cut short goes on where it was, and an
environment that was removed is made again without a network.
"""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_VENV = _ROOT / ".venv"
_PYTHON = _VENV / "bin" / "python"
_STAMP = _VENV / "made-from"
_REQUIREMENTS = _ROOT / "requirements" / "dev.txt"
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WHO = "import os, sys; sys.stdout.buffer.write(sys.version.encode() + bytes(1) + os.fsencode(sys.base_prefix))"


def main() -> None:
    """Bring the environment up to date, or end with one sentence that says what is missing."""
    _require_python()
    wanted = _fingerprint(sys.version.encode(), os.fsencode(sys.base_prefix))
    if _made_from() == wanted:
        return
    # Ours too, but written for the Python that we now know to have.
    from deploy.local import machine
    from deploy.local.errors import LocalRunError

    try:
        machine.require_platform()
        _build_alone(wanted)
    except LocalRunError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted: what has been downloaded stays, and `make` goes on from there.")
    except OSError as error:
        if error.errno in _FULL:
            sys.exit(f"The disk of {_ROOT} is full: make room there, and `make` goes on from where it was.")
        if error.errno not in _UNWRITABLE:
            raise
        # Somebody else made it, with a Python of their own: there is nothing to do as long as it serves.
        if not _is_sound():
            sys.exit(f"{error.filename} cannot be written: give yourself the right to write in {_ROOT}, or copy it.")


def _build_alone(wanted: str) -> None:
    import fcntl  # not before the platform is known to have it

    (_ROOT / ".cache").mkdir(exist_ok=True)
    with (_ROOT / ".cache" / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may be started together
        if _made_from() != wanted:
            _build(wanted)


def _require_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  (it is what this file is for)
        sys.exit(
            f"Python 3.11 or newer is needed, and {sys.executable} is {sys.version.split()[0]}: "
            "install one and name it, as in `make run PYTHON=python3.12`."
        )


def _fingerprint(version: bytes, base_prefix: bytes) -> str:
    """Return what the environment is made from: the locked packages, the interpreter, and the place."""
    parts = (
        _REQUIREMENTS.read_bytes(),
        version,
        base_prefix,
        os.fsencode(_VENV),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _made_from() -> str:
    try:
        return _STAMP.read_text() if _PYTHON.exists() else ""
    except OSError:
        return ""


def _is_sound() -> bool:
    """Tell whether the environment runs and has the locked packages, whichever interpreter it was made from."""
    try:
        answer = subprocess.run([_PYTHON, "-I", "-c", _WHO], stdout=subprocess.PIPE, check=True).stdout  # noqa: S603
        version, base_prefix = answer.split(b"\0")
    except (OSError, subprocess.CalledProcessError, ValueError):
        return False
    return _made_from() == _fingerprint(version, base_prefix)


def _build(fingerprint: str) -> None:
    from deploy.local import downloads, machine, wheels
    from deploy.local.progress import Progress

    machine.require_venv_module()
    parts = downloads.missing()
    machine.require_room(_ROOT, downloads.room_for(parts))
    progress = Progress()
    progress.end(downloads.announced(parts))
    # An environment that works is kept until everything is here that replaces it.
    serves = _version_of_environment() == sys.version.encode()
    if not serves:
        _make_environment()
    count, size = downloads.PYTHON.count, downloads.PYTHON.megabytes * 10**6
    wheels.fetch(_PYTHON, _REQUIREMENTS, downloads.WHEELS, progress, count=count, size=size)
    if serves:
        _make_environment()
    wheels.install(_PYTHON, _REQUIREMENTS, downloads.WHEELS, progress)
    _STAMP.write_text(fingerprint)
    progress.end("The Python packages are installed.")


def _make_environment() -> None:
    # The output is the module's word to the user; stdout stays clean for what was asked for.
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", _VENV], stdout=sys.stderr, check=False)  # noqa: S603
    if made.returncode != 0:
        sys.exit("The environment could not be made (see above); `make` tries again.")


def _version_of_environment() -> bytes:
    """Return which Python the environment is of, if it has a pip to work with; else nothing."""
    ask = "import pip, sys; sys.stdout.buffer.write(sys.version.encode())"
    try:
        return subprocess.run([_PYTHON, "-I", "-c", ask], capture_output=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return b""


if __name__ == "__main__":
    sys.path[0] = str(_ROOT)  # by path, it is this file's folder
    main()
