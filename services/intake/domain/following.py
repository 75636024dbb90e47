"""What the other services' events make of a petition at intake. What changes nothing returns None."""

from dataclasses import replace

from services.intake.domain.petition import Petition
from services.kernel.head import Decision


def learn_lead(petition: Petition, lead: str | None) -> Decision[Petition] | None:
    """Remember which department is responsible: it may read contact data through intake."""
    if petition.head.scope.lead == lead:
        return None
    scope = replace(petition.head.scope, lead=lead)
    return Decision(replace(petition, head=replace(petition.head, scope=scope)), ())


def learn_reply(petition: Petition, cycle: int, *, known: bool) -> Decision[Petition] | None:
    """Remember whether a reply of the present cycle stands: after it nothing is withdrawn or added."""
    if petition.head.cycle != cycle or petition.reply_known == known:
        return None
    return Decision(replace(petition, reply_known=known), ())


def learn_closing(petition: Petition) -> Decision[Petition] | None:
    """Remember that the case was closed, whatever is still heard of its reply: closing is final."""
    return None if petition.closed else Decision(replace(petition, closed=True), ())
