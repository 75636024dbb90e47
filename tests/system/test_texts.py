"""What people write, whatever it is: kept as they sent it, or refused with the field's name; nothing in between.

The fields are found in the services' own schemas, so that a new one cannot be forgotten.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    StringValueNode,
    get_named_type,
    parse_value,
    print_ast,
)

from gateway.access import TABLES
from services.contracts.vocabulary import Role, Source
from services.intake.vault import Vault, WrappedKey
from services.kernel.ids import ALPHABET, new_tracking_code, show_tracking_code
from services.kernel.masking import mask
from tests.support import people as p
from tests.support.district import Answer, District
from tests.support.odd_texts import FAITHFUL, NO_CODES, NO_CURSORS, NOTHING, REFUSED
from tests.support.people import Filed, People
from tests.system.doors.operations import MUTATIONS, QUERIES, SCHEMAS, mutation
from tests.system.doors.standing import Standing, hold_up, stand


@dataclass(frozen=True)
class Text:
    """A text that is kept: how many characters it may have, and whether there must be one."""

    longest: int
    required: bool = True
    most_bytes: int | None = None

    def fitted(self, value: str) -> str:
        """Return so much of a value as is allowed, without white space at its ends."""
        value = value[: self.longest]
        if self.most_bytes is not None:
            value = value.encode()[: self.most_bytes].decode(errors="ignore")
        return value.strip()


_WORDS, _SAID, _REASON, _WHY = Text(5_000), Text(4_000), Text(1_000), Text(500)
_NOTE: Final = Text(1_000, required=False)
TEXTS: Final[Mapping[str, Text]] = {
    "submitPetition.words": _WORDS,
    "submitPetition.contact.name": Text(100, required=False),
    "submitPetition.contact.phone": Text(30, required=False),
    "addInformation.words": _WORDS,
    "withdrawPetition.reason": _NOTE,
    "lookUpContact.purpose": Text(200),
    "acceptPetition.title": Text(120),
    "rejectPetition.reason": _REASON,
    "declinePetition.reason": _REASON,
    "listenToPetition.said": _SAID,
    "lookAtPetition.findings": _SAID,
    "deliberateOnPetition.outcome": _SAID,
    "skipScreeningStep.reason": _REASON,
    "handOverPetition.request": Text(4_096, most_bytes=4_096),
    "resolvePetitionOnSpot.measures": _SAID,
    "recordCalendarDays.days.nameZh": Text(60, required=False),
    "recordCalendarDays.days.nameEn": Text(60, required=False),
    "erasePersonalData.because": _WHY,
    "assignWorkOrder.reason": _NOTE,
    "declineWorkOrder.reason": _REASON,
    "ruleOnWorkOrder.reason": _REASON,
    "askResident.question": Text(2_000),
    "replyToWorkOrder.words": _SAID,
    "replyToWorkOrder.measures": _SAID,
    "sendBackReply.reason": _REASON,
    "pressPetition.instruction": _REASON,
    "answerInstruction.words": _SAID,
    "recordVisitAttempt.comment": _NOTE,
    "recordVisit.comment": _NOTE,
    "closePetition.reason": _NOTE,
    "reopenPetition.reason": _REASON,
    "approveLedger.reason": _REASON,
    "refuseLedger.reason": _REASON,
    **{f"{act}{source.value.capitalize()}Parked.because": _WHY for act in ("replay", "discard") for source in Source},
}
KEYS: Final = {"openPetition.trackingCode", "openPetition.secret", "petition.trackingCode"}
"""What opens a petition; tried for itself below."""
FREE: Final = {"grounds.use", "contactLooks.subject"}
"""What a list is filtered by and is no code."""
EVERYWHERE: Final = {"locale", "after", "idempotencyKey"}
"""What many fields take, alike."""


def _leaves(name: str, type_: Any) -> Iterator[tuple[str, str]]:
    """Yield what of an argument is a text or a code: its path, and whether it is a String or an ID."""
    match type_:
        case GraphQLNonNull() | GraphQLList():
            yield from _leaves(name, type_.of_type)
        case GraphQLInputObjectType():
            for part, of in type_.fields.items():
                yield from _leaves(f"{name}.{part}" if name else part, of.type)
        case GraphQLScalarType() if type_.name in {"String", "ID"}:
            yield name, type_.name
        case _:
            pass


def _given(name: str, of: GraphQLField) -> Iterator[tuple[str, str]]:
    for argument, it in of.args.items():
        for path, scalar in _leaves("" if argument == "input" else argument, it.type):
            yield f"{name}.{path}", scalar


def _of(root: str) -> list[tuple[Source, str, str, str]]:
    """Return every text and code that a kind of root field takes: service, field, path, scalar."""
    found: list[tuple[Source, str, str, str]] = []
    for source, schema in SCHEMAS.items():
        type_ = schema._schema.type_map[root]
        for name, of in type_.fields.items():
            if not name.startswith("_"):
                found += [(source, name, path, scalar) for path, scalar in _given(name, of)]
    return found


PLACES: Final = [*_of("Mutation"), *_of("Query")]


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1]


def test_every_text_of_every_service_is_known_here() -> None:
    texts = {path for _, _, path, scalar in PLACES if scalar == "String" and _last(path) not in EVERYWHERE}
    assert texts == {*TEXTS, *KEYS, *FREE}


def test_every_text_says_how_long_it_may_be() -> None:
    for source, name, path, _ in _of("Mutation"):
        if path in TEXTS:
            type_: Any = get_named_type(SCHEMAS[source]._schema.mutation_type.fields[name].args["input"].type)
            *parts, last = path.split(".")[1:]
            for part in parts:
                type_ = get_named_type(type_.fields[part].type)
            longest = "4 kB" if TEXTS[path].most_bytes else f"{TEXTS[path].longest} characters"
            assert longest in type_.fields[last].description, path


def test_no_field_inside_an_object_takes_another_text() -> None:
    taken: set[str] = set()
    for schema in SCHEMAS.values():
        for type_ in schema._schema.type_map.values():
            if isinstance(type_, GraphQLObjectType) and type_.name not in {"Query", "Mutation", "Subscription"}:
                taken |= {_last(path) for name, of in type_.fields.items() for path, _ in _given(name, of)}
    assert taken - {"name", "includeDeprecated"} == {"locale", "after"}


@pytest.fixture(scope="module")
async def world(through_train: District) -> Standing:
    return await stand(through_train)


_ASKED_BY: Final = (
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.REPRESENTATIVE,
    Role.DISTRICT_SUPERVISOR,
    Role.RESIDENT,
    Role.OPERATOR,
    Role.ANYONE,
)


async def _token(world: Standing, source: Source, root: str, name: str) -> str | None:
    """Return a token with which a root field may be used."""
    rule = TABLES[source].fields[root, name].rule
    assert rule is not None
    role = next(role for role in _ASKED_BY if role in rule.roles)
    of = MUTATIONS[name].of if root == "Mutation" else None
    return None if role is Role.ANYONE else (await world.tokens(role, of=of or "replied"))[0]


def _put(given: dict[str, Any], path: list[str], value: object) -> dict[str, Any]:
    """Return an input with one of its parts replaced."""
    first, *rest = path
    if not rest:
        return {**given, first: value}
    inner: Any = given.get(first) or {}
    if isinstance(inner, list):
        return {**given, first: [_put(inner[0], rest, value)]}
    return {**given, first: _put(inner, rest, value)}


async def _with(world: Standing, source: Source, path: str, value: str, token: str | None) -> Answer:
    """Send a mutation that is right but for one part of its input."""
    name, *rest = path.split(".")
    given = _put(MUTATIONS[name].input(world), rest, value)
    return await world.district.ask(mutation(source, name), token=token, input=given)


def _refused(answer: Answer, path: str) -> str:
    """Assert that an answer refuses a part of an input by its name; return what it says."""
    what = (path, answer.errors)
    assert answer.codes == ["INVALID_INPUT"], what
    assert answer.errors[0]["extensions"].get("field") == path.split(".", 1)[1], what
    assert len(answer.errors[0]["message"]) < 600, what
    return answer.errors[0]["message"]


@pytest.mark.parametrize(
    ("source", "path"), [(source, path) for source, _, path, _ in PLACES if path in TEXTS], ids=lambda it: str(it)
)
async def test_a_text_that_cannot_be_kept_is_refused_by_its_fields_name(
    world: Standing, source: Source, path: str
) -> None:
    text, name = TEXTS[path], path.split(".")[0]
    token = await _token(world, source, "Mutation", name)
    before = await world.footprint()
    for value in REFUSED.values():
        assert "U+" in _refused(await _with(world, source, path, value, token), path)
    for value in ("𠮷" * (text.longest + 1), "x" * (text.longest + 1), "x " * 50_000, "字" * 33_000):
        said = _refused(await _with(world, source, path, value, token), path)
        assert str(len(value.strip())) in said
        assert str(text.longest) in said
    if text.most_bytes is not None:
        said = _refused(await _with(world, source, path, "字" * (text.most_bytes // 3 + 1), token), path)
        assert str(text.most_bytes) in said
    for value in NOTHING if text.required else ():
        assert "must not be empty" in _refused(await _with(world, source, path, value, token), path)
    assert await world.footprint() == before


CODES: Final = [
    (source, root, path)
    for root in ("Mutation", "Query")
    for source, _, path, scalar in _of(root)
    if scalar == "ID" and path != "department.id"  # the query that answers with a department or with nothing
]


def _nested(name: str, path: list[str], value: str, world: Standing) -> str:
    """Return a query with one argument as a variable, and those that it needs besides."""
    needed = {
        "petitionsByStage": "stage: HANDLE",
        "rates": 'from: "2026-11-24", to: "2026-11-25"',
        "suggestDepartment": 'category: "drainage"' if path == ["community"] else 'community: "community-73"',
    }.get(name, "")
    select = QUERIES[name].select
    return f"query($it: {value}) {{ {name}({path[0]}: $it {needed}) {select} }}"


async def _ask(world: Standing, source: Source, path: str, scalar: str, value: str) -> Answer:
    """Send a query with one argument."""
    name, *rest = path.split(".")
    token = await _token(world, source, "Query", name)
    type_ = SCHEMAS[source]._schema.query_type.fields[name].args[rest[0]].type
    document = _nested(name, rest, str(type_), world)
    return await world.district.ask(document, token=token, it=value)


@pytest.mark.parametrize(("source", "root", "path"), CODES, ids=lambda it: str(it))
async def test_what_is_no_code_and_no_id_is_refused_by_its_fields_name(
    world: Standing, source: Source, root: str, path: str
) -> None:
    """In lists too: an empty page would seem an answer."""
    for value in NO_CODES:
        if root == "Query":
            _refused(await _ask(world, source, path, "ID", value), path)
        else:
            token = await _token(world, source, root, path.split(".")[0])
            _refused(await _with(world, source, path, value, token), path)


async def test_a_retired_code_still_filters(world: Standing) -> None:
    """What is stored names it; only new petitions cannot."""
    intake = world.district.intake
    statement = "UPDATE own.reference SET entry = entry || $1, sequence = sequence + 1 WHERE id = 'drainage'"
    query = 'query { petitions(category: "drainage", first: 100) { edges { node { id } } } }'
    found = (await world.district.ask(query, role="street_committee")).ok()
    assert found["petitions"]["edges"]
    await intake.execute(statement, '{"retired": true}')
    try:
        await asyncio.sleep(2 * intake.settings.reference_staleness)
        given = {"petitionId": world.petitions["submitted"].id, "title": "堵塞", "category": "drainage"}
        refused = await world.people.do(p.ACCEPT, "street_committee", **given)
        assert refused.refused("INVALID_INPUT")["field"] == "category"
        assert (await world.district.ask(query, role="street_committee")).ok() == found
    finally:
        await intake.execute(statement, '{"retired": false}')
        await asyncio.sleep(2 * intake.settings.reference_staleness)


async def test_unknown_codes_are_told_with_the_query_that_lists_them(world: Standing) -> None:
    for argument, listing in (("street", "streets"), ("community", "communities"), ("category", "categories")):
        answer = await _ask(world, Source.INTAKE, f"petitions.{argument}", "ID", "nope")
        assert f"the query {listing} lists them" in _refused(answer, f"petitions.{argument}")
    answer = await _ask(world, Source.INTAKE, "grounds.use", "String", "NOPE")
    assert "REJECT_ACCEPTANCE" in _refused(answer, "grounds.use")


@pytest.mark.parametrize(
    ("source", "path"),
    [(source, path) for source, _, path, _ in _of("Query") if _last(path) == "after"],
    ids=lambda it: str(it),
)
async def test_what_is_no_cursor_is_refused(world: Standing, source: Source, path: str) -> None:
    for value in NO_CURSORS:
        _refused(await _ask(world, source, path, "String", value), path)


@pytest.mark.parametrize("value", [*FAITHFUL.values(), *NOTHING, "x" * 100_000, "fr", "*"])
async def test_a_language_may_be_called_anything(world: Standing, value: str) -> None:
    query = "query($l: String!) { streets { name(locale: $l) } }"
    shown = (await world.district.ask(query, l=value)).ok()["streets"]
    assert all(street["name"].isascii() for street in shown)


@pytest.mark.parametrize(
    "key", ["", "1234567", "x" * 129, "x" * 100_000, "1234567\0", "1234567\ud800", "钥" * 9, "1234567\n"]
)
async def test_a_key_that_is_none_is_refused(world: Standing, key: str) -> None:
    token = await _token(world, Source.INTAKE, "Mutation", "submitPetition")
    answer = await _with(world, Source.INTAKE, "submitPetition.idempotencyKey", key, token)
    _refused(answer, "submitPetition.idempotencyKey")


async def test_a_key_means_its_characters_exactly(world: Standing) -> None:
    people, ids = world.people, list[str]()
    for key in ("'; DROP TABLE own.idempotency; --", "null    ", "NULL    ", "%s%s%s%s", "x" * 128):
        for _ in range(2):
            ids.append((await people.file(idempotencyKey=key)).id)
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == 5


def _wrong(code: str) -> str:
    """Return a tracking code whose check character does not fit."""
    last = ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]
    return code[:-1] + last


async def test_a_typing_error_in_a_tracking_code_is_told_apart_from_an_unknown_one(world: Standing) -> None:
    known = world.petitions["submitted"]
    for code in (_wrong(known.code), _wrong(show_tracking_code(new_tracking_code()))):
        answer = await world.people.do(p.OPEN, trackingCode=code, secret=known.secret)
        assert "typing error" in _refused(answer, "openPetition.trackingCode")
    for code in ("", "x", "七" * 10, "7K3M9-QX2C", "x" * 100_000, "7K3M9-QX2C\0", "\ud800" * 10, "7K3M9-QX2CÖ"):
        answer = await world.people.do(p.OPEN, trackingCode=code, secret=known.secret)
        _refused(answer, "openPetition.trackingCode")


async def test_a_guesser_learns_nothing_from_an_unknown_code_or_a_wrong_secret(world: Standing) -> None:
    """Neither by the answer nor by what it cost: the same words, the same statements."""
    intake = world.district.intake
    code = show_tracking_code(new_tracking_code())
    known = world.petitions["submitted"]
    met: list[tuple[Answer, list[str]]] = []
    wrong = "".join(reversed(known.secret))
    for guess in ({"trackingCode": code, "secret": known.secret}, {"trackingCode": known.code, "secret": wrong}):
        start = len(intake.statements)
        answer = await world.people.do(p.OPEN, **guess)
        names = [statement.strip().splitlines()[0] for statement in intake.statements[start:]]
        met.append((answer, [name for name in names if "openings." in name]))
    (unknown, for_unknown), (wrong, for_wrong) = met
    unknown.refused("NOT_FOUND")
    assert (unknown.status, unknown.data, unknown.errors) == (wrong.status, wrong.data, wrong.errors)
    assert for_unknown == for_wrong
    for secret in ("", "\u3164", "字" * 16, "x" * 100_000, "é" * 16, "ILO" * 5):
        (await world.people.do(p.OPEN, trackingCode=code, secret=secret)).refused("NOT_FOUND")
        code = show_tracking_code(new_tracking_code())  # a door of its own: nobody is shut out here
    for secret in ("\0", "\ud800"):
        _refused(await world.people.do(p.OPEN, trackingCode=code, secret=secret), "openPetition.secret")


@dataclass
class Life:
    """Petitions whose people write one value, or some in turn, wherever they write anything."""

    people: People
    values: Sequence[str]
    said: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def write(self, path: str) -> str:
        """Return what is written at a place, and remember it."""
        texts = self.said.setdefault(path, [])
        texts.append(TEXTS[path].fitted(self.values[list(self.said).index(path) % len(self.values)]))
        return texts[-1]

    async def do(self, name: str, role: str | None, *texts: str, token: str | None = None, **given: Any) -> Any:
        """Send a mutation with the value in some of its parts; return what it answers."""
        source = next(source for source, known, _, _ in _of("Mutation") if known == name)
        written = {text: self.write(f"{name}.{text}") for text in texts}
        document = p.act(name, _input(source, name), _SELECT.get(name, "position"))
        answer = await self.people.do(document, role, token=token, **given, **written)
        assert not answer.errors, (name, self.values[0][:40], answer.errors)
        return answer.data[name]

    async def file(self) -> Filed:
        """Submit a petition."""
        words = self.write("submitPetition.words")
        contact = {part: self.write(f"submitPetition.contact.{part}") for part in ("name", "phone")}
        return await self.people.file("representative", words=words, contact=contact)


def _input(source: Source, name: str) -> str:
    document = mutation(source, name)
    return document[document.index(": ") + 2 : document.index("!")]


_SELECT: Final = {
    "lookUpContact": "name phone",
    "pressPetition": "instruction { id } position",
    "recordCalendarDays": "changed",
}
_SEEN: Final = """query($id: ID!) { petition(id: $id) {
  title request measures workingText rejection { reason } remarks { type text }
  handling { workOrders { title request question reply { words measures } declines { reason }
      returnedReplies { reason reply { words measures } } }
    instructions { words answer { words } } }
  evaluation { cases { visits { comment } attempts { comment } ledger { reason } reopening { reason } } } } }"""
_SHOWN_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "submitPetition.words": ("workingText",),
    "addInformation.words": ("remarks.text",),
    "acceptPetition.title": ("title", "handling.workOrders.title"),
    "rejectPetition.reason": ("rejection.reason",),
    "declinePetition.reason": ("rejection.reason",),
    "withdrawPetition.reason": ("remarks.text",),
    "listenToPetition.said": ("remarks.text",),
    "lookAtPetition.findings": ("remarks.text",),
    "deliberateOnPetition.outcome": ("remarks.text",),
    "skipScreeningStep.reason": ("remarks.text",),
    "handOverPetition.request": ("request", "handling.workOrders.request"),
    "resolvePetitionOnSpot.measures": ("measures",),
    "declineWorkOrder.reason": ("handling.workOrders.declines.reason",),
    "askResident.question": ("handling.workOrders.question",),
    "replyToWorkOrder.words": ("handling.workOrders.reply.words", "handling.workOrders.returnedReplies.reply.words"),
    "replyToWorkOrder.measures": ("handling.workOrders.reply.measures",),
    "sendBackReply.reason": ("handling.workOrders.returnedReplies.reason",),
    "pressPetition.instruction": ("handling.instructions.words",),
    "answerInstruction.words": ("handling.instructions.answer.words",),
    "recordVisitAttempt.comment": ("evaluation.cases.attempts.comment",),
    "recordVisit.comment": ("evaluation.cases.visits.comment",),
    "reopenPetition.reason": ("evaluation.cases.reopening.reason",),
    "approveLedger.reason": ("evaluation.cases.ledger.reason",),
    "refuseLedger.reason": ("evaluation.cases.reopening.reason",),
}
"""Where clients read it again."""
_KEPT_IN: Final[Mapping[str, str]] = {
    "assignWorkOrder.reason": "dispatch",
    "ruleOnWorkOrder.reason": "dispatch",
    "closePetition.reason": "feedback",
}
"""What only the record has: the history of the service that wrote it."""


def _at(answer: Any, path: str) -> set[str]:
    """Return the texts at a place in an answer, of all entries of its lists."""
    if answer is None:
        return set()
    if isinstance(answer, list):
        return set().union(*(_at(one, path) for one in answer))
    first, _, rest = path.partition(".")
    inner = answer.get(first)
    return _at(inner, rest) if rest else ({inner} if isinstance(inner, str) else set())


async def _read_again(life: Life, filed: Filed, position: str) -> None:
    """Assert that all that was written about a petition is there, character by character."""
    district = life.people.district
    shown = (await district.ask(_SEEN, role="street_committee", after=position, id=filed.id)).ok()["petition"]
    for path, texts in life.said.items():
        for place in _SHOWN_AT.get(path, ()):
            if place.startswith("handling.") and "handOverPetition.request" not in life.said:
                continue  # dispatch never heard of it
            assert {mask(text) if "ords" in path else text for text in texts} <= _at(shown, place), (path, place)
        if service := _KEPT_IN.get(path):
            rows = await district.services[service].fetch(
                "SELECT remark FROM own.event WHERE aggregate_id = $1 AND remark IS NOT NULL", UUID(filed.id)
            )
            assert set(texts) <= {row["remark"] for row in rows}, path


async def _unsealed(life: Life, filed: Filed) -> None:
    """Assert that the sealed words are what was sent."""
    intake = life.people.district.intake
    assert intake.runtime is not None
    vault: Vault = intake.runtime.extra
    petition = UUID(filed.id)
    [original] = await intake.fetch("SELECT * FROM own.original WHERE petition_id = $1", petition)
    key = vault.unwrap(petition, WrappedKey(original["master_key"], bytes(original["wrapped_key"])))
    assert vault.open(key, petition, "words", bytes(original["words"])) == life.said["submitPetition.words"][0]
    for row in await intake.fetch("SELECT * FROM own.addition WHERE petition_id = $1", petition):
        words = vault.open(key, petition, f"addition:{row['addition_id']}", bytes(row["words"]))
        assert words == life.said["addInformation.words"][0]
        assert row["masked"] == mask(words)


async def _handled(life: Life) -> None:
    """From the first word to the closing, by every act that takes words on the way."""
    people, district = life.people, life.people.district
    water, resident = district.token("department", department="water"), None
    filed = await life.file()
    of = {"petitionId": filed.id}
    contact = await life.do("lookUpContact", "street_committee", "purpose", **of)
    for part in ("name", "phone"):
        assert contact[part] == life.said[f"submitPetition.contact.{part}"][0]
    await life.do("acceptPetition", "street_committee", "title", category="drainage", **of)
    await life.do("listenToPetition", "representative", "said", **of)
    await life.do("lookAtPetition", "community", "findings", **of)
    await life.do("deliberateOnPetition", "street_committee", "outcome", participants=6, **of)
    handed = (await life.do("handOverPetition", "street_committee", "request", **of))["position"]
    at = {"workOrderId": await people.order(filed, handed)}
    await life.do("assignWorkOrder", "street_committee", "reason", department="housing", **at)
    await life.do("declineWorkOrder", "department", "reason", ground="NOT_OURS", **at)
    await life.do("assignWorkOrder", "street_committee", "reason", department="water", **at)
    await life.do("declineWorkOrder", None, "reason", token=water, ground="NOT_OURS", **at)
    await life.do("ruleOnWorkOrder", "district_supervisor", "reason", department="housing", **at)
    await life.do("acknowledgeWorkOrder", "department", **at)
    await life.do("startWorkOrder", "department", **at)
    await life.do("askResident", "department", "question", **at)
    resident = await people.resident(filed)
    await life.do("addInformation", None, "words", token=resident, **of)
    pressed = await life.do("pressPetition", "district_supervisor", "instruction", **of)
    await life.do("answerInstruction", "department", "words", instructionId=pressed["instruction"]["id"])
    await life.do("replyToWorkOrder", "department", "words", "measures", **at)
    await life.do("sendBackReply", "street_committee", "reason", ground="INCOMPLETE", **at)
    replied = (await life.do("replyToWorkOrder", "department", "words", "measures", **at))["position"]
    arrived = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
    (await district.ask(arrived, role="street_committee", after=replied, id=filed.id)).ok()
    await life.do("recordVisitAttempt", "representative", "comment", means="PHONE", **of)
    answers = {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True}
    await life.do("recordVisit", "representative", "comment", **answers, **of)
    closed = (await life.do("closePetition", "street_committee", "reason", **of))["position"]
    await _read_again(life, filed, closed)
    await _unsealed(life, filed)
    await _looks(life, filed)


async def _looks(life: Life, filed: Filed) -> None:
    query = "query($id: ID!) { contactLooks(petitionId: $id) { edges { node { purpose } } } }"
    looks = (await life.people.district.ask(query, role="district_supervisor", id=filed.id)).ok()["contactLooks"]
    assert [edge["node"]["purpose"] for edge in looks["edges"]] == life.said["lookUpContact.purpose"]


async def _turned_down(life: Life) -> None:
    """Rejected at once, declined after screening, and taken back."""
    for act, screened in (("rejectPetition", False), ("declinePetition", True), ("withdrawPetition", False)):
        filed = await life.file()
        of = {"petitionId": filed.id}
        if screened:
            await _on_the_fast_track(life, filed)
        if act == "withdrawPetition":
            done = await life.do(act, None, "reason", token=await life.people.resident(filed), **of)
        else:
            ground = "NO_BASIS" if screened else "DUPLICATE"
            done = await life.do(act, "street_committee", "reason", ground=ground, **of)
        last = Life(life.people, life.values, {f"{act}.reason": life.said[f"{act}.reason"]})
        await _read_again(last, filed, done["position"])


async def _on_the_fast_track(life: Life, filed: Filed) -> None:
    of = {"petitionId": filed.id}
    await life.do("acceptPetition", "street_committee", "title", category="drainage", **of)
    await life.do("listenToPetition", "representative", "said", **of)
    for step in ("LOOK", "DELIBERATE"):
        await life.do("skipScreeningStep", "street_committee", "reason", step=step, ground="SELF_EVIDENT", **of)


async def _evaluated(life: Life) -> None:
    """Solved on the spot, and visited: reopened, put on the ledger, or refused it."""
    for act in ("reopenPetition", "approveLedger", "refuseLedger"):
        one = Life(life.people, life.values)
        filed = await one.file()
        of = {"petitionId": filed.id}
        await _on_the_fast_track(one, filed)
        solved = (await one.do("resolvePetitionOnSpot", "street_committee", "measures", **of))["position"]
        await _read_again(one, filed, solved)
        life.said |= one.said
        one.said.clear()  # what was done on the spot is shown until the petition goes round again
        proposed = act != "reopenPetition"
        answers = {"solved": not proposed, "satisfied": False, "ledgerProposed": proposed}
        given = {"means": "PHONE", "reached": True, "responded": True, **answers}
        await one.do("recordVisit", "representative", "comment", **given, **of)
        day = (life.people.district.time.now + timedelta(days=60)).date().isoformat()
        more: dict[str, Any] = {
            "reopenPetition": {"ground": "PARTLY_DONE"},
            "approveLedger": {"ground": "NO_FUNDS", "department": "housing", "reviewOn": day},
        }.get(act, {})
        done = await one.do(act, "street_committee", "reason", **more, **of)
        await _read_again(one, filed, done["position"])
        life.said |= one.said


_LIVES: Final = {name: [value] for name, value in FAITHFUL.items() if len(value) > 5 or not value.isascii()} | {
    "what looks like something else": [value for value in FAITHFUL.values() if len(value) <= 5 and value.isascii()]
}


async def _lived(people: People, values: Sequence[str]) -> set[str]:
    """Let people write some values wherever they can; return where they did, once all of it was read again."""
    lives = [Life(people, values) for _ in range(3)]
    await asyncio.gather(_handled(lives[0]), _turned_down(lives[1]), _evaluated(lives[2]))
    return {path for life in lives for path in life.said}


async def _operated(world: Standing, values: Sequence[str]) -> set[str]:
    """Let the operator write some values: the days of a calendar, why data was erased, why an event was passed over."""
    district, life = world.district, Life(world.people, values)
    day = (district.time.now + timedelta(days=300)).date().isoformat()
    names = {part: life.write(f"recordCalendarDays.days.{part}") for part in ("nameZh", "nameEn")}
    await life.do("recordCalendarDays", "operator", days=[{"day": day, "working": True, **names}])
    query = """query($day: Date!) { workingCalendar(first: $day, last: $day) { zh: name en: name(locale: "en") } }"""
    await asyncio.sleep(2 * district.intake.settings.reference_staleness)
    assert (await district.ask(query, day=day)).ok()["workingCalendar"] == [
        {"zh": names["nameZh"], "en": names["nameEn"]}
    ]
    filed = await world.people.file()
    receipt = p.act("erasePersonalData", "ErasePersonalDataInput", "receipt { because }")
    erased = await world.people.do(
        receipt, "operator", petitionId=filed.id, because=life.write("erasePersonalData.because")
    )
    assert erased.ok()["erasePersonalData"]["receipt"]["because"] == mask(life.said["erasePersonalData.because"][0])
    for source in Source:
        await hold_up(world, source)
        name = source.value.capitalize()
        about: dict[str, Any] = {"petitionId": world.parked[source.value]}
        replay = p.act(f"replay{name}Parked", "ReplayParkedInput", "applied")
        because = life.write(f"replay{name}Parked.because")
        (await world.people.do(replay, "operator", because=because, **about)).ok()
        discard = p.act(f"discard{name}Parked", "DiscardParkedInput", "applied")
        other = "DISPATCH" if source is Source.INTAKE else "INTAKE"
        because = life.write(f"discard{name}Parked.because")
        (await world.people.do(discard, "operator", because=because, source=other, sequence=1, **about)).ok()
        listed = f"{{ {source.value}Discarded(first: 100) {{ nodes {{ petitionId because }} }} }}"
        nodes = (await district.ask(listed, role="operator")).ok()[f"{source.value}Discarded"]["nodes"]
        assert {"petitionId": world.parked[source.value], "because": because} in nodes
    return {*life.said}


@pytest.mark.parametrize("values", _LIVES.values(), ids=_LIVES.keys())
async def test_what_people_write_is_kept_character_by_character(through_train: District, values: list[str]) -> None:
    """In all services that hear of it, in the sealed words, and through the topics in between."""
    await _lived(People(through_train), values)


async def test_what_operators_write_is_kept_character_by_character(world: Standing) -> None:
    """All odd texts at once."""
    await _operated(world, [" ".join(text for text in FAITHFUL.values() if len(text) < 100)])


async def test_these_lives_write_into_every_text_there_is(world: Standing) -> None:
    written = await _lived(world.people, ["字"])
    assert written | await _operated(world, ["字"]) == set(TEXTS)


@pytest.mark.parametrize("value", FAITHFUL.values(), ids=FAITHFUL.keys())
async def test_a_text_inside_a_document_arrives_like_one_beside_it(through_train: District, value: str) -> None:
    """As an escaped string and as a block, directly and through the gateway, which writes documents of its own."""
    text = value[:2_000].strip()
    escaped = print_ast(StringValueNode(value=text))
    block = print_ast(StringValueNode(value=text, block=True))
    for literal in (escaped, block, json.dumps(text)):
        meant = parse_value(literal)
        assert isinstance(meant, StringValueNode)
        for url in (None, through_train.intake.url):
            document = f"""mutation {{ submitPetition(input: {{ words: {literal}, channel: "visit",
                community: "community-73" }}) {{ petitionId position }} }}"""
            done = (await through_train.ask(document, url=url)).ok()["submitPetition"]
            query = "query($id: ID!) { petition(id: $id) { workingText } }"
            shown = await through_train.ask(query, role="street_committee", id=done["petitionId"])
            assert shown.ok()["petition"]["workingText"] == mask(meant.value.strip())


async def test_an_unknown_id_is_answered_like_a_foreign_one_whatever_it_looks_like(world: Standing) -> None:
    """Ids in other spellings are the same ids, and never a bug."""
    known = world.petitions["submitted"].id
    query = "query($id: ID!) { petition(id: $id) { id } }"
    for spelled in (known.upper(), known.replace("-", ""), f"{{{known}}}", f"urn:uuid:{known}"):
        answer = await world.district.ask(query, role="street_committee", id=spelled)
        assert answer.codes in ([], ["INVALID_INPUT"]), answer
        assert not answer.data or answer.data["petition"] in (None, {"id": known})
    (await world.district.ask(query, role="street_committee", id=str(uuid4()))).refused("NOT_FOUND")


@pytest.mark.parametrize("remark", ["😀", "\u200b", "\u2028", "a\rb\n", "𠮷", "\ufffd", "e\u0301"])
async def test_a_remark_in_a_document_may_say_anything(through_train: District, remark: str) -> None:
    document = (
        f"query($first: Int) {{ # {remark}\n petitions(first: $first) {{ edges {{ node {{ id }} }} }} }} # {remark}"
    )
    if "\r" in remark:
        document = document.replace("\rb", "\r# b")
    (await through_train.ask(document, role="district_supervisor", first=1)).ok()
