"""What dispatch's mutations answer, as it is kept under an idempotency key."""

import msgspec

from services.contracts.vocabulary import Source
from services.dispatch.domain.instruction import Instruction
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.kernel.ids import InstructionId, WorkOrderId
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
        return _position(self.petition)


class Instructed(msgspec.Struct, frozen=True):
    """A petition as a mutation left it, and the supervisor's instruction that it was about."""

    petition: Petition
    instruction_id: InstructionId

    @property
    def instruction(self) -> Instruction:
        """The instruction as the mutation left it."""
        return self.petition.instruction(self.instruction_id)

    @property
    def position(self) -> str:
        """Where the change stands, for `Read-After`."""
        return _position(self.petition)


def _position(petition: Petition) -> str:
    return show(Position(Source.DISPATCH, petition.head.id, petition.head.sequence))
