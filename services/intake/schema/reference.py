"""Places, people and codes as intake publishes them: `Street`, `Community` and `Representative` are entities."""

from typing import Annotated, Final

import strawberry
from strawberry import ID, federation

from services.contracts import reference as r
from services.contracts.labels import in_language, label
from services.contracts.vocabulary import VenueKind
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.listing import Connection, page_of
from services.kernel.graphql.types import After, First, Locale
from services.kernel.reference import References

_GENERATED: Final = "Whether it was invented for demonstration."

OfStreet = Annotated[ID | None, strawberry.argument(description="Only of this street.")]
OfCommunity = Annotated[ID | None, strawberry.argument(description="Only of this community.")]


def _named(entry: r.Entry, locale: str) -> str:
    return in_language(entry.name.zh, entry.name.en, locale)


@federation.type(keys=["id"], description="A street (街道) of the district.")
class Street:
    """A street entry."""

    entry: strawberry.Private[r.Street]
    id: ID = strawberry.field(description="Its code.")
    generated: bool | None = strawberry.field(description=_GENERATED)

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
    generated: bool | None = strawberry.field(description=_GENERATED)

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
    rooms: list[ID] | None = strawberry.field(description="The codes of the liaison rooms that they are placed in.")
    station: ID | None = strawberry.field(description="The code of their liaison station, for who is in no room.")
    communities: list[ID] | None = strawberry.field(description="The codes of the communities that they serve.")
    residence: ID | None = strawberry.field(description="The code of the community that they live in, and serve too.")
    deputy: bool | None = strawberry.field(description="Whether also a deputy of the people's congress.")
    generated: bool | None = strawberry.field(description="Whether the person was invented for demonstration.")

    @strawberry.field(description="The profession or walk of life, where it is recorded.")
    def sector(self, locale: Locale = "zh-CN") -> str | None:
        """Return the sector in a language."""
        sector = self.entry.sector
        return in_language(sector.zh, sector.en, locale) if sector else None

    @strawberry.field(description="The name.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return _named(self.entry, locale)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Representative | None":
        """Resolve a representative that another service names."""
        entry = (await info.context.runtime.references.get()).ever(r.Representative, id)
        return representative(entry) if entry else None


@strawberry.type(description="An estate, lane or building (小区/楼栋) of a community.")
class Estate:
    """An estate entry."""

    entry: strawberry.Private[r.Estate]
    id: ID = strawberry.field(description="Its code.")
    community: ID = strawberry.field(description="The code of its community.")
    generated: bool = strawberry.field(description=_GENERATED)

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return _named(self.entry, locale)


@strawberry.type(description="A liaison station (联络站) of a street.")
class Station:
    """A station entry."""

    entry: strawberry.Private[r.Station]
    id: ID = strawberry.field(description="Its code.")
    street: ID = strawberry.field(description="The code of its street.")
    generated: bool = strawberry.field(description=_GENERATED)

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return _named(self.entry, locale)


@strawberry.type(description="A liaison room (联络室) of a station.")
class Room:
    """A room entry."""

    entry: strawberry.Private[r.Room]
    id: ID = strawberry.field(description="Its code.")
    station: ID = strawberry.field(description="The code of its station.")
    communities: list[ID] = strawberry.field(description="The codes of the communities that it serves.")
    generated: bool = strawberry.field(description=_GENERATED)

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return _named(self.entry, locale)


@strawberry.type(description='A "six-deliberation" venue (六议场所) of a community: where people meet to deliberate.')
class Venue:
    """A venue entry."""

    entry: strawberry.Private[r.Venue]
    id: ID = strawberry.field(description="Its code.")
    kind: VenueKind = strawberry.field(description="Which of the six kinds.")
    community: ID = strawberry.field(description="The code of its community.")
    room: ID | None = strawberry.field(description="The code of the liaison room that keeps it, if one does.")
    generated: bool = strawberry.field(description=_GENERATED)

    @strawberry.field(description="Its kind, for people.")
    def kind_label(self, locale: Locale = "zh-CN") -> str:
        """Return the kind's label."""
        return label(self.kind, locale)

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return _named(self.entry, locale)


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
    return Street(entry=entry, id=ID(entry.id), generated=entry.generated)


def community(entry: r.Community) -> Community:
    """Return a community as clients see it."""
    return Community(entry=entry, id=ID(entry.id), street=ID(entry.street), generated=entry.generated)


def representative(entry: r.Representative) -> Representative:
    """Return a representative as clients see them."""
    return Representative(
        entry=entry,
        id=ID(entry.id),
        street=ID(entry.street),
        rooms=[ID(code) for code in entry.rooms],
        station=ID(entry.station) if entry.station else None,
        communities=[ID(code) for code in entry.communities],
        residence=ID(entry.residence) if entry.residence else None,
        deputy=entry.deputy,
        generated=entry.generated,
    )


def _estate(entry: r.Estate) -> Estate:
    return Estate(entry=entry, id=ID(entry.id), community=ID(entry.community), generated=entry.generated)


def _station(entry: r.Station) -> Station:
    return Station(entry=entry, id=ID(entry.id), street=ID(entry.street), generated=entry.generated)


def _room(entry: r.Room) -> Room:
    return Room(
        entry=entry,
        id=ID(entry.id),
        station=ID(entry.station),
        communities=[ID(code) for code in entry.communities],
        generated=entry.generated,
    )


def _venue(entry: r.Venue) -> Venue:
    return Venue(
        entry=entry,
        id=ID(entry.id),
        kind=entry.venue_kind,
        community=ID(entry.community),
        room=ID(entry.room) if entry.room else None,
        generated=entry.generated,
    )


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

    @strawberry.field(description="Communities.")
    async def communities(
        self, info: Info, street: OfStreet = None, first: First = 20, after: After = None
    ) -> Connection[Community] | None:
        """Return a page of communities."""
        known = await checked(info, street)
        found = (e for e in known.all(r.Community) if street in {None, e.street})
        return page_of(found, community, first=first, after=after)

    @strawberry.field(description="Estates, lanes and buildings.")
    async def estates(
        self,
        info: Info,
        street: OfStreet = None,
        community: OfCommunity = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Estate] | None:
        """Return a page of estates."""
        known = await checked(info, street, community)
        found = (
            e
            for e in known.all(r.Estate)
            if community in {None, e.community} and street in {None, _street_of(known, e.community)}
        )
        return page_of(found, _estate, first=first, after=after)

    @strawberry.field(description="Liaison stations.")
    async def stations(
        self, info: Info, street: OfStreet = None, first: First = 20, after: After = None
    ) -> Connection[Station] | None:
        """Return a page of stations."""
        known = await checked(info, street)
        found = (e for e in known.all(r.Station) if street in {None, e.street})
        return page_of(found, _station, first=first, after=after)

    @strawberry.field(description="Liaison rooms; of a community, those that serve it.")
    async def rooms(
        self,
        info: Info,
        street: OfStreet = None,
        community: OfCommunity = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Room] | None:
        """Return a page of rooms."""
        known = await checked(info, street, community)
        stations = {e.id: e.street for e in known.all(r.Station)}
        found = (
            e
            for e in known.all(r.Room)
            if (community is None or community in e.communities) and street in {None, stations.get(e.station)}
        )
        return page_of(found, _room, first=first, after=after)

    @strawberry.field(description="Venues where people deliberate.")
    async def venues(
        self,
        info: Info,
        street: OfStreet = None,
        community: OfCommunity = None,
        kind: VenueKind | None = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Venue] | None:
        """Return a page of venues."""
        known = await checked(info, street, community)
        found = (
            e
            for e in known.all(r.Venue)
            if kind in {None, e.venue_kind}
            and community in {None, e.community}
            and street in {None, _street_of(known, e.community)}
        )
        return page_of(found, _venue, first=first, after=after)

    @strawberry.field(
        description="Representatives in office; of a community, those who serve it by placement or live in it."
    )
    async def representatives(
        self,
        info: Info,
        street: OfStreet = None,
        community: OfCommunity = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Representative] | None:
        """Return a page of representatives."""
        known = await checked(info, street, community)
        found = (
            e
            for e in known.all(r.Representative)
            if street in {None, e.street} and (community is None or community in {*e.communities, e.residence})
        )
        return page_of(found, representative, first=first, after=after)

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


async def checked(info: Info, street: str | None, community: str | None = None) -> References:
    """Return the references, once the filters name what has been."""
    await check_filters(info, street=street, community=community)
    return await info.context.runtime.references.get()


def _street_of(known: References, community: str) -> str | None:
    entry = known.ever(r.Community, community)
    return entry.street if entry else None
