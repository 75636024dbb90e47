"""Coverage as clients see it: which community is not served, and which representative is not placed."""

from typing import Final

import strawberry

from services.contracts import reference as r
from services.intake.domain import coverage as rules
from services.intake.schema.reference import (
    Community,
    OfStreet,
    Representative,
    Street,
    checked,
    community,
    representative,
)
from services.intake.schema.reference import (
    street as shown_street,
)
from services.kernel.graphql.context import Info

_MOST_LACKING: Final = 100


@strawberry.type(
    description="What a street has of stations, rooms and representatives, and what it lacks so that everybody is "
    "placed and every community served (全员进站·履职全覆盖). Lists of what is lacking hold the first 100, by code."
)
class StreetCoverage:
    """Coverage of a street."""

    street: Street = strawberry.field(description="The street.")
    communities: int = strawberry.field(description="How many communities it has.")
    stations: int = strawberry.field(description="How many liaison stations.")
    rooms: int = strawberry.field(description="How many liaison rooms.")
    representatives: int = strawberry.field(description="How many representatives.")
    communities_without_room: list[Community] = strawberry.field(description="Those that no room serves.")
    communities_without_representative: list[Community] = strawberry.field(
        description="Those that no representative serves or lives in."
    )
    representatives_unplaced: list[Representative] = strawberry.field(description="Those in no room and no station.")
    representatives_without_residence: list[Representative] = strawberry.field(
        description="Those of whom it is not recorded where they live."
    )


def _covered(it: rules.Coverage) -> StreetCoverage:
    return StreetCoverage(
        street=shown_street(it.street),
        communities=it.communities,
        stations=it.stations,
        rooms=it.rooms,
        representatives=it.representatives,
        communities_without_room=[community(e) for e in it.without_room[:_MOST_LACKING]],
        communities_without_representative=[community(e) for e in it.without_representative[:_MOST_LACKING]],
        representatives_unplaced=[representative(e) for e in it.unplaced[:_MOST_LACKING]],
        representatives_without_residence=[representative(e) for e in it.without_residence[:_MOST_LACKING]],
    )


@strawberry.type
class CoverageQuery:
    """Coverage."""

    @strawberry.field(
        description="Whether everybody is placed and every community served: which are not, street by street."
    )
    async def coverage(self, info: Info, street: OfStreet = None) -> list[StreetCoverage] | None:
        """Return what streets have and lack."""
        known = await checked(info, street)
        territory = rules.Territory(
            streets=[e for e in known.all(r.Street) if street in {None, e.id}],
            communities=known.all(r.Community),
            stations=known.all(r.Station),
            rooms=known.all(r.Room),
            representatives=known.all(r.Representative),
        )
        return [_covered(it) for it in rules.coverage(territory)]
