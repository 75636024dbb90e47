"""What is real in the district that is fuzzed: so much of what is sent is real that requests come past the doors.

Requests name it in words, `«petition:submitted»`, which are exchanged when they are sent: so the same seed makes the
same requests, although ids are new in each run.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.contracts.catalogue import REFERENCE_SOURCES
from services.contracts.reference import Entry, Ground
from services.contracts.vocabulary import ReferenceKind, Role, Source
from services.kernel.reference import collect
from tests.support.references import beginnings
from tests.system.doors.operations import QUERIES
from tests.system.doors.standing import Standing

NOBODY: Final = "nobody"
_NAMED: Final = re.compile("«([a-z]+:[^»]*)»")
_CODES: Final = collect([entry for source in REFERENCE_SOURCES for entry in beginnings(source)]).entries


_GROUNDS: Final = [entry for entry in _CODES[ReferenceKind.GROUND].values() if isinstance(entry, Ground)]


def codes(kind: ReferenceKind) -> list[str]:
    """Return the codes of a kind, as the districts of tests have them."""
    known: Mapping[str, Entry] = _CODES.get(kind, {})
    return sorted(known)


@dataclass(frozen=True)
class Names:
    """What requests may name: values, and who sends them."""

    values: Sequence[str]
    holders: Sequence[str]

    def of(self, kind: str, *beginning: str) -> list[str]:
        """Return the names of a kind that begin in one of some ways, as they stand in requests."""
        begins = tuple(f"{kind}:{start}" for start in beginning or ("",))
        return [f"«{name}»" for name in self.values if name.startswith(begins)]


@dataclass
class Known:
    """Values by kind and name, and tokens by the name of who holds them."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    tokens: dict[str, str | None] = field(default_factory=lambda: {NOBODY: None})

    @property
    def names(self) -> "Names":
        """Return what requests may name."""
        return Names(sorted(self.values), sorted(self.tokens))

    def told(self, text: str) -> str:
        """Return a text with everything that it names exchanged for what it is."""
        return _NAMED.sub(lambda named: self.values.get(named[1], named[0]), text)

    def add(self, kind: str, name: str, value: str | None) -> None:
        """Remember a value."""
        if value:
            self.values[f"{kind}:{name}"] = value


_CHILDREN: Final = """query($id: ID!) { petition(id: $id) {
  timeline(first: 3) { pageInfo { endCursor } } evaluation { cases { id } }
  handling { workOrders { id } instructions { id } } } }"""
_PAGED: Final = "pageInfo { endCursor }"


async def know(world: Standing) -> Known:
    """Return what there is to know of a district now."""
    known = Known()
    for name, filed in world.petitions.items():
        known.add("petition", name, filed.id)
        known.add("code", name, filed.code)
        known.add("secret", name, filed.secret)
        known.add("position", name, filed.position)
        await _children(world, known, name, filed.id)
    for name, id_ in world.parked.items():
        known.add("parked", name, id_)
    await _tokens(world, known)
    await _cursors(world, known)
    return known


async def _children(world: Standing, known: Known, name: str, id_: str) -> None:
    """Add what belongs to a petition, in the services that have heard of it."""
    shown = (await world.district.ask(_CHILDREN, role="district_supervisor", id=id_)).data or {}
    petition: dict[str, Any] = shown.get("petition") or {}
    timeline: dict[str, Any] = petition.get("timeline") or {"pageInfo": {"endCursor": None}}
    known.add("cursor", f"timeline of {name}", timeline["pageInfo"]["endCursor"])
    handling, evaluation = petition.get("handling") or {}, petition.get("evaluation") or {}
    for kind, found in (
        ("case", evaluation.get("cases")),
        ("order", handling.get("workOrders")),
        ("instruction", handling.get("instructions")),
    ):
        for nth, one in enumerate(found or []):
            known.add(kind, f"{name} {nth}", one["id"])


async def _tokens(world: Standing, known: Known) -> None:
    for role in Role:
        if role in {Role.ANYONE, Role.SYSTEM}:
            continue
        for kind, foreign in (("own", False), ("foreign", True)):
            for nth, token in enumerate(await world.tokens(role, of="replied", foreign=foreign)):
                known.tokens[f"{role.value}, {kind} {nth}"] = token
    for name in ("in progress", "full of words"):
        known.tokens[f"resident of {name}"] = await world.people.resident(world.petitions[name])


async def _cursors(world: Standing, known: Known) -> None:
    for name, reading in QUERIES.items():
        if "first: " not in reading.arguments and not name.endswith(("Parked", "Discarded")):
            continue
        document = reading.document(name, world).replace(reading.select, f"{{ {_PAGED} }}").replace("100", "1")
        for role in ("district_supervisor", "street_committee", "representative", "operator"):
            answer = await world.district.ask(document, role=role)
            page: dict[str, Any] | None = (answer.data or {}).get(name)
            if page and (cursor := page["pageInfo"]["endCursor"]):
                known.add("cursor", name, cursor)
                for nth, instead in enumerate(_INSTEAD):
                    known.add("cursor", f"{name}, mutated {nth}", mutated(cursor, nth, instead))
                break


_INSTEAD: Final = (
    *("", "x", "0", "-1", "9" * 30, "\0", "字", "null", "1e400", "00000000-0000-0000-0000-000000000000"),
    *("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999-23:59", "2026-11-24T02:00:00", "intake", "１"),
)


def mutated(cursor: str, where: int, instead: str) -> str:
    """Return a cursor one of whose parts says something else."""
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
    except ValueError:
        return cursor
    parts[where % len(parts)] = instead
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode().rstrip("=")


BY_NAME: Final[Mapping[str, Sequence[str]]] = {
    "street": codes(ReferenceKind.STREET),
    "community": codes(ReferenceKind.COMMUNITY),
    "estate": codes(ReferenceKind.ESTATE),
    "category": codes(ReferenceKind.CATEGORY),
    "channel": codes(ReferenceKind.CHANNEL),
    "ground": codes(ReferenceKind.GROUND),
    "referral": codes(ReferenceKind.REFERRAL),
    "department": codes(ReferenceKind.DEPARTMENT),
    "proposed": codes(ReferenceKind.DEPARTMENT),
    "use": ["REOPEN", "LEDGER", "REJECT_ACCEPTANCE"],
    "locale": ["zh-CN", "en", "fr"],
    "subject": ["street_committee", "representative"],
    "idempotencyKey": ["a-key-for-all-of-them", "another-key", "0190d6e0-0000-7000-8000-000000000000"],
}
"""What is given at arguments and input fields of a name, besides what only a running district has."""

GROUNDS: Final[Mapping[str, Sequence[str]]] = {
    about: [entry.id for entry in _GROUNDS if use in entry.uses]
    for about, use in (
        ("rejectPetition", "REJECT_ACCEPTANCE"),
        ("declinePetition", "REJECT_SCREENING"),
        ("skipScreeningStep", "SKIP_STEP"),
        ("declineWorkOrder", "DECLINE_ORDER"),
        ("sendBackReply", "RETURN_REPLY"),
        ("reopenPetition", "REOPEN"),
        ("approveLedger", "LEDGER"),
    )
}
"""The grounds that fit an act."""

LIVE_BY_NAME: Final[Mapping[str, Sequence[str]]] = {
    "petitionId": ("petition", "parked"),
    "workOrderId": ("order",),
    "instructionId": ("instruction",),
    "id": ("petition", "order", "case"),
    "trackingCode": ("code",),
    "secret": ("secret",),
    "after": ("cursor",),
}
"""The kinds of what a running district has, at arguments and input fields of a name."""

_SUBMITTED: Final = ("fresh", "submitted", "fodder of intake")
FITTING: Final[Mapping[str, Sequence[str]]] = {
    **dict.fromkeys(("acceptPetition", "rejectPetition"), _SUBMITTED),
    "listenToPetition": ("accepted",),
    **dict.fromkeys(("lookAtPetition", "deliberateOnPetition", "skipScreeningStep"), ("listened",)),
    **dict.fromkeys(
        ("handOverPetition", "resolvePetitionOnSpot", "declinePetition", "nominatePetition"), ("screened",)
    ),
    **dict.fromkeys(("withdrawPetition", "addInformation"), ("in progress", "full of words", "replied")),
    "followPetition": ("fresh", "submitted", "in progress", "replied"),
    "assignWorkOrder": ("ready",),
    **dict.fromkeys(("acknowledgeWorkOrder", "declineWorkOrder"), ("assigned",)),
    "startWorkOrder": ("acknowledged",),
    **dict.fromkeys(("askResident", "replyToWorkOrder"), ("started", "in progress")),
    **dict.fromkeys(("pressPetition", "answerInstruction"), ("started", "in progress", "fodder")),
    "ruleOnWorkOrder": ("under ruling",),
    "sendBackReply": ("awaited", "replied"),
    **dict.fromkeys(("recordVisit", "recordVisitAttempt"), ("awaited", "replied", "attempted")),
    **dict.fromkeys(("closePetition", "reopenPetition"), ("visited", "awaited")),
    **dict.fromkeys(("approveLedger", "refuseLedger"), ("proposed",)),
    "openPetition": ("somebody else's",),
    **{f"replay{source.value.capitalize()}Parked": (source.value,) for source in Source},
    **{f"discard{source.value.capitalize()}Parked": (source.value,) for source in Source},
}
"""Of which petitions an act is possible at some moment: so that chance finds the moment more often."""
