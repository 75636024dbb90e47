"""Which errors are the client's to mend, and which are bugs of ours that nobody is told the content of."""

import asyncio
from datetime import date
from enum import Enum
from typing import Annotated, Any

import graphql
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from structlog.testing import capture_logs

from services.kernel.graphql.errors import all_masked
from services.kernel.graphql.places import Asked
from services.kernel.graphql.scalars import SCALARS


@strawberry.enum
class Colour(Enum):
    """A colour."""

    RED = "red"


@strawberry.input
class Box:
    """An input with a field that is needed."""

    size: str


@strawberry.type
class Query:
    """Fields whose answers do not fit their types."""

    @strawberry.field
    async def number(self, times: int = 1) -> int | None:
        return times * 2**40

    @strawberry.field
    async def colour(self) -> Colour | None:
        answer: Any = "13800138000"
        return answer

    @strawberry.field
    async def paint(self, with_: Annotated[Colour | None, strawberry.argument(name="with")] = None) -> bool:
        return with_ is not None

    @strawberry.field
    async def day(self, on: date | None = None) -> bool:
        return on is not None

    @strawberry.field
    async def box(self, of: Box | None = None) -> bool:
        return of is not None

    @strawberry.field
    async def nothing(self) -> int:
        answer: Any = None
        return answer


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))._schema


def ask(document: str, **variables: Any) -> list[dict[str, Any]]:
    asked = Asked(SCHEMA, document, variables)
    result: Any = graphql.graphql(SCHEMA, document, variable_values=variables)
    errors = asyncio.run(result).errors or []
    return [{"message": error.message, **(error.extensions or {})} for error in all_masked(errors, asked)]


@pytest.mark.parametrize("document", ["{ number }", "{ colour }", "{ nothing }"])
def test_an_answer_that_does_not_fit_its_type_is_a_bug_and_tells_nothing(document: str) -> None:
    with capture_logs() as logs:
        [error] = ask(document)
    assert error["code"] == "INTERNAL"
    assert error["message"] == "Something went wrong here."
    [line] = logs
    assert line["error_id"] == error["id"]
    assert "1099511627776" not in str(logs) + str(error)
    assert "13800138000" not in str(logs) + str(error)


@pytest.mark.parametrize(
    ("document", "given"),
    [
        ("query($n: Int) { number(times: $n) }", {"n": "Wang Xiaoming, room 502"}),
        ('{ number(times: "Wang Xiaoming, room 502") }', {}),
        ("query($c: Colour) { paint(with: $c) }", {"c": "Wang Xiaoming, room 502"}),
        ("query($d: Date) { day(on: $d) }", {"d": "Wang Xiaoming, room 502"}),
        ('{ day(on: "Wang Xiaoming, room 502") }', {}),
        ("query($b: Box) { box(of: $b) }", {"b": {"size": {"of": "Wang Xiaoming, room 502"}}}),
        ("query($b: Box) { box(of: $b) }", {"b": {"width": "Wang Xiaoming, room 502"}}),
    ],
)
def test_no_error_repeats_what_was_sent(document: str, given: dict[str, Any]) -> None:
    for error in ask(document, **given):
        assert error["code"] == "INVALID_INPUT"
        assert "Wang" not in str(error), error
        assert error["message"].endswith((".", "?")), error


def test_an_argument_that_does_not_fit_is_the_clients_and_names_its_field() -> None:
    [by_variable] = ask("query($n: Int) { number(times: $n) }", n="many")
    [by_literal] = ask('{ number(times: "many") }')
    assert (by_variable["code"], by_literal["code"]) == ("INVALID_INPUT", "INVALID_INPUT")
    assert by_variable["field"] == "times"
