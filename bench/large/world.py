"""Who asks, about what: everybody of the demonstration district, and places in lists that are years long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from bench.installation import Installation
from bench.large.templates import milliseconds
from deploy.district import Size, entries
from services.contracts.reference import Category, Community, Department, Representative, Street
from services.intake import seed
from services.kernel.auth.development import sign
from services.kernel.db import own_connection
from services.kernel.graphql.types import cursor

_SAMPLE: Final = 400
_EDGES: Final = """
SELECT (SELECT petition_id FROM own.petition ORDER BY petition_id LIMIT 1) AS first,
       (SELECT petition_id FROM own.petition ORDER BY petition_id DESC LIMIT 1) AS last"""
_SOME: Final = """
SELECT found.petition_id::text AS id, found.tracking_code AS code FROM unnest($1::uuid[]) AS place (id)
CROSS JOIN LATERAL (SELECT petition_id, tracking_code FROM own.petition WHERE petition_id >= place.id
                    ORDER BY petition_id LIMIT 1) AS found"""
_NUMBERS: Final = "SELECT department, max(number) AS last FROM own.department_feed GROUP BY department"


@dataclass
class World:
    """What requests are drawn from, by chance."""

    keys: Path
    random: Random
    streets: Sequence[str]
    communities: Sequence[Community]
    departments: Sequence[str]
    categories: Sequence[str]
    representatives: Sequence[Representative]
    petitions: Sequence[tuple[str, str]]
    """Ids and tracking codes of some, from all times."""

    feeds: Mapping[str, int]
    """How far each department's feed is numbered."""

    began: datetime
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def token(self, role: str, name: str, **claims: Any) -> str:
        """Return the token of somebody, the same each time."""
        if (role, name) not in self._tokens:
            self._tokens[role, name] = sign(self.keys, role, sub=f"bench-{role}-{name}", **claims)
        return self._tokens[role, name]

    def street(self) -> str:
        """Return a street."""
        return self.random.choice(self.streets)

    def community(self) -> Community:
        """Return a community."""
        return self.random.choice(self.communities)

    def department(self) -> str:
        """Return a department that was ever given something to do."""
        return self.random.choice(list(self.feeds))

    def category(self) -> str:
        """Return a category."""
        return self.random.choice(self.categories)

    def representative(self) -> Representative:
        """Return a representative."""
        return self.random.choice(self.representatives)

    def petition(self) -> tuple[str, str]:
        """Return a petition's id and tracking code."""
        return self.random.choice(self.petitions)

    def instant(self) -> datetime:
        """Return an instant of the time in which petitions were filed, not its first tenth."""
        share = self.random.uniform(0.1, 1.0)
        return self.began + (datetime.now(UTC) - self.began) * share

    def far(self) -> str:
        """Return a cursor of a list that is ordered by ids: somewhere far along."""
        return cursor(str(_id_at(self.instant())))

    def feed_far(self, department: str) -> str:
        """Return a cursor of a department's feed: somewhere far along."""
        return cursor(department, str(self.random.randrange(self.feeds[department])))


def _id_at(instant: datetime) -> UUID:
    """Return the least UUIDv7 of an instant."""
    return UUID(int=int(instant.timestamp() * 1000) << 80 | 0x7000_8000 << 48)


async def world(running: Installation, random: Random) -> World:
    """Return the world of an installation with the demonstration district."""
    known = [*entries(Size.FULL), *seed.entries()]
    async with own_connection(running.dsn("intake"), application="bench") as connection:
        edges = await connection.fetchrow(_EDGES)
        assert edges is not None
        first, last = milliseconds(edges["first"]), milliseconds(edges["last"])
        places = [UUID(int=random.randrange(first, last) << 80) for _ in range(_SAMPLE)]
        petitions = [(row["id"], row["code"]) for row in await connection.fetch(_SOME, places)]
    async with own_connection(running.dsn("dispatch"), application="bench") as connection:
        feeds = {row["department"]: row["last"] for row in await connection.fetch(_NUMBERS)}
    return World(
        keys=running.keys,
        random=random,
        streets=[entry.id for entry in known if isinstance(entry, Street)],
        communities=[entry for entry in known if isinstance(entry, Community)],
        departments=[entry.id for entry in known if isinstance(entry, Department)],
        categories=[entry.id for entry in known if isinstance(entry, Category)],
        representatives=[entry for entry in known if isinstance(entry, Representative) and entry.communities],
        petitions=petitions,
        feeds=feeds,
        began=datetime.fromtimestamp(first / 1000, UTC),
    )


def supervisor(of: World) -> str:
    """Return the district supervisor's token."""
    return of.token("district_supervisor", "all")


def leader(of: World) -> str:
    """Return a district leader's token."""
    return of.token("district_leader", "all")


def operator(of: World) -> str:
    """Return the operator's token."""
    return of.token("operator", "all")


def committee(of: World) -> str:
    """Return the token of some street's committee."""
    street = of.street()
    return of.token("street_committee", street, street=street)


def worker(of: World) -> str:
    """Return the token of some community's staff."""
    community = of.community()
    return of.token("community", community.id, community=community.id, street=community.street)


def representative(of: World) -> str:
    """Return some representative's token."""
    one = of.representative()
    claims = {"representative": one.id, "placements": list(one.communities), "street": one.street}
    return of.token("representative", one.id, **claims)


def station(of: World) -> str:
    """Return the token of some station's staff."""
    one = of.representative()
    return of.token("station_staff", one.id, placements=list(one.communities), street=one.street)


def department(of: World) -> str:
    """Return some department's token."""
    code = of.department()
    return of.token("department", code, department=code)


def department_head(of: World) -> str:
    """Return the token of some department's head."""
    code = of.department()
    return of.token("department_head", code, department=code)


def integrator(of: World) -> str:
    """Return the token of somebody's system: some street's."""
    street = of.street()
    return of.token("integrator", street, street=street)


def department_system(of: World) -> str:
    """Return the token of some department's system."""
    code = of.department()
    return of.token("integrator", code, street=None, department=code)


def nobody(of: World) -> str:  # noqa: ARG001 - as the others
    """Return no token."""
    return ""


YEAR: Final = timedelta(days=365)
