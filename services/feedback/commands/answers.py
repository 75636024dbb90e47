"""What feedback's mutations answer, as it is kept under an idempotency key."""

import msgspec

from services.contracts.vocabulary import Source
from services.feedback.domain.case import Petition
from services.kernel.read_after import Position, show


class Changed(msgspec.Struct, frozen=True):
    """A petition as a mutation left it."""

    petition: Petition

    @property
    def position(self) -> str:
        """Where the change stands, for `Read-After`."""
        head = self.petition.head
        return show(Position(Source.FEEDBACK, head.id, head.sequence))
