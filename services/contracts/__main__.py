"""The events' contracts: what is generated from the definitions, and what was released of it.

Run as `python -m services.contracts` with `write` (from the definitions), `check` (that the committed files are what
the definitions say), `compatible` (that nothing breaks who relies on the release), `releasable` (that `release` would
refuse nothing) or `release` (make what is committed the release).
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from services.contracts import baseline, generated

_USAGE = "usage: python -m services.contracts write|check|compatible|releasable|release"


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1 when something is stale or broken, 2 for a wrong call."""
    match arguments:
        case ["write"]:
            generated.write()
            return 0
        case ["check"]:
            return check()
        case ["compatible"]:
            return compatible(_today())
        case ["releasable"]:
            return check() or releasable(_today())
        case ["release"]:
            return check() or release(_today())
        case _:
            print(_USAGE, file=sys.stderr)
            return 2


def check() -> int:
    """Say which files are not as the definitions have them."""
    found = generated.stale()
    for path in found:
        print(f"stale: {_shown(path)}: run `make schema` and commit the result", file=sys.stderr)
    return int(bool(found))


def compatible(today: date, *, released_today: bool = False) -> int:
    """Say each change that would break who relies on the release, and what is new."""
    if not baseline.is_there():
        print("Nothing was released yet: `make release-contracts` does it.", file=sys.stderr)
        return 1
    compared = baseline.compare(today, released_today=released_today)
    for refusal in compared.refused:
        print(refusal, file=sys.stderr)
    if compared.refused:
        print("Refused: docs/compatibility.md says what is promised, and how a v2 comes.", file=sys.stderr)
        return 1
    for line in compared.news:
        print(f"since {baseline.version()}: {line}")
    if compared.unknown_types:
        print("Event types that the release does not know: readers first, relays last (docs/compatibility.md).")
    return 0


def releasable(today: date) -> int:
    """Refuse what a release today would; nothing is written."""
    return compatible(today, released_today=True) if baseline.is_there() else 0


def release(today: date) -> int:
    """Make the present contracts the release, or say why not."""
    if not baseline.is_there():
        to, news = baseline.version(), baseline.topics()
    else:
        if releasable(today):
            return 1
        compared = baseline.compare(today)
        to, news = baseline.next_version(compared), compared.news or ["words"]
        if to is None:
            print(f"Nothing has changed since {baseline.version()}.")
            return 0
    baseline.move(to, news, today)
    generated.write()
    baseline.keep()
    print(f"The contracts are {to} now: commit {_shown(baseline.BASELINE)}, and what else has changed.")
    return 0


def _today() -> date:
    return datetime.now(UTC).date()


def _shown(path: Path) -> str:
    root = generated.HERE.parents[1]
    return str(path.relative_to(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
