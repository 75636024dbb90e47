"""Each change that would break somebody is refused with a sentence; what breaks nobody is let through and named."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from services.contracts import __main__ as command
from services.contracts import baseline, generated
from services.contracts.compatibility import Contracts, new_types, news, refusals
from services.contracts.schema_changes import Place, Side, breaking

TODAY: Final = date(2026, 11, 26)
RELEASED: Final = baseline.contracts(baseline.BASELINE)

ACCEPTED: Final = "intake/petition.accepted.v1.json"
OPENED: Final = "dispatch/work_order.opened.v1.json"
STOPPED: Final = "feedback/clock.stopped.v1.json"
RECORDED: Final = "intake/reference.recorded.v1.json"
ENVELOPE: Final = "envelope/petition.v1.json"


class Copy:
    """The released contracts, to be changed."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = deepcopy(dict(RELEASED.schemas))
        self.document: dict[str, Any] = deepcopy(dict(RELEASED.document))

    def fields(self, file: str, part: str | None = None) -> dict[str, Any]:
        return self.part(file, part)["properties"]

    def required(self, file: str, part: str | None = None) -> list[str]:
        return self.part(file, part)["required"]

    def part(self, file: str, part: str | None) -> dict[str, Any]:
        return self.schemas[file]["$defs"][part] if part else self.schemas[file]

    def topic(self, name: str) -> dict[str, Any]:
        return self.document["channels"][name]

    def component(self, name: str) -> dict[str, Any]:
        return self.document["components"]["schemas"][name]

    def message(self, name: str) -> dict[str, Any]:
        return self.document["components"]["messages"][name]


Change = Callable[[Copy], Any]


def changed(change: Change) -> Contracts:
    copy = Copy()
    change(copy)
    return Contracts(copy.schemas, copy.document)


def rename(old: str, new: str) -> Change:
    def change(copy: Copy) -> None:
        properties = copy.fields(OPENED, "Suggestion")
        properties[new] = properties.pop(old)

    return change


BREAKING: Final[dict[str, tuple[Change, str]]] = {
    "an event is removed": (
        lambda c: c.schemas.pop(ACCEPTED),
        "`petition.accepted.v1` of intake: was there, is gone. Keep it, or release v2 beside v1.",
    ),
    "its $id changes": (
        lambda c: c.schemas[ACCEPTED].update({"$id": "urn:other"}),
        "its `$id`: was `urn:through-train:intake:petition.accepted:v1`, is `urn:other`. Readers know it by this name",
    ),
    "a field is removed": (
        lambda c: (c.fields(ACCEPTED).pop("title"), c.required(ACCEPTED).remove("title")),
        "field `title`: was there, is gone. Keep it and write it, or release v2 beside v1.",
    ),
    "an optional field is removed deep within": (
        lambda c: c.fields(OPENED, "Suggestion").pop("department") and c.fields(OPENED, "Suggestion").pop("rule"),
        "`work_order.opened.v1` of dispatch, field `suggestion.department`: was there, is gone",
    ),
    "a field is renamed": (
        rename("explanation", "reason"),
        "field `suggestion.explanation`: was there, is gone (or called `reason` now)",
    ),
    "a required field is added": (
        lambda c: (c.fields(ACCEPTED).update(floor={"type": "integer"}), c.required(ACCEPTED).append("floor")),
        "field `floor`: was not there, is required. What was written before lacks it: make it optional",
    ),
    "an optional field becomes required": (
        lambda c: c.required(OPENED, "Suggestion").append("rule"),
        "field `suggestion.rule`: was optional, is required. What was written before may lack it: keep it optional",
    ),
    "a required field becomes optional": (
        lambda c: c.required(ACCEPTED).remove("title"),
        "field `title`: was required, is optional. Who reads by the release refuses what lacks it: keep it required",
    ),
    "a field changes its type": (
        lambda c: c.fields(ACCEPTED)["title"].update(type="integer"),
        "field `title`: was of type `string`, is of type `integer`. Keep it, add an optional field beside it",
    ),
    "a whole number becomes any number": (
        lambda c: c.fields(RECORDED, "Policy")["version"].update(type="number"),
        "field `entry(policy).version`: was of type `integer`, is of type `number`",
    ),
    "a field may be null": (
        lambda c: c.fields(ACCEPTED).update(title={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "field `title`: was never null, is allowed to be. Who reads by the release refuses it",
    ),
    "a field may not be null any more": (
        lambda c: c.fields(OPENED, "Suggestion").update(rule={"type": "string", "default": None}),
        "field `suggestion.rule`: was allowed to be null, is not any more. What was written before may be it: keep it",
    ),
    "a format changes": (
        lambda c: c.fields(STOPPED)["dueAt"].update(format="date"),
        "field `dueAt`: was of format `date-time`, is of format `date`",
    ),
    "a format is dropped": (
        lambda c: c.fields(STOPPED)["clockId"].pop("format"),
        "field `clockId`: was of format `uuid`, is without format",
    ),
    "a bound comes": (
        lambda c: c.fields(ACCEPTED)["title"].update(maxLength=80),
        "field `title`: was without maxLength, is of maxLength 80",
    ),
    "a pattern comes": (
        lambda c: c.fields(ACCEPTED)["category"].update(pattern="^[a-z]+$"),
        "field `category`: was without pattern, is of pattern `^[a-z]+$`",
    ),
    "a code is added": (
        lambda c: c.schemas[ACCEPTED]["$defs"]["Urgency"]["enum"].append("CRITICAL"),
        "field `urgency`: was never `CRITICAL`, is allowed to be. Who reads by the release refuses new codes: use an",
    ),
    "a code is taken away": (
        lambda c: c.schemas[ACCEPTED]["$defs"]["Urgency"]["enum"].remove("URGENT"),
        "field `urgency`: was allowed to say `URGENT`, is not any more. What was written before may say it",
    ),
    "codes become any text": (
        lambda c: c.schemas[ACCEPTED]["$defs"].update(Urgency={"type": "string"}),
        "field `urgency`: was one of `NORMAL`, `URGENT`, is any value",
    ),
    "a role is added that acts": (
        lambda c: c.schemas[ACCEPTED]["$defs"]["Role"]["enum"].append("robot"),
        "field `by.role`: was never `robot`, is allowed to be",
    ),
    "a kind of entry is added": (
        lambda c: (
            c.schemas[RECORDED]["$defs"].update(Route={"type": "object", "properties": {"kind": {"enum": ["route"]}}}),
            c.fields(RECORDED)["entry"]["anyOf"].append({"$ref": "#/$defs/Route"}),
        ),
        "field `entry`: was never `route`, is allowed to be",
    ),
    "a kind of entry is taken away": (
        lambda c: c.fields(RECORDED)["entry"]["anyOf"].pop(0),
        "field `entry`: was allowed to be `street`, is not any more",
    ),
    "a field of one kind of entry is taken away": (
        lambda c: (c.fields(RECORDED, "Community").pop("street"), c.required(RECORDED, "Community").pop()),
        "field `entry(community).street`: was there, is gone",
    ),
    "what a list has in it changes": (
        lambda c: c.fields(RECORDED, "Ground")["uses"]["items"].update(type="integer"),
        "field `entry(ground).uses[]`: was of type `string`, is of type `integer`",
    ),
    "a list of something becomes a list of anything": (
        lambda c: c.fields(RECORDED, "Ground")["uses"].pop("items"),
        "field `entry(ground).uses`: was of items type `string`, is without items",
    ),
    "a list must be empty": (
        lambda c: c.fields(RECORDED, "Ground")["uses"].update(items=False),
        "field `entry(ground).uses`: was of items type `string`, is of items false",
    ),
    "a bound that is one": (
        lambda c: c.fields(ACCEPTED)["title"].update(minLength=1),
        "field `title`: was without minLength, is of minLength 1",
    ),
    "a bound that is none": (
        lambda c: c.fields(ACCEPTED)["title"].update(minLength=0),
        "field `title`: was without minLength, is of minLength 0",
    ),
    "a default changes": (
        lambda c: c.fields(RECORDED, "Policy")["reminderPercent"].update(default=90),
        "field `entry(policy).reminderPercent`: was by default 80, is by default 90. Whoever leaves it out",
    ),
    "unknown fields are forbidden": (
        lambda c: c.schemas[ACCEPTED].update(additionalProperties=False),
        "`petition.accepted.v1` of intake: was without additionalProperties, is of additionalProperties false",
    ),
    "a topic is renamed": (
        lambda c: c.topic("petition-intake").update(address="petition.intake.v2"),
        "the topic `petition.intake.v1`, its name: was `petition.intake.v1`, is `petition.intake.v2`",
    ),
    "a topic is taken away": (
        lambda c: c.document["channels"].pop("petition-feedback"),
        "the topic `petition.feedback.v1`: was there, is gone. Keep it until the end that was announced for it.",
    ),
    "a topic is compacted": (
        lambda c: c.topic("petition-intake")["bindings"]["kafka"]["topicConfiguration"].update(
            {"cleanup.policy": ["compact"]}
        ),
        "the topic `petition.intake.v1`, its `cleanup.policy`: was `delete`, is `compact`",
    ),
    "a topic forgets by size": (
        lambda c: c.topic("petition-intake")["bindings"]["kafka"]["topicConfiguration"].update(
            {"retention.bytes": 1000}
        ),
        "the topic `petition.intake.v1`, its `retention.bytes`: was",
    ),
    "a topic of one order gets several": (
        lambda c: c.topic("department")["bindings"]["kafka"].update(partitions=6),
        "its `partitions`: was 1, is 6. Readers have its events in one order",
    ),
    "a topic ends too soon": (
        lambda c: c.topic("petition-intake").update({"x-ends": "2027-11-25"}),
        "the topic `petition.intake.v1`, its end: was not announced, is 2027-11-25. Readers need time",
    ),
    "what a union has beside its members changes": (
        lambda c: c.fields(RECORDED)["entry"].update(unevaluatedProperties=False),
        "field `entry`: was without unevaluatedProperties, is of unevaluatedProperties false",
    ),
    "an event leaves its topic": (
        lambda c: c.topic("petition-intake")["messages"].pop("intake.petition.accepted.v1"),
        "`petition.accepted.v1` of intake, its topic: was `petition.intake.v1`, is another",
    ),
    "the key changes": (
        lambda c: c.message("intake.petition.accepted.v1")["bindings"]["kafka"]["key"].update(format="uri"),
        "`petition.accepted.v1` of intake, its key: was type `string`, format `uuid`, is type `string`, format `uri`",
    ),
    "an event's source changes": (
        lambda c: c.message("intake.petition.accepted.v1")["headers"]["properties"]["ce_source"].update(
            const="/front-desk"
        ),
        "header `ce_source`: was `/intake`, is `/front-desk`. Readers go by it",
    ),
    "a message of the document is of another event": (
        lambda c: c.topic("petition-intake")["messages"].update(
            {"intake.petition.accepted.v1": {"$ref": "#/components/messages/intake.petition.submitted.v1"}}
        ),
        "`petition.accepted.v1` of intake, header `ce_type`: was `petition.accepted`, is `petition.submitted`",
    ),
    "a message's data is something else in the document alone": (
        lambda c: c.message("intake.petition.accepted.v1").update(payload={"$ref": "#/components/schemas/Limit"}),
        "`petition.accepted.v1` of intake, field `title`: was there, is gone",
    ),
    "a field is removed from the document alone": (
        lambda c: (c.component("PetitionAccepted")["properties"].pop("title"),),
        "`petition.accepted.v1` of intake, field `title`: was there, is gone",
    ),
    "a header is removed from the document alone": (
        lambda c: c.component("petition-envelope")["properties"].pop("ce_lead"),
        "the envelope `petition.v1`, header `ce_lead`: was there, is gone",
    ),
    "a message's encoding changes": (
        lambda c: c.message("intake.petition.accepted.v1").update(contentType="application/avro"),
        "`petition.accepted.v1` of intake, its `contentType`: was `application/json`, is `application/avro`",
    ),
    "what messages are told apart by is said no longer": (
        lambda c: c.message("intake.petition.accepted.v1").pop("correlationId"),
        "its `correlationId`: was location `$message.header#/ce_correlationid`, is not there",
    ),
    "a topic's parameter is taken away": (
        lambda c: c.topic("department").pop("parameters"),
        "the topic `department.{code}.feed.v1`, its parameter `code`: was there, is not there. Readers find it by this",
    ),
    "a topic's parameter is narrowed": (
        lambda c: c.topic("department")["parameters"]["code"].update(enum=["housing"]),
        "the topic `department.{code}.feed.v1`, its parameter `code`: was there, is enum `housing`",
    ),
    "the server is open": (
        lambda c: c.document["servers"]["installation"].pop("security"),
        "the server `installation`, its `security`: was type `scramSha512`, is none. Readers' accounts go by it",
    ),
    "accounts are of another kind": (
        lambda c: c.document["components"]["securitySchemes"]["account"].update(type="plain"),
        "the server `installation`, its `security`: was type `scramSha512`, is type `plain`",
    ),
    "the protocol changes": (
        lambda c: c.document["servers"]["installation"].update(protocol="kafka"),
        "the server `installation`, its `protocol`: was `kafka-secure`, is `kafka`",
    ),
    "a server is taken away": (
        lambda c: c.document["servers"].pop("installation"),
        "the server `installation`: was there, is gone",
    ),
    "a header is removed": (
        lambda c: c.fields(ENVELOPE).pop("ce_lead"),
        "the envelope `petition.v1`, header `ce_lead`: was there, is gone",
    ),
    "a header becomes required": (
        lambda c: c.required(ENVELOPE).append("ce_lead"),
        "the envelope `petition.v1`, header `ce_lead`: was optional, is required",
    ),
    "a header becomes optional": (
        lambda c: c.required(ENVELOPE).remove("ce_cycle"),
        "the envelope `petition.v1`, header `ce_cycle`: was required, is optional",
    ),
    "a header's form changes": (
        lambda c: c.fields(ENVELOPE)["ce_sequence"].update(pattern="^[0-9]{12}$"),
        "header `ce_sequence`: was of pattern `^[0-9]{10}$`, is of pattern `^[0-9]{12}$`",
    ),
}


_OF_MANY_SENTENCES: Final = {
    "an optional field is removed deep within",
    "a field is renamed",
    "a message of the document is of another event",
    "a message's data is something else in the document alone",
}


@pytest.mark.parametrize("what", BREAKING)
def test_a_breaking_change_is_refused_in_one_sentence(what: str) -> None:
    change, sentence = BREAKING[what]
    found = [str(one) for one in refusals(RELEASED, changed(change), today=TODAY)]
    assert any(sentence in one for one in found), found
    if what not in _OF_MANY_SENTENCES:
        assert len(found) == 1, found


def test_what_schema_and_document_both_lose_is_said_once() -> None:
    def change(copy: Copy) -> None:
        for schema in (copy.part(ACCEPTED, None), copy.component("PetitionAccepted")):
            schema["properties"]["title"]["type"] = "integer"
            schema["properties"].pop("extent")
        for envelope in (copy.part(ENVELOPE, None), copy.component("petition-envelope")):
            envelope["properties"].pop("ce_lead")

    found = [str(one) for one in refusals(RELEASED, changed(change), today=TODAY)]
    assert len(found) == len({one.partition(":")[0] for one in found}) == 3, found


class Mark(msgspec.Struct):
    """What lies within others; a later one of this name has another type in it."""

    value: str
    note: str = ""


LaterMark = msgspec.defstruct("Mark", [("value", int), ("note", str, "")])

TYPES: Final[dict[str, tuple[Any, Any, str | None]]] = {
    "any list": (tuple[str, ...], tuple[Any, ...], "was of items type `string`, is without items"),
    "a list of one kind": (tuple[Any, ...], tuple[str, ...], "was without items, is of items type `string`"),
    "a pair": (tuple[str, ...], tuple[str, str], "was of items type `string`, is of items false"),
    "the same pair": (tuple[str, int], tuple[str, int], None),
    "another pair": (tuple[str, int], tuple[str, str], "was of prefixItems type `string`, type `integer`, is of"),
    "a pair of another mark": (tuple[Mark, int], tuple[LaterMark, int], "was of prefixItems"),
    "a table of the same marks": (dict[str, Mark], dict[str, Mark], None),
    "a table of other marks": (dict[str, Mark], dict[str, LaterMark], "was of additionalProperties"),
    "a mark instead of any fields": (dict[str, Any], Mark, "field `it.*`: was any at all, is named"),
    "any fields instead of a mark": (Mark, dict[str, Any], "field `it.*`: was named, is any at all"),
}


@pytest.mark.parametrize("what", TYPES)
def test_what_a_field_holds_is_compared_as_the_definitions_write_it(what: str) -> None:
    old, new, sentence = TYPES[what]
    sides: list[Side] = []
    for type_ in (old, new):
        schema = msgspec.json.schema(msgspec.defstruct("Told", [("it", type_)]))
        sides.append(Side(schema, schema))
    found = [str(one) for one in breaking(Place("`told.v1`"), *sides)]
    assert any(sentence in one for one in found) if sentence else not found, found


ALLOWED: Final[dict[str, tuple[Change, list[str]]]] = {
    "nothing": (lambda _: None, []),
    "an optional field": (
        lambda c: c.fields(ACCEPTED).update(floor={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
        ["new in `petition.accepted.v1` of intake: `floor`"],
    ),
    "an optional field deep within": (
        lambda c: c.fields(OPENED, "Suggestion").update(score={"type": "integer", "default": 0}),
        ["new in `work_order.opened.v1` of dispatch: `suggestion.score`"],
    ),
    "an optional field of one kind of entry": (
        lambda c: c.fields(RECORDED, "Street").update(area={"type": "integer", "default": 0}),
        ["new in `reference.recorded.v1` of intake: `entry(street).area`"],
    ),
    "an optional header": (
        lambda c: c.fields(ENVELOPE).update(ce_project={"type": "string"}),
        ["new in the envelope `petition.v1`: `ce_project`"],
    ),
    "an event": (
        lambda c: c.schemas.update({"intake/petition.merged.v1.json": {**c.schemas[ACCEPTED], "$id": "urn:new"}}),
        ["new: `petition.merged.v1` of intake"],
    ),
    "a topic": (
        lambda c: c.document["channels"].update(
            projects={**c.topic("petition-intake"), "address": "project.intake.v1"}
        ),
        ["new topic `project.intake.v1`"],
    ),
    "words, examples, a deprecation": (
        lambda c: (
            c.schemas[ACCEPTED].update(description="Taken on.", examples=[]),
            c.fields(ACCEPTED)["title"].update(description="In short.", deprecated=True),
        ),
        ["deprecated in `petition.accepted.v1` of intake: `title`"],
    ),
    "an end a year ahead": (
        lambda c: c.topic("petition-intake").update({"x-ends": "2027-11-26"}),
        ["topic `petition.intake.v1` may end on 2027-11-26"],
    ),
    "the name of a part": (
        lambda c: (
            c.schemas[ACCEPTED]["$defs"].update(Haste=c.schemas[ACCEPTED]["$defs"].pop("Urgency")),
            c.fields(ACCEPTED)["urgency"].update({"$ref": "#/$defs/Haste"}),
        ),
        [],
    ),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_breaks_nobody_is_let_through_and_named(what: str) -> None:
    change, expected = ALLOWED[what]
    present = changed(change)
    assert refusals(RELEASED, present, today=TODAY) == []
    assert news(RELEASED, present) == expected
    assert new_types(RELEASED, present) == (["`petition.merged.v1` of intake"] if what == "an event" else [])


def test_a_topic_may_go_when_its_announced_end_has_come() -> None:
    announced = changed(lambda c: c.topic("petition-feedback").update({"x-ends": "2028-01-01"}))
    gone = changed(
        lambda c: (
            c.document["channels"].pop("petition-feedback"),
            [c.schemas.pop(file) for file in list(c.schemas) if file.startswith("feedback/")],
        )
    )
    assert refusals(announced, gone, today=date(2028, 1, 1)) == []
    sooner = changed(lambda c: c.topic("petition-feedback").update({"x-ends": "2027-12-31"}))
    assert "the first day is 2028-01-01" in str(refusals(announced, sooner, today=TODAY)[0])
    early = [str(one) for one in refusals(announced, gone, today=date(2027, 12, 31))]
    assert (
        "the topic `petition.feedback.v1`: was there, is gone. Keep it until the end that was announced for it."
        in early
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's contracts of their own, released as they are."""
    here = tmp_path / "services" / "contracts"
    shutil.copytree(baseline.BASELINE, here / "baseline")
    monkeypatch.setattr(generated, "HERE", here)
    monkeypatch.setattr(generated, "PAGES", tmp_path / "docs" / "events")
    monkeypatch.setattr(baseline, "HERE", here)
    monkeypatch.setattr(baseline, "BASELINE", here / "baseline")
    monkeypatch.setattr(baseline, "HISTORY", tmp_path / "docs" / "contracts-history.md")
    generated.write()
    return here


def test_the_first_release_is_what_stands_and_a_second_without_changes_is_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(baseline.BASELINE)
    assert command.main(["releasable"]) == 0
    assert command.main(["compatible"]) == 1
    assert "Nothing was released yet" in capsys.readouterr().err
    assert command.main(["release"]) == 0
    assert "The contracts are 1.0.0 now" in capsys.readouterr().out
    assert "- topic `petition.intake.v1`, 21 events\n" in baseline.HISTORY.read_text()
    assert baseline.contracts(baseline.BASELINE) == baseline.contracts(folder)
    assert command.main(["release"]) == 0
    assert "Nothing has changed since 1.0.0." in capsys.readouterr().out


def test_a_release_says_what_it_adds_and_counts_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (baseline.BASELINE / "schemas" / "intake" / "petition.accepted.v1.json").unlink()
    assert command.main(["compatible"]) == 0
    assert "readers first, relays last" in capsys.readouterr().out
    assert command.main(["release"]) == 0
    assert baseline.version() == "1.1.0"
    assert "- new: `petition.accepted.v1` of intake" in baseline.HISTORY.read_text()
    assert baseline.contracts(baseline.BASELINE) == baseline.contracts(folder)
    assert '"version": "1.1.0"' in (folder / "asyncapi.json").read_text()


def test_a_release_that_would_break_somebody_is_refused_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = baseline.BASELINE / "schemas" / "intake" / "petition.accepted.v1.json"
    older.write_text(older.read_text().replace('"URGENT"\n', '"URGENT",\n        "CRITICAL"\n'))
    before = baseline.contracts(baseline.BASELINE)
    assert command.main(["releasable"]) == 1
    assert command.main(["release"]) == 1
    said = capsys.readouterr().err
    assert "field `urgency`: was allowed to say `CRITICAL`, is not any more." in said
    assert "docs/compatibility.md" in said
    assert (baseline.version(), baseline.contracts(baseline.BASELINE)) == ("1.0.0", before)
