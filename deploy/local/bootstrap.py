"""Make `.venv` from requirements/dev.txt, when it is missing or made from something else.

Run by path with the machine's own Python (`python3 deploy/local/bootstrap.py`), whatever its version: it
imports the standard library only, keeps to syntax that old versions can read, and is quick when there is
nothing to do. What it says goes to stderr, so that `make -s token` prints the token alone.
"""

import errno
import fcntl
import hashlib
import importlib.util
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
_WHO = "import os, sys; sys.stdout.buffer.write(sys.version.encode() + bytes(1) + os.fsencode(sys.base_prefix))"


def main() -> None:
    """Bring the environment up to date, or end with one sentence that says what is missing."""
    _require_python()
    wanted = _fingerprint(sys.version.encode(), os.fsencode(sys.base_prefix))
    if _made_from() == wanted:
        return
    try:
        (_ROOT / ".cache").mkdir(exist_ok=True)
        with (_ROOT / ".cache" / "venv.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may be started together
            if _made_from() != wanted:
                _require_venv_module()
                _build(wanted)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        # Somebody else made it, with a Python of their own: there is nothing to do as long as it serves.
        if not _is_sound():
            sys.exit(f"{error.filename} cannot be written: give yourself the right to write in {_ROOT}, or copy it.")


def _require_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  (it is what this file is for)
        sys.exit(
            f"Python 3.11 or newer is needed, and {sys.executable} is {sys.version.split()[0]}: "
            "install one and name it, as in `make run PYTHON=python3.12`."
        )


def _require_venv_module() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(
            f"{sys.executable} comes without the modules venv and ensurepip: install them "
            f"(Debian and Ubuntu: `apt-get install python{version}-venv`)."
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
    print("Making .venv: about 250 MB of Python packages, once …", file=sys.stderr, flush=True)
    _run("The environment could not be made", sys.executable, "-m", "venv", "--clear", _VENV)
    _run(
        "The packages could not be installed",
        *(_PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
        # Wheels only: building a source package would run code, and fetch build tools, that no hash covers.
        *("--only-binary", ":all:", "--require-hashes", "--requirement", _REQUIREMENTS),
    )
    _STAMP.write_text(fingerprint)


def _run(failure: str, *command: "str | Path") -> None:
    # The output is pip's word to the user; stdout stays clean for what was asked for.
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode  # noqa: S603
    if code != 0:
        sys.exit(f"{failure} (see above); `make` tries again.")


if __name__ == "__main__":
    main()
