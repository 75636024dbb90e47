"""Departments, and what routing suggests: `Department` is an entity of dispatch's."""

from typing import Annotated

import strawberry
from strawberry import ID, federation

from services.contracts import dispatch as d
from services.contracts import reference as r
from services.contracts.labels import in_language
from services.dispatch.commands.lookup import routing_table
from services.dispatch.domain import routing
from services.dispatch.schema.feed import DepartmentFeed, page, reads
from services.kernel.access import Rule
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.listing import Connection, page_of
from services.kernel.graphql.types import After, First, Locale

OfStreet = Annotated[ID | None, strawberry.argument(description="Only of this street.")]


@federation.type(
    keys=["id"], description="A responsible unit (承办单位): a district bureau, a street office or a utility."
)
class Department:
    """A department entry; one that is unknown here has its code alone."""

    entry: strawberry.Private[r.Department | None]
    id: ID = strawberry.field(description="Its code.")
    street: ID | None = strawberry.field(description="The code of its street, for a street office.")
    generated: bool | None = strawberry.field(description="Whether it was invented for demonstration.")

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return named(self.entry, locale)

    @strawberry.field(
        description="What it has to know for its own work orders, the oldest first: the same events as on its topic. "
        "Keep the last cursor, and go on from it, whenever that is."
    )
    async def feed(self, info: Info, first: First = 20, after: After = None) -> DepartmentFeed | None:
        """Return a page of the feed."""
        return await page(info, self.id, first=first, after=after)

    def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the department is the actor's own, or the actor supervises all."""
        return bool(context.actor.roles & rule.roles) and reads(context.actor, self.id)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Department | None":
        """Resolve a department that another service names."""
        return await department(info, id)


@strawberry.type(description="What routing suggests, and why.")
class Suggestion:
    """A suggestion; a person may decide otherwise."""

    it: strawberry.Private[d.Suggestion]
    rule: ID | None = strawberry.field(description="The rule behind it, if one speaks for it.")
    explanation: str = strawberry.field(description="Why, in Chinese and English.")

    @strawberry.field(description="The department, if any fits.")
    async def department(self, info: Info) -> Department | None:
        """Return the department."""
        return await department(info, self.it.department)


def named(entry: r.Entry | None, locale: str) -> str | None:
    """Return an entry's name in a language."""
    return in_language(entry.name.zh, entry.name.en, locale) if entry else None


def _shown(entry: r.Department) -> Department:
    street = ID(entry.street) if entry.street else None
    return Department(entry=entry, id=ID(entry.id), street=street, generated=entry.generated)


async def department(info: Info, code: str | None) -> Department | None:
    """Return a department as clients see it, even a retired one: old orders still name it."""
    if code is None:
        return None
    entry = (await info.context.runtime.references.get()).ever(r.Department, code)
    return _shown(entry) if entry else None


def suggestion(it: d.Suggestion) -> Suggestion:
    """Return a suggestion as clients see it."""
    return Suggestion(it=it, rule=ID(it.rule) if it.rule else None, explanation=it.explanation)


@strawberry.type
class DepartmentQuery:
    """Departments, and routing."""

    @strawberry.field(description="The departments in use; of a street, its office.")
    async def departments(
        self, info: Info, street: OfStreet = None, first: First = 20, after: After = None
    ) -> Connection[Department] | None:
        """Return a page of departments."""
        await check_filters(info, street=street)
        known = await info.context.runtime.references.get()
        found = (e for e in known.all(r.Department) if street in {None, e.street})
        return page_of(found, _shown, first=first, after=after)

    @strawberry.field(description="One department.")
    async def department(self, info: Info, id: ID) -> Department | None:
        """Return a department, or nothing."""
        return await department(info, id)

    @strawberry.field(
        description="What routing would suggest for a category in a community, and why.",
    )
    async def suggest_department(self, info: Info, category: ID, community: ID) -> Suggestion | None:
        """Return routing's suggestion."""
        references = await info.context.runtime.references.get()
        if references.find(r.Category, category) is None:
            raise InvalidInput("category", "There is no such category; the query categories lists them.")
        place = references.find(r.Community, community)
        if place is None:
            raise InvalidInput("community", "There is no such community; the query communities lists them.")
        table = routing_table(references)
        return suggestion(routing.suggest(table, category, place.street, place.id))
