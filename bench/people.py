"""Who acts in a measurement: the demonstration district's own people, each with a token of their own."""

from dataclasses import dataclass
from pathlib import Path

from deploy.district import Size, entries
from services.contracts.reference import Community, Department, Representative
from services.kernel.auth.development import sign


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a petition is handled: a community, and the tokens of those who act there."""

    community: str
    department: str
    representative: str
    worker: str
    committee: str
    officer: str

    @property
    def tokens(self) -> tuple[str, ...]:
        """Everybody's token."""
        return self.representative, self.worker, self.committee, self.officer


def desks(keys: Path) -> list[Desk]:
    """Return a desk for each of the district's representatives; departments take turns.

    :param keys: the folder with the development issuer's keys.
    """
    known = entries(Size.FULL)
    street_of = {entry.id: entry.street for entry in known if isinstance(entry, Community)}
    departments = sorted(entry.id for entry in known if isinstance(entry, Department) and entry.street is None)
    officers = {name: sign(keys, "department", sub=f"bench-{name}", department=name) for name in departments}
    committees = {
        street: sign(keys, "street_committee", sub=f"bench-committee-{street}", street=street)
        for street in sorted({*street_of.values()})
    }
    workers = {
        community: sign(keys, "community", sub=f"bench-{community}", community=community, street=street)
        for community, street in street_of.items()
    }
    representatives = [entry for entry in known if isinstance(entry, Representative) and entry.communities]
    return [
        Desk(
            community=representative.communities[0],
            department=(department := departments[nth % len(departments)]),
            representative=sign(
                keys,
                "representative",
                sub=f"bench-{representative.id}",
                representative=representative.id,
                placements=list(representative.communities),
                street=representative.street,
            ),
            worker=workers[representative.communities[0]],
            committee=committees[representative.street],
            officer=officers[department],
        )
        for nth, representative in enumerate(representatives)
    ]
