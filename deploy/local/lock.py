"""Choose versions anew and write them down: `python -m deploy.local.lock`, which is `make lock`."""

import subprocess
import sys
from pathlib import Path

from deploy.local import jars

_ROOT = Path(__file__).parents[2]


def main(options: list[str]) -> None:
    """Compile both requirement files with hashes and without any index's address, then lock Kafka's jars."""
    _compile("runtime.txt", options)
    # What the services run on is the same wherever they run.
    _compile(
        "dev.txt",
        [*options, "--extra", "local", "--group", "dev", "--constraint", "requirements/runtime.txt"],
    )
    jars.lock()


def _compile(name: str, options: list[str]) -> None:
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "pyproject.toml"),
            *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"),
            *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"),
            *("--output-file", f"requirements/{name}", *options),
        ],
        cwd=_ROOT,
        check=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
