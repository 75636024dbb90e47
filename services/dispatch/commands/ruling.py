"""Ruling on who is responsible."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.commands.answers import Changed
from services.dispatch.commands.assignment import LONGEST_REASON
from services.dispatch.commands.lookup import known_department, own_order
from services.dispatch.domain import access, ruling
from services.dispatch.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.ids import WorkOrderId
from services.kernel.reference import References
from services.kernel.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RuleOnWorkOrder:
    """The department that the supervisor makes responsible, and why."""

    work_order_id: WorkOrderId
    department: str
    reason: str


async def rule_on_work_order(
    tx: Transaction, cmd: RuleOnWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Decide who is responsible after the second decline; this cannot be declined.

    :raises InvalidInput: an unknown department, or a missing reason.
    :raises InvalidState: it is not UNDER_RULING.
    """
    who = require(by, access.RULE)
    reason = text.required(cmd.reason, "reason", longest=LONGEST_REASON)
    department = known_department(cmd.department, "department", references)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.RULE)
    decision = ruling.rule(
        petition, order, department=department, reason=reason, terms=references.terms, by=who, now=now
    )
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)
