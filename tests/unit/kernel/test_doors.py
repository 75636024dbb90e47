"""The schema and the table of doors cannot fall apart: each way in which they could is refused at the start."""

from typing import Any

import pytest
import strawberry
from strawberry import ID, federation

from services.contracts.vocabulary import Role, Source
from services.kernel.access import Rule, may
from services.kernel.doors import SHARED, RepeatedDoorError, Row, anything, doors, own, reference, shown_to, within
from services.kernel.graphql.context import Info
from services.kernel.graphql.doors import UnguardedFieldError
from services.kernel.graphql.subgraph import subgraph
from services.kernel.graphql.types import Deadline

DEPARTMENT = may(Role.DEPARTMENT, says="departments")


@federation.type(keys=["id"])
class Thing:
    """An entity."""

    id: ID
    secret: str | None = None
    plain: str = "plain"

    def sees(self, context: Any, rule: Rule) -> bool:
        return bool(context.actor.roles & rule.roles)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Thing | None":  # noqa: ARG003 - as references are asked
        return Thing(id=id, secret="secret")


@strawberry.type
class Queries:
    """The roots."""

    @strawberry.field
    async def thing(self, info: Info, id: ID) -> Thing | None:
        return Thing(id=id, secret="secret")


@strawberry.type
class Mutations:
    """An act."""

    @strawberry.mutation
    async def act(self, info: Info) -> bool | None:
        return True


ROWS: tuple[Row, ...] = (
    own("Query", DEPARTMENT, "thing"),
    anything("Mutation", DEPARTMENT, "act"),
    reference("Thing", DEPARTMENT),
    within("Thing", "id plain"),
    shown_to("Thing", may(Role.DEPARTMENT_HEAD, says="heads"), "secret"),
)


def build(*rows: Row) -> Any:
    return subgraph(Source.INTAKE, *rows, queries=(Queries,), mutations=(Mutations,), types=(Thing, Deadline))


def test_a_table_that_fits_is_hung_and_says_in_the_schema_who_may() -> None:
    sdl = build(*ROWS).as_str()
    assert "For: departments (department)." in sdl
    assert "For: heads (department_head); null for all others." in sdl


@pytest.mark.parametrize("missing", range(len(ROWS)))
def test_a_field_or_a_reference_without_a_row_stops_the_service(missing: int) -> None:
    with pytest.raises(UnguardedFieldError, match=r"no row in domain/access\.py"):
        build(*(row for n, row in enumerate(ROWS) if n != missing))


def test_a_row_of_nothing_stops_it_too() -> None:
    with pytest.raises(UnguardedFieldError, match="is of nothing"):
        build(*ROWS, within("Thing", "colour"))
    with pytest.raises(UnguardedFieldError, match="is of nothing"):
        build(*ROWS, reference("Colour", DEPARTMENT))


def test_a_root_field_needs_roles() -> None:
    with pytest.raises(UnguardedFieldError, match="must name roles"):
        build(within("Query", "thing"), *ROWS[1:])


def test_what_is_hidden_from_some_must_be_nullable() -> None:
    with pytest.raises(UnguardedFieldError, match="must be nullable"):
        build(*ROWS[:3], within("Thing", "id"), shown_to("Thing", DEPARTMENT, "secret plain"))


def test_what_is_hidden_from_some_must_tell_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Thing, "sees")
    with pytest.raises(UnguardedFieldError, match="whose it is"):
        build(*ROWS)


def test_two_rows_of_one_field_are_refused() -> None:
    with pytest.raises(RepeatedDoorError):
        doors(within("Thing", "id"), shown_to("Thing", DEPARTMENT, "id"))
    with pytest.raises(RepeatedDoorError):
        doors(reference("Thing", DEPARTMENT), reference("Thing", DEPARTMENT))
    assert doors(SHARED).fields
