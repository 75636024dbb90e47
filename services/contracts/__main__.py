"""`python -m services.contracts write|check`: JSON Schema of every event, generated from the definitions."""

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from services.contracts import catalogue
from services.contracts.event import Event
from services.contracts.reference import ReferenceRecorded
from services.contracts.vocabulary import Source

FOLDER: Final = Path(__file__).parent / "schemas"


def _files() -> dict[Path, bytes]:
    """Return every generated file and its content."""
    found: dict[Path, bytes] = {}
    events: list[tuple[Source, type[Event]]] = [
        (source, event) for source, types in catalogue.EVENTS.items() for event in types.values()
    ]
    events += [(source, ReferenceRecorded) for source in catalogue.REFERENCE_SOURCES]
    for source, event in events:
        schema: dict[str, Any] = msgspec.json.schema(event)
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": catalogue.dataschema(source, event.TYPE),
            "title": event.TYPE,
            **schema,
        }
        path = FOLDER / source.value / f"{event.TYPE}.v{catalogue.MAJOR}.json"
        found[path] = msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
    return found


def main(mode: str) -> int:
    """Write the files, or say which are not as the definitions have them."""
    files = _files()
    present = set(FOLDER.rglob("*.json")) if FOLDER.exists() else set[Path]()
    if mode == "write":
        for path in present - files.keys():
            path.unlink()
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return 0
    stale = [p for p, content in files.items() if not p.exists() or p.read_bytes() != content]
    stale += sorted(present - files.keys())
    for path in stale:
        print(f"stale: {path.relative_to(FOLDER)}: run `make schema` and commit the result")
    return 1 if stale else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit("usage: python -m services.contracts write|check")
    sys.exit(main(sys.argv[1]))
