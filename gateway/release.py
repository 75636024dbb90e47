"""The released contract, as `baseline/` keeps it, and how the next version replaces it."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from gateway import persisted
from gateway.compatibility import Contract, Refusal, Verdict, judge

BASELINE: Final = "baseline"
FIRST: Final = "1.0.0"
_RELEASE: Final = "release.json"
_ACCEPTED: Final = "accepted.json"
_SUPERGRAPH: Final = "supergraph.graphql"
CODES: Final = "error-codes.json"
"""The codes that errors may have: the gateway's list, and the release's copy of it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the GraphQL contract (of its own: the software has others), and the day of its release."""

    version: str
    released: dt.date
    contract: Contract


def present(here: Path, services: tuple[str, ...]) -> Contract:
    """Return the contract as it is committed in the gateway's folder."""
    return _read(here, "subgraphs", services, here / "operations" / "manifest.json")


def released(here: Path) -> Release | None:
    """Return what was released last, or None if nothing was."""
    folder = here / BASELINE
    if not (folder / _RELEASE).exists():
        return None
    said = cast("dict[str, str]", json.loads((folder / _RELEASE).read_text(encoding="utf-8")))
    services = tuple(sorted(file.stem for file in folder.glob("*.graphql") if file.name != _SUPERGRAPH))
    contract = _read(folder, ".", services, folder / "operations.json")
    return Release(said["version"], dt.date.fromisoformat(said["released"]), contract)


def _read(folder: Path, subgraphs: str, services: tuple[str, ...], operations: Path) -> Contract:
    parts = {name: (folder / subgraphs / f"{name}.graphql").read_text(encoding="utf-8") for name in services}
    supergraph = (folder / _SUPERGRAPH).read_text(encoding="utf-8")
    codes = cast("list[str]", json.loads((folder / CODES).read_text(encoding="utf-8")))
    return Contract(parts, supergraph, persisted.read_manifest(operations), frozenset(codes))


def accepted(here: Path) -> dict[str, str]:
    """Return the breaking changes that the next major version is to make, each with the reason why."""
    file = here / BASELINE / _ACCEPTED
    if not file.exists():
        return {}
    entries = cast("list[dict[str, str]]", json.loads(file.read_text(encoding="utf-8")))
    return {one["change"]: one["because"].strip() for one in entries}


def refusals(here: Path, services: tuple[str, ...], *, today: dt.date, release_today: bool = False) -> list[Refusal]:
    """Return what the gate refuses, less what is accepted with a reason; acceptances of nothing are refused too.

    The notice of new deprecations counts from the last release, so that what was right stays right as days pass;
    with `release_today` from today, as they are published now.
    """
    last = released(here)
    if last is None:
        return []
    since = today if release_today else last.released
    verdict = judge(last.contract, present(here, services), released=since, today=today)
    return weighed(verdict, accepted(here))


def weighed(verdict: Verdict, acceptances: Mapping[str, str]) -> list[Refusal]:
    left = [one for one in verdict.refusals if not acceptances.get(one.what)]
    broken = {one.what for one in verdict.refusals}
    for change, because in acceptances.items():
        if change not in broken:
            left.append(Refusal(f"{_ACCEPTED} accepts {change!r}, which is not broken.", "Take it out."))
        elif not because:
            left.append(Refusal(f"{_ACCEPTED} accepts {change!r} without a reason.", "Say why it must break."))
    return left


def release(here: Path, services: tuple[str, ...], *, today: dt.date) -> str:
    """Write the present contract as the next release, which the gate must have passed; return what was done.

    Major if something went or was accepted to break, else minor; the first is 1.0.0, and the same again is none.
    """
    last, now = released(here), present(here, services)
    now = replace(now, operations=persisted.promised(now.operations))
    if last is not None and last.contract == now:
        return f"The GraphQL contract is still {last.version}."
    version = FIRST if last is None else _next(last, now, broken=bool(accepted(here)), today=today)
    folder = here / BASELINE
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.graphql"):
        stale.unlink()
    for name, text in {**now.services, _SUPERGRAPH.removesuffix(".graphql"): now.supergraph}.items():
        (folder / f"{name}.graphql").write_text(text, encoding="utf-8")
    (folder / "operations.json").write_text(persisted.manifest(now.operations), encoding="utf-8")
    _write(folder / CODES, sorted(now.codes))
    _write(folder / _ACCEPTED, [])
    _write(folder / _RELEASE, {"version": version, "released": today.isoformat()})
    return f"The GraphQL contract is {version} now{'' if last is None else f', after {last.version}'}."


def _next(last: Release, now: Contract, *, broken: bool, today: dt.date) -> str:
    major, minor, _ = (int(number) for number in last.version.split("."))
    removed = judge(last.contract, now, released=today, today=today).removed
    return f"{major + 1}.0.0" if broken or removed else f"{major}.{minor + 1}.0"


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
