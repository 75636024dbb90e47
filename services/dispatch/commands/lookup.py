"""What an act names, found or refused: the work order, departments; and the routing table."""

from services.contracts.reference import Category, Community, Department, RoutingRule, Street
from services.dispatch.domain.routing import Table
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.dispatch.store import petitions
from services.kernel.access import Actor, Rule, require_own
from services.kernel.errors import InvalidInput
from services.kernel.ids import WorkOrderId
from services.kernel.reference import References
from services.kernel.transaction import Transaction


async def own_order(tx: Transaction, order_id: WorkOrderId, by: Actor, rule: Rule) -> tuple[Petition, WorkOrder]:
    """Lock the petition of a work order and load both.

    :raises NotFound: unknown, or not the actor's own.
    """
    petition, order = await petitions.lock_order(tx, order_id)
    require_own(by, petition.head.scope, rule, "This work order")
    return petition, order


def known_department(code: str, field: str, references: References) -> str:
    """Return a department that is in use.

    :raises InvalidInput: there is none of this code.
    """
    if references.find(Department, code) is None:
        raise InvalidInput(field, "There is no such department; the query departments lists them.")
    return code


def routing_table(references: References) -> Table:
    """Return the routing rules in use, and the names for their explanations."""
    return Table(
        rules=references.all(RoutingRule),
        departments={e.id: e for e in references.all(Department)},
        categories={e.id: e for e in references.all(Category)},
        streets={e.id: e for e in references.all(Street)},
        communities={e.id: e for e in references.all(Community)},
    )
