"""What dispatch's mutations answer, as it is kept under an idempotency key."""

import msgspec

from services.contracts.vocabulary import Source
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.kernel.ids import WorkOrderId
from services.kernel.read_after import Position, show


class Changed(msgspec.Struct, frozen=True):
    """A petition as a mutation left it, and the work order that it was about."""

    petition: Petition
    work_order_id: WorkOrderId

    @property
    def work_order(self) -> WorkOrder:
        """The work order as the mutation left it."""
        return self.petition.order(self.work_order_id)

    @property
    def position(self) -> str:
        """Where the change stands, for `Read-After`."""
        head = self.petition.head
        return show(Position(Source.DISPATCH, head.id, head.sequence))
