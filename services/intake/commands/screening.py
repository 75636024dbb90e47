"""Listen, look, deliberate, handle: the steps of screening as commands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.contracts.reference import Department
from services.contracts.vocabulary import DeadlineClass, ScreeningStep
from services.intake.commands.answers import Changed
from services.intake.domain import access, screening
from services.intake.domain.petition import Petition, allowed
from services.intake.domain.screening import HandingOver
from services.intake.store import petitions
from services.kernel import text
from services.kernel.access import Actor, Rule, owner, require, require_own
from services.kernel.errors import InvalidInput, InvalidState
from services.kernel.grounds import known_ground
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_FINDINGS: Final = 4_000
LONGEST_REQUEST_BYTES: Final = 4_096
LONGEST_REASON: Final = 1_000


def _plain(value: str, field: str) -> str:
    # Several roles read it that may not see contact data.
    return text.without_numbers(text.required(value, field, longest=LONGEST_FINDINGS), field)


async def _own(tx: Transaction, petition_id: PetitionId, by: Actor, rule: Rule) -> Petition:
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, rule, "This petition")
    return petition


async def listen(tx: Transaction, petition_id: PetitionId, said: str, *, by: Actor, now: datetime) -> Changed:
    """LISTEN: record what was said, and by whom."""
    require(by, access.LISTEN)
    heard = _plain(said, "said")
    petition = await _own(tx, petition_id, by, access.LISTEN)
    who = owner(by, petition.head.scope, access.LISTEN)
    return Changed(await petitions.save(tx, petition, screening.listen(petition, said=heard, by=who), now=now))


async def look(tx: Transaction, petition_id: PetitionId, findings: str, *, by: Actor, now: datetime) -> Changed:
    """LOOK: record what was found at the place."""
    require(by, access.TAKE_PART)
    found = _plain(findings, "findings")
    petition = await _own(tx, petition_id, by, access.TAKE_PART)
    who = owner(by, petition.head.scope, access.TAKE_PART)
    return Changed(await petitions.save(tx, petition, screening.look(petition, findings=found, by=who), now=now))


async def deliberate(
    tx: Transaction, petition_id: PetitionId, outcome: str, participants: int, *, by: Actor, now: datetime
) -> Changed:
    """DELIBERATE: record the outcome and how many weighed it."""
    require(by, access.TAKE_PART)
    came_to = _plain(outcome, "outcome")
    if not 1 <= participants <= 10_000:
        raise InvalidInput("participants", "participants must be from 1 to 10000.")
    petition = await _own(tx, petition_id, by, access.TAKE_PART)
    who = owner(by, petition.head.scope, access.TAKE_PART)
    decision = screening.deliberate(petition, outcome=came_to, participants=participants, by=who)
    return Changed(await petitions.save(tx, petition, decision, now=now))


@dataclass(frozen=True, slots=True)
class SkipStep:
    """The fast track: LOOK or DELIBERATE left out, with ground and reason."""

    petition_id: PetitionId
    step: ScreeningStep
    ground: str
    reason: str


async def skip_step(tx: Transaction, cmd: SkipStep, references: References, *, by: Actor, now: datetime) -> Changed:
    """Leave LOOK or DELIBERATE out; who and why are recorded."""
    who = require(by, access.DECIDE)
    reason = text.required(cmd.reason, "reason", longest=LONGEST_REASON)
    if cmd.step not in {ScreeningStep.LOOK, ScreeningStep.DELIBERATE}:
        raise InvalidInput("step", "Only LOOK and DELIBERATE can be skipped.")
    ground = known_ground(cmd.ground, "SKIP_STEP", references)
    petition = await _own(tx, cmd.petition_id, by, access.DECIDE)
    decision = screening.skip(petition, cmd.step, ground=ground.id, reason=reason, by=who)
    return Changed(await petitions.save(tx, petition, decision, now=now))


@dataclass(frozen=True, slots=True)
class HandOver:
    """What is asked of a department; without one, routing suggests."""

    petition_id: PetitionId
    request: str
    department: str | None
    deadline_class: DeadlineClass


async def hand_over(tx: Transaction, cmd: HandOver, references: References, *, by: Actor, now: datetime) -> Changed:
    """HANDLE: hand the petition over to dispatch.

    :raises InvalidInput: request missing, over 4 kB or with a phone or identity number; unknown department.
    :raises InvalidState: DELIBERATE is neither done nor skipped.
    """
    who = require(by, access.DECIDE)
    request = text.without_numbers(text.required(cmd.request, "request", longest=LONGEST_REQUEST_BYTES), "request")
    if len(request.encode()) > LONGEST_REQUEST_BYTES:
        raise InvalidInput("request", f"request has {len(request.encode())} bytes; at most 4096 are possible.")
    if cmd.department is not None and references.find(Department, cmd.department) is None:
        raise InvalidInput("department", "There is no such department; the query departments lists them.")
    petition = await _own(tx, cmd.petition_id, by, access.DECIDE)
    asked = HandingOver(request, cmd.department, cmd.deadline_class)
    decision = screening.hand_over(petition, asked, references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))


async def nominate(tx: Transaction, petition_id: PetitionId, *, by: Actor) -> Changed:
    """HANDLE: propose a petition for the annual projects, which are not open for candidates yet.

    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: always, with what is possible instead.
    """
    require(by, access.DECIDE)
    petition = await _own(tx, petition_id, by, access.DECIDE)
    possible = [act.value for act in allowed(petition)]
    raise InvalidState("NOMINATE", petition.state.value, possible, "annual projects are not open for candidates yet")


async def resolve_on_spot(
    tx: Transaction,
    petition_id: PetitionId,
    measures: str,
    references: References,
    *,
    by: Actor,
    now: datetime,
) -> Changed:
    """HANDLE: record that the matter was solved on the spot, and what was done."""
    who = require(by, access.DECIDE)
    done = _plain(measures, "measures")
    petition = await _own(tx, petition_id, by, access.DECIDE)
    decision = screening.resolve_on_spot(petition, measures=done, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))
