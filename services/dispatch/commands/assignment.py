"""Assigning and declining: who will do it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.contracts.vocabulary import DeadlineClass
from services.dispatch.commands.answers import Changed
from services.dispatch.commands.lookup import known_department, own_order
from services.dispatch.domain import access, assignment
from services.dispatch.store import petitions
from services.kernel import text
from services.kernel.access import Actor, owner, require
from services.kernel.errors import InvalidInput
from services.kernel.grounds import known_ground
from services.kernel.ids import WorkOrderId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class AssignWorkOrder:
    """The department to be responsible; without a class the one that the handing over suggested."""

    work_order_id: WorkOrderId
    department: str
    deadline_class: DeadlineClass | None
    reason: str | None


async def assign_work_order(
    tx: Transaction, cmd: AssignWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Assign a pending work order; its acknowledgement and handling clocks start.

    :raises InvalidInput: an unknown department, or an over-long reason.
    :raises NotFound: it is not of the actor's street.
    :raises InvalidState: it is not PENDING.
    """
    require(by, access.ASSIGN)
    reason = text.optional(cmd.reason, "reason", longest=LONGEST_REASON)
    department = known_department(cmd.department, "department", references)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.ASSIGN)
    who = owner(by, petition.head.scope, access.ASSIGN)
    decision = assignment.assign(
        petition,
        order,
        department=department,
        deadline_class=cmd.deadline_class or order.deadline_class,
        reason=reason,
        terms=references.terms,
        by=who,
        now=now,
    )
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)


@dataclass(frozen=True, slots=True)
class DeclineWorkOrder:
    """Why the matter is not the department's own, and whose it would be."""

    work_order_id: WorkOrderId
    ground: str
    reason: str
    proposed: str | None


async def decline_work_order(
    tx: Transaction, cmd: DeclineWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Hand an assigned order back; the second time in a cycle the supervisor rules.

    :raises InvalidInput: a ground that is not for this, a missing reason, a proposal that is unknown or oneself.
    :raises NotFound: it is not the department's.
    :raises InvalidState: it is not ASSIGNED, or the supervisor has ruled.
    """
    who = require(by, access.HANDLE)
    reason = text.required(cmd.reason, "reason", longest=LONGEST_REASON)
    ground = known_ground(cmd.ground, "DECLINE_ORDER", references)
    proposed = known_department(cmd.proposed, "proposed", references) if cmd.proposed is not None else None
    petition, order = await own_order(tx, cmd.work_order_id, by, access.HANDLE)
    if proposed is not None and proposed == order.department:
        raise InvalidInput("proposed", f"{proposed!r} is the department that declines; propose another, or none.")
    decision = assignment.decline(
        petition,
        order,
        ground=ground.id,
        reason=reason,
        proposed=proposed,
        terms=references.terms,
        by=who,
        now=now,
    )
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)
