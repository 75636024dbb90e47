"""Every door of every service, tried by every role with an own and a foreign object, directly and through the gateway.

What must happen is read from the tables that the services are built from (docs/access.md). A refusal leaves no row and
no event, and says of a foreign object what it says of one that does not exist.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import pytest
from rich.console import Console
from rich.table import Table

from gateway.access import ROLES, TABLES, allows
from services.contracts.vocabulary import Role, Source
from services.kernel.access import READERS
from services.kernel.doors import Bounds, Door
from tests.support.district import Answer, District
from tests.support.following import Ended, following
from tests.system.doors.operations import HIDDEN, MUTATIONS, QUERIES, REFERENCES, SUBSCRIPTIONS, mutation
from tests.system.doors.standing import WITHOUT_DEPARTMENT, Standing, hold_up, stand

REFUSED: Final = frozenset({"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"})
WAYS: Final = ("directly", "through the gateway")
_MEANT: Final = frozenset({"INVALID_STATE"})
"""How an act may fail behind its door: it was done before."""

seen: dict[tuple[str, str], dict[Role, set[str]]] = defaultdict(lambda: defaultdict(set))
"""What each role met at each door, for the printed matrix."""


def _rows(root: str) -> list[tuple[Source, str]]:
    return [
        (source, name)
        for source, table in TABLES.items()
        for type_name, name in table.fields
        if type_name == root and not name.startswith("_")
    ]


def _door(source: Source, root: str, name: str) -> Door:
    return TABLES[source].fields[root, name]


@pytest.fixture(scope="module")
async def world(through_train: District) -> Standing:
    return await stand(through_train)


def test_every_row_is_tried() -> None:
    assert {name for _, name in _rows("Mutation")} == set(MUTATIONS)
    assert {name for _, name in _rows("Query")} == set(QUERIES)
    assert {(source, name) for source, table in TABLES.items() for name in table.references} == set(REFERENCES)
    hidden = {
        (source, *key)
        for source, table in TABLES.items()
        for key, door in table.fields.items()
        if door.rule is not None and key[0] not in {"Query", "Mutation", "Subscription"}
    }
    assert hidden == set(HIDDEN)
    assert {name for _, name in _rows("Subscription")} == set(SUBSCRIPTIONS)


def _url(world: Standing, source: Source, way: str) -> str | None:
    return world.district.services[source.value].url if way == "directly" else None


def _expected(door: Door, role: Role) -> str:
    assert door.rule is not None
    if allows(door.rule, role):
        return "may"
    return "UNAUTHENTICATED" if role is Role.ANYONE else "FORBIDDEN"


async def _tokens(world: Standing, role: Role, **which: Any) -> Sequence[str | None]:
    return (None,) if role is Role.ANYONE else await world.tokens(role, **which)


def _same(foreign: Answer, unknown: Answer) -> None:
    """Assert that an answer about a foreign object tells no more than one about an unknown object."""
    assert foreign.codes == ["NOT_FOUND"]
    assert (foreign.status, foreign.data, foreign.errors) == (unknown.status, unknown.data, unknown.errors)


def _cases(rows: list[tuple[Source, str]]) -> list[Any]:
    return [pytest.param(source, name, way, id=f"{name}-{way}") for way in WAYS for source, name in rows]


@pytest.mark.parametrize(("source", "name", "way"), _cases(_rows("Query")))
async def test_a_query_answers_as_the_table_says(world: Standing, source: Source, name: str, way: str) -> None:
    reading, door = QUERIES[name], _door(source, "Query", name)
    url = _url(world, source, way)
    document = reading.document(name, world)
    for role in ROLES:
        expected = _expected(door, role)
        of = reading.of or "replied"
        own = await _tokens(world, role, of=of)
        if (
            role is not Role.ANYONE
            and role is not Role.RESIDENT
            and expected == "may"
            and door.bounds is not Bounds.NONE
        ):
            own = await world.tokens_of_owners(role, of=of)
        for token in own:
            answer = await world.district.ask(document, token=token, url=url)
            if expected == "may":
                assert reading.found(world, answer.ok()[name], role.value), (name, role, token, answer)
            else:
                assert answer.codes == [expected], (name, role, answer)
                assert not answer.data or answer.data[name] is None
            seen[name, way][role].add(expected)
        if expected == "may" and door.bounds is not Bounds.NONE and role not in _EVERYWHERE:
            await _foreign_query(world, source, name, role, way)


_EVERYWHERE: Final = frozenset({Role.DISTRICT_SUPERVISOR, Role.DISTRICT_LEADER})
"""To whom nothing of the district is foreign."""


async def _foreign_query(world: Standing, source: Source, name: str, role: Role, way: str) -> None:
    reading, door, url = QUERIES[name], _door(source, "Query", name), _url(world, source, way)
    for token in await world.tokens(role, foreign=True):
        answer = await world.district.ask(reading.document(name, world), token=token, url=url)
        if door.bounds is Bounds.OWN:
            unknown = await world.district.ask(reading.document(name, world, unknown=True), token=token, url=url)
            _same(answer, unknown)
            seen[name, way][role].add("foreign: NOT_FOUND")
        else:
            assert reading.nothing(answer.ok()[name]), (name, role, answer)
            seen[name, way][role].add("foreign: left out")


@pytest.mark.parametrize(("source", "name", "way"), _cases(_rows("Subscription")))
async def test_a_subscription_begins_as_the_table_says(world: Standing, source: Source, name: str, way: str) -> None:
    document, url = SUBSCRIPTIONS[name], _url(world, source, way)
    door = _door(source, "Subscription", name)
    given = {"id": world.petitions["replied"].id, "of": "housing"}

    async def met(token: str | None, **other: str) -> list[Any]:
        variables = {key: value for key, value in {**given, **other}.items() if f"${key}" in document}
        async with following(world.district, document, token=token, url=url, **variables) as followed:
            first = await followed.message()
            return first.codes if isinstance(first, Ended) else []

    for role in ROLES:
        expected = _expected(door, role)
        for token in await _tokens(world, role, of="replied") if expected != "may" else ():
            assert await met(token) == [expected], (name, role)
            seen[name, way][role].add(expected)
        for token in await world.tokens_of_owners(role, of="replied") if expected == "may" else ():
            if name == "departmentQueue" and "department" not in claims_of(token) and role is Role.INTEGRATOR:
                continue  # its grant is a street, which has no queue
            assert await met(token) == [], (name, role)
            seen[name, way][role].add("may")
        if expected == "may" and role not in _EVERYWHERE:
            for token in await world.tokens(role, foreign=True):
                assert await met(token) == await met(token, id=str(UUID(int=7)), of="nowhere") == ["NOT_FOUND"]
                seen[name, way][role].add("foreign: NOT_FOUND")


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token claims."""
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


@pytest.mark.parametrize(("source", "name", "way"), _cases(_rows("Mutation")))
async def test_who_may_not_is_refused_and_leaves_nothing(world: Standing, source: Source, name: str, way: str) -> None:
    operation, door = MUTATIONS[name], _door(source, "Mutation", name)
    document, url = mutation(source, name), _url(world, source, way)
    before = await world.footprint()
    for role in ROLES:
        if (expected := _expected(door, role)) == "may":
            continue
        for token in await _tokens(world, role):
            answer = await world.district.ask(document, token=token, url=url, input=operation.input(world))
            assert answer.codes == [expected], (name, role, answer)
        seen[name, way][role].add(expected)
    if door.bounds is Bounds.OWN:
        for role in ROLES:
            if _expected(door, role) == "may" and role not in _EVERYWHERE:
                await _foreign_mutation(world, source, name, role, way)
    assert await world.footprint() == before


async def _foreign_mutation(world: Standing, source: Source, name: str, role: Role, way: str) -> None:
    operation, document, url = MUTATIONS[name], mutation(source, name), _url(world, source, way)
    of = operation.of_role.get(role.value)
    for token in await world.tokens(role, foreign=True):
        answers = [
            await world.district.ask(
                document, token=token, url=url, input=operation.input(world, of=of, unknown=unknown)
            )
            for unknown in (False, True)
        ]
        _same(*answers)
    seen[name, way][role].add("foreign: NOT_FOUND")


@pytest.mark.parametrize(("source", "name", "way"), _cases(list(REFERENCES)))
async def test_a_reference_is_answered_as_the_table_says(world: Standing, source: Source, name: str, way: str) -> None:
    if way == "through the gateway":
        pytest.skip("references are made by the gateway alone: the queries above go through them")
    referred, door = REFERENCES[source, name], TABLES[source].references[name]
    service = world.district.services[source.value]
    document = f"query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {name} {{ id }} }} }}"

    async def ask(token: str | None, *, unknown: bool = False) -> Answer:
        given = [referred.representation(name, world, unknown=unknown)]
        return await world.district.ask(document, token=token, url=service.url, r=given)

    for role in ROLES:
        expected = _expected(door, role)
        for token in await _tokens(world, role):
            answer = await ask(token)
            if expected == "may":
                assert answer.ok()["_entities"][0]["id"], (name, role)
            else:
                assert answer.codes == [expected], (name, role, answer)
                assert answer.data["_entities"] == [None]
            seen[f"reference to {name}", source.value][role].add(expected)
        if expected == "may" and door.bounds is Bounds.OWN and role not in _EVERYWHERE:
            for token in await world.tokens(role, foreign=True):
                _same(await ask(token), await ask(token, unknown=True))
            seen[f"reference to {name}", source.value][role].add("foreign: NOT_FOUND")


async def test_claims_of_several_roles_add_up(world: Standing) -> None:
    """A member of another street's committee who is a representative here, and an integrator of a department alone."""
    claims = {"roles": ["street_committee", "representative"], "street": "fenghuang", "placements": ["community-73"]}
    both = world.district.token("representative", representative="rep-xu-jin", **claims)
    for name, of in (("petitions", "submitted"), ("cases", "replied"), ("petitionsByStage", "in progress")):
        answer = await world.district.ask(QUERIES[name].document(name, world), token=both)
        assert QUERIES[name].found(world, answer.ok()[name], ""), (name, of)
    department = world.district.token("integrator", street=None, department="housing")
    listed = await world.district.ask("{ petitions(first: 100) { edges { node { id } } } }", token=department)
    found = {edge["node"]["id"] for edge in listed.ok()["petitions"]["edges"]}
    assert world.petitions["in progress"].id in found
    assert not found & {world.petitions[name].id for name in WITHOUT_DEPARTMENT}


def _values(found: Any) -> list[Any]:
    """Return what stands at the end of a way into an answer."""
    if isinstance(found, list):
        return [value for one in found for value in _values(one)]
    if isinstance(found, dict) and len(found) == 1:
        return _values(next(iter(found.values())))
    return [found]


@pytest.mark.parametrize(("source", "type_name", "name"), [pytest.param(*key, id=".".join(key)) for key in HIDDEN])
async def test_a_field_is_null_for_those_whom_its_row_does_not_name(
    world: Standing, source: Source, type_name: str, name: str
) -> None:
    of, way_to = HIDDEN[source, type_name, name]
    door = TABLES[source].fields[type_name, name]
    assert door.rule is not None
    service = world.district.services[source.value]
    listed = way_to.startswith("{")
    reference = f"query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on Petition {{ {way_to} }} }} }}"
    given: dict[str, Any] = {} if listed else {"r": [{"__typename": "Petition", "id": world.petitions[of].id}]}
    for role in sorted(READERS):
        if (name, role) == ("feed", Role.INTEGRATOR):
            continue  # by the department of its grant: test_feed.py
        for token in await world.tokens_of_owners(role, of=of):
            answer = await world.district.ask(way_to if listed else reference, token=token, url=service.url, **given)
            if listed and answer.codes == ["FORBIDDEN"]:
                continue
            if of in WITHOUT_DEPARTMENT and role in {Role.DEPARTMENT, Role.DEPARTMENT_HEAD}:
                assert answer.codes == ["NOT_FOUND"]
                continue
            values = _values(answer.ok())
            shown = [value for value in values if value is not None]
            assert bool(shown) is allows(door.rule, role), (name, role, values)
            seen[f"{type_name}.{name}", source.value][role].add("may" if shown else "null")


@pytest.mark.parametrize(("source", "name", "way"), _cases(_rows("Mutation")))
async def test_who_may_gets_past_the_door(world: Standing, source: Source, name: str, way: str) -> None:
    """Last, since it changes what the others are about."""
    operation, door = MUTATIONS[name], _door(source, "Mutation", name)
    document, url = mutation(source, name), _url(world, source, way)
    for role in ROLES:
        if _expected(door, role) != "may":
            continue
        of = operation.of_role.get(role.value, operation.of or "submitted")
        tokens = await _tokens(world, role, of=of)
        for token in tokens if operation.any_own and door.bounds is Bounds.OWN else tokens[:1]:
            if name.endswith("Parked"):
                await hold_up(world, source)
            answer = await world.district.ask(document, token=token, url=url, input=operation.input(world, of=of))
            assert set(answer.codes) <= _MEANT, (name, role, answer)
            seen[name, way][role].add("may")


def test_the_matrix_is_as_tried(world: Standing) -> None:
    """Print it: `make doors` shows what each role met at each door."""
    short = {"may": "✓", "FORBIDDEN": "F", "UNAUTHENTICATED": "U", "null": "–"}
    matrix = Table(title="✓ may  N foreign: NOT_FOUND  L foreign: left out  F FORBIDDEN  U UNAUTHENTICATED  – null")
    matrix.add_column("door")
    for role in ROLES:
        matrix.add_column(role.value[:9])
    for (name, way), met in sorted(seen.items()):
        cells = [
            "".join(sorted(short.get(one, "N" if one.endswith("NOT_FOUND") else "L") for one in met.get(role, set())))
            for role in ROLES
        ]
        matrix.add_row(f"{name} ({way})", *cells)
    Console(width=200).print(matrix)
    tried = sum(len(met) for met in seen.values())
    print(f"{len(seen)} doors, {tried} meetings of a role and a door")
    assert tried
