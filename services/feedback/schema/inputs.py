"""Inputs of feedback's mutations. All are about the petition's present case: residents know no other id."""

from datetime import date

import strawberry
from strawberry import ID

from services.contracts.vocabulary import VisitMeans
from services.kernel.graphql.types import idempotency_key

_PETITION = "The petition's id."


@strawberry.input(description="A failed attempt: the resident was not met. One a day counts.")
class RecordVisitAttemptInput:
    """An attempt."""

    petition_id: ID = strawberry.field(description=_PETITION)
    means: VisitMeans = strawberry.field(description="How it was tried.")
    comment: str | None = strawberry.field(
        default=None, description="A note, at most 1000 characters, without phone or identity numbers."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The return visit's three answers, or that the resident was not reached.")
class RecordVisitInput:
    """A visit."""

    petition_id: ID = strawberry.field(description=_PETITION)
    means: VisitMeans = strawberry.field(description="How it was made; FORM for the resident's own answer.")
    reached: bool = strawberry.field(
        default=True, description="False only after three failed attempts on different days; then no answers."
    )
    responded: bool | None = strawberry.field(default=None, description="Was the resident contacted?")
    solved: bool | None = strawberry.field(default=None, description="Is it solved? If not, the petition is reopened.")
    satisfied: bool | None = strawberry.field(default=None, description="Is the resident satisfied?")
    ledger_proposed: bool = strawberry.field(
        default=False, description="Not solved, and it honestly cannot be done now: the street committee decides."
    )
    comment: str | None = strawberry.field(
        default=None, description="A note, at most 1000 characters, without phone or identity numbers."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Closing, before the time for it runs out.")
class ClosePetitionInput:
    """A closing."""

    petition_id: ID = strawberry.field(description=_PETITION)
    reason: str | None = strawberry.field(default=None, description="A remark, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Reopening what was solved to no satisfaction.")
class ReopenPetitionInput:
    """A reopening."""

    petition_id: ID = strawberry.field(description=_PETITION)
    ground: ID = strawberry.field(description="A ground for REOPEN: what can be acted on.")
    reason: str = strawberry.field(description="Why, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The committee's yes to the ledger.")
class ApproveLedgerInput:
    """An approval."""

    petition_id: ID = strawberry.field(description=_PETITION)
    department: ID = strawberry.field(description="Who is responsible.")
    ground: ID = strawberry.field(description="A ground for LEDGER.")
    reason: str = strawberry.field(description="Why it cannot be done now, at most 1000 characters.")
    review_on: date = strawberry.field(description="The day of the next visit, within two years.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The committee's no to the ledger: the petition goes round again.")
class RefuseLedgerInput:
    """A refusal."""

    petition_id: ID = strawberry.field(description=_PETITION)
    reason: str = strawberry.field(description="Why, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()
