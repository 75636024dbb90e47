"""Who may do and see what, printed from the services' tables of doors.

Run as `python -m gateway.access write` (docs/access.md), `check` (is it what the tables say?) or `print`.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from deploy.local.settings import ROOT
from gateway.schema import differs
from services.contracts.vocabulary import Role, Source
from services.dispatch.domain import access as dispatch
from services.feedback.domain import access as feedback
from services.intake.domain import access as intake
from services.kernel.access import OWN_MEANS, Rule
from services.kernel.doors import Bounds, Door, Doors
from services.kernel.graphql.subgraph import table_of

PAGE: Final = ROOT / "docs" / "access.md"
TABLES: Final[Mapping[Source, Doors]] = {
    Source.INTAKE: table_of(Source.INTAKE, intake.DOORS),
    Source.DISPATCH: table_of(Source.DISPATCH, dispatch.DOORS),
    Source.FEEDBACK: table_of(Source.FEEDBACK, feedback.DOORS),
}
ROLES: Final = tuple(role for role in Role if role is not Role.SYSTEM)
_SHORT: Final = {
    Role.ANYONE: "anyone",
    Role.RESIDENT: "resid.",
    Role.REPRESENTATIVE: "repr.",
    Role.STATION_STAFF: "station",
    Role.COMMUNITY: "comm.",
    Role.STREET_COMMITTEE: "street",
    Role.DEPARTMENT: "dept.",
    Role.DEPARTMENT_HEAD: "d. head",
    Role.EXPERT: "expert",
    Role.DISTRICT_SUPERVISOR: "superv.",
    Role.DISTRICT_LEADER: "leader",
    Role.INTEGRATOR: "integr.",
    Role.OPERATOR: "operator",
}
_MARK: Final = {Bounds.OWN: "●", Bounds.OWN_LIST: "◐", Bounds.NONE: "○"}


def allows(rule: Rule, role: Role) -> bool:
    """Tell whether a rule lets a role in; what anyone may do, everybody may."""
    return role in rule.roles or Role.ANYONE in rule.roles


def _line(name: str, door: Door) -> str:
    rule = door.rule
    assert rule is not None
    return f"| {name} | " + " | ".join(_MARK[door.bounds] if allows(rule, role) else "" for role in ROLES) + " |"


def _matrix(title: str, rows: Iterator[tuple[str, Door]]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| | " + " | ".join(_SHORT[role] for role in ROLES) + " |"
    yield "|---|" + ":-:|" * len(ROLES)
    for name, door in rows:
        yield _line(name, door)


def _fields(root: str) -> Iterator[tuple[str, Door]]:
    for source, table in TABLES.items():
        for (type_name, field), door in table.fields.items():
            if type_name == root and not field.startswith("_"):
                yield f"`{field}` ({source.value})", door


def _references() -> Iterator[tuple[str, Door]]:
    for source, table in TABLES.items():
        for name, door in table.references.items():
            yield f"`{name}` ({source.value})", door


def _hidden() -> Iterator[tuple[str, Door]]:
    for source, table in TABLES.items():
        for (type_name, field), door in table.fields.items():
            if door.rule is not None and type_name not in {"Query", "Mutation", "Subscription"}:
                yield f"`{type_name}.{field}` ({source.value})", door


def page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_body()]) + "\n"


def _body() -> Iterator[str]:
    yield from _matrix("Mutations", _fields("Mutation"))
    yield from _matrix("Queries and lists", _fields("Query"))
    yield from _matrix("Subscriptions", _fields("Subscription"))
    yield from _matrix("References between services", _references())
    yield from _matrix("Fields that are null for some of those who see the object", _hidden())
    yield "\nEvery other field is for whoever sees the object that it belongs to.\n"
    yield "## What is whose own\n"
    for role in ROLES:
        if role in OWN_MEANS:
            yield f"- **{role.value}**: {OWN_MEANS[role]}."
    others = ", ".join(role.value for role in ROLES if role not in OWN_MEANS)
    yield f"- {others}: no petition is theirs."


_HEAD: Final = """\
<!-- Written by `python -m gateway.access write` from the tables in services/*/domain/access.py. -->
# Who may do and see what

Deny by default: what has no mark is refused. The tables are those that the services are built from
([decision 28](decisions/0028-one-table-of-doors.md)); `make doors` tries every mark and every gap on a running
district.

| mark | |
|:-:|---|
| ● | one object, the role's own: a foreign one is answered `NOT_FOUND`, in the words of an unknown one |
| ◐ | a list or a count of the role's own; the rest is left out, or `NOT_FOUND` where it is asked for by its id |
| ○ | bounded by the role alone: reference data, oneself, what anyone may begin, what an operator does anywhere |
| | without a token `UNAUTHENTICATED`, with one `FORBIDDEN` |"""


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1 when the page is stale, 2 for a wrong call."""
    match arguments:
        case ["write"]:
            PAGE.write_text(page(), encoding="utf-8")
        case ["check"]:
            if differs(PAGE, page()):
                print("Stale: run `python -m gateway.access write` and commit the result.", file=sys.stderr)
                return 1
        case ["print"]:
            print(page())
        case _:
            print("usage: python -m gateway.access write|check|print", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
