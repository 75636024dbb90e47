"""Erasing personal data: beside the state machine, possible in every state, and it moves none."""

from uuid import UUID

from services.contracts.event import Who
from services.contracts.intake import PetitionPersonalDataErased
from services.intake.domain.petition import Petition
from services.kernel.head import Decision, decided


def erase(petition: Petition, receipt: UUID, *, by: Who) -> Decision[Petition]:
    """Let everybody know who may have copied contact data: theirs is to be erased too."""
    return decided(petition, PetitionPersonalDataErased(by=by, receipt=receipt))
