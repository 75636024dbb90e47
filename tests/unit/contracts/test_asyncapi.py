"""The AsyncAPI document is valid to its makers' own parser, and its examples to its own schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.contracts.parser import parse
from services.contracts import baseline

FILE = baseline.HERE / baseline.DOCUMENT
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_parser_has_nothing_to_say_but_that_there_is_a_newer_specification() -> None:
    """Version 3.1 adds another protocol and nothing for Kafka, and fewer tools read it."""
    assert {said.code for said in parse(FILE)} == {"asyncapi-latest-version"}


def test_the_parser_finds_what_is_wrong_with_a_broken_document(tmp_path: Path) -> None:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    document["operations"]["write-petition-intake"]["action"] = "shout"
    document["channels"]["department"]["parameters"] = {}
    document["channels"]["petition-intake"]["messages"]["gone"] = {"$ref": "#/components/messages/gone"}
    broken = tmp_path / "asyncapi.json"
    broken.write_text(json.dumps(document), encoding="utf-8")
    wrong = {said.place for said in parse(broken) if said.severity == "error"}
    assert "operations/write-petition-intake/action" in wrong
    assert "channels/petition-intake/messages/gone/$ref" in wrong
    assert "channels/department/parameters" in wrong


@pytest.mark.parametrize("part", ["headers", "payload"])
def test_every_example_fits_its_message(part: str) -> None:
    """The parser leaves this out for version 3."""
    fitted = 0
    for message in DOCUMENT["components"]["messages"].values():
        whole = {**message[part], "components": DOCUMENT["components"]}
        validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in message["examples"]:
            validator.validate(example[part])
            fitted += 1
            assert not validator.is_valid({**example[part], next(iter(example[part])): 7})
    assert fitted >= 60
