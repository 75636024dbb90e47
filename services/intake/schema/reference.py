"""Places, people and codes as intake publishes them: `Community` and `Representative` are entities."""

import strawberry
from strawberry import ID, federation

from services.contracts import reference as r
from services.contracts.labels import in_language
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.types import Locale


def _named(entry: r.Entry, locale: str) -> str:
    return in_language(entry.name.zh, entry.name.en, locale)


@federation.type(keys=["id"], description="A street (街道) of the district.")
class Street:
    """A street entry."""

    entry: strawberry.Private[r.Street]
    id: ID = strawberry.field(description="Its code.")

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return _named(self.entry, locale)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Street | None":
        """Resolve a street that another service names."""
        entry = (await info.context.runtime.references.get()).ever(r.Street, id)
        return street(entry) if entry else None


@federation.type(keys=["id"], description="A community (社区) of a street.")
class Community:
    """A community entry."""

    entry: strawberry.Private[r.Community]
    id: ID = strawberry.field(description="Its code.")
    street: ID | None = strawberry.field(description="The code of its street.")

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return _named(self.entry, locale)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Community | None":
        """Resolve a community that another service names."""
        entry = (await info.context.runtime.references.get()).ever(r.Community, id)
        return community(entry) if entry else None


@federation.type(keys=["id"], description="A street deliberative representative (议政代表); the name is public.")
class Representative:
    """A representative entry."""

    entry: strawberry.Private[r.Representative]
    id: ID = strawberry.field(description="The code.")
    street: ID | None = strawberry.field(description="The code of the street.")
    deputy: bool | None = strawberry.field(description="Whether also a deputy of the people's congress.")

    @strawberry.field(description="The name.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return _named(self.entry, locale)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Representative | None":
        """Resolve a representative that another service names."""
        entry = (await info.context.runtime.references.get()).ever(r.Representative, id)
        return representative(entry) if entry else None


@strawberry.type(description="A code of a list that the district keeps, with its name.")
class Code:
    """Any plain reference entry."""

    entry: strawberry.Private[r.Entry]
    id: ID = strawberry.field(description="The code, as inputs take it.")

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return _named(self.entry, locale)


def street(entry: r.Street) -> Street:
    """Return a street as clients see it."""
    return Street(entry=entry, id=ID(entry.id))


def community(entry: r.Community) -> Community:
    """Return a community as clients see it."""
    return Community(entry=entry, id=ID(entry.id), street=ID(entry.street))


def representative(entry: r.Representative) -> Representative:
    """Return a representative as clients see them."""
    return Representative(entry=entry, id=ID(entry.id), street=ID(entry.street), deputy=entry.deputy)


def code(entry: r.Entry) -> Code:
    """Return an entry as a code."""
    return Code(entry=entry, id=ID(entry.id))


@strawberry.type
class ReferenceQuery:
    """Public lists."""

    @strawberry.field(description="The district's streets.")
    async def streets(self, info: Info) -> list[Street] | None:
        """Return all streets in use."""
        return [street(e) for e in (await info.context.runtime.references.get()).all(r.Street)]

    @strawberry.field(description="Communities, of one street if given.")
    async def communities(self, info: Info, street: ID | None = None) -> list[Community] | None:
        """Return communities in use."""
        await check_filters(info, street=street)
        found = (await info.context.runtime.references.get()).all(r.Community)
        return [community(e) for e in found if street is None or e.street == street]

    @strawberry.field(description="Estates, lanes and buildings of a community.")
    async def estates(self, info: Info, community: ID) -> list[Code] | None:
        """Return the estates of a community."""
        await check_filters(info, community=community)
        return [
            code(e) for e in (await info.context.runtime.references.get()).all(r.Estate) if e.community == community
        ]

    @strawberry.field(description="Representatives in office, of one street if given.")
    async def representatives(self, info: Info, street: ID | None = None) -> list[Representative] | None:
        """Return representatives in office."""
        await check_filters(info, street=street)
        found = (await info.context.runtime.references.get()).all(r.Representative)
        return [representative(e) for e in found if street is None or e.street == street]

    @strawberry.field(description="What petitions can be about.")
    async def categories(self, info: Info) -> list[Code] | None:
        """Return categories in use."""
        return [code(e) for e in (await info.context.runtime.references.get()).all(r.Category)]

    @strawberry.field(description="The ways in.")
    async def channels(self, info: Info) -> list[Code] | None:
        """Return channels in use."""
        return [code(e) for e in (await info.context.runtime.references.get()).all(r.Channel)]

    @strawberry.field(
        description="Grounds that may be cited, for one act if given: REJECT_ACCEPTANCE, REJECT_SCREENING, SKIP_STEP, "
        "DECLINE_ORDER, RETURN_REPLY, REOPEN, LEDGER.",
    )
    async def grounds(self, info: Info, use: str | None = None) -> list[Code] | None:
        """Return grounds in use."""
        found = (await info.context.runtime.references.get()).all(r.Ground)
        if use is not None and use not in (known := sorted({of for ground in found for of in ground.uses})):
            raise InvalidInput("use", f"There is no such use; possible: {', '.join(known)}.")
        return [code(e) for e in found if use is None or use in e.uses]

    @strawberry.field(description="Where to go with what is outside our remit.")
    async def referrals(self, info: Info) -> list[Code] | None:
        """Return referrals in use."""
        return [code(e) for e in (await info.context.runtime.references.get()).all(r.Referral)]
