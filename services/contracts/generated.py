"""Every file that is generated from the definitions: schemas, the AsyncAPI document, the catalogue's pages."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from services.contracts import baseline
from services.contracts.asyncapi import document
from services.contracts.families import FAMILIES, type_of
from services.contracts.pages import pages
from services.contracts.schema import envelope_schema, event_schema, major_of

HERE: Final = Path(__file__).parent
PAGES: Final = HERE.parents[1] / "docs" / "events"


def files() -> Mapping[Path, bytes]:
    """Return every generated file and its content."""
    return {
        **{HERE / baseline.SCHEMAS / name: _json(schema) for name, schema in _schemas()},
        HERE / baseline.DOCUMENT: _json(document(baseline.version())),
        **{PAGES / name: text.encode() for name, text in pages().items()},
    }


def write() -> None:
    """Write the files, and remove those that are generated no more."""
    wanted = files()
    for path in _present() - wanted.keys():
        path.unlink()
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def stale() -> list[Path]:
    """Return the files that are not as the definitions have them, in order."""
    wanted = files()
    differ = {path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content}
    return sorted(differ | (_present() - wanted.keys()))


def _schemas() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for envelope in {family.envelope.name: family.envelope for family in FAMILIES}.values():
        yield f"envelope/{envelope.name}.v1.json", envelope_schema(envelope)
    for family in FAMILIES:
        for event in family.events:
            major = major_of(family.dataschema(type_of(event)))
            yield f"{family.folder}/{type_of(event)}.{major}.json", event_schema(family, event)


def _present() -> set[Path]:
    return {*(HERE / baseline.SCHEMAS).rglob("*.json"), *PAGES.glob("*.md")}


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
