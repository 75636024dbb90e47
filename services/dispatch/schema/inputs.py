"""Inputs of dispatch's mutations. Codes are as the public lists give them."""

import strawberry
from strawberry import ID

from services.contracts.vocabulary import DeadlineClass
from services.kernel.graphql.types import idempotency_key

_ORDER = "The work order's id."


@strawberry.input(description="Who will do it.")
class AssignWorkOrderInput:
    """An assignment."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    department: ID = strawberry.field(description="The department to be responsible.")
    deadline_class: DeadlineClass | None = strawberry.field(
        default=None, description="How long handling may take; without it as the handing over suggested."
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, if routing suggested otherwise; at most 1000 characters."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The department takes the order.")
class AcknowledgeWorkOrderInput:
    """An acknowledgement."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The matter is not the department's own.")
class DeclineWorkOrderInput:
    """A decline."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    ground: ID = strawberry.field(description="A ground for DECLINE_ORDER.")
    reason: str = strawberry.field(description="Why, at most 1000 characters.")
    proposed: ID | None = strawberry.field(default=None, description="The department whose matter it would be.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The district supervisor's decision on who is responsible.")
class RuleOnWorkOrderInput:
    """A ruling."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    department: ID = strawberry.field(description="The department to be responsible; it cannot decline.")
    reason: str = strawberry.field(description="Why, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Work begins.")
class StartWorkOrderInput:
    """A start."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What the department has to know from the resident.")
class AskResidentInput:
    """A question."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    question: str = strawberry.field(description="For the resident, at most 2000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The department's answer.")
class ReplyToWorkOrderInput:
    """A reply."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    words: str = strawberry.field(description="In plain words, for the resident, at most 4000 characters.")
    measures: str = strawberry.field(description="What was done, at most 4000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The reply is not good enough.")
class SendBackReplyInput:
    """A return."""

    work_order_id: ID = strawberry.field(description=_ORDER)
    ground: ID = strawberry.field(description="A ground for RETURN_REPLY.")
    reason: str = strawberry.field(description="What is missing, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What the district supervisor demands.")
class PressPetitionInput:
    """A pressing."""

    petition_id: ID = strawberry.field(description="The petition's id.")
    instruction: str = strawberry.field(
        description="What must be done or explained, 1 to 1000 characters, without phone or identity numbers."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The answer to an instruction.")
class AnswerInstructionInput:
    """An answer."""

    instruction_id: ID = strawberry.field(description="The instruction's id.")
    words: str = strawberry.field(
        description="What was done or why not yet, 1 to 4000 characters, without phone or identity numbers."
    )
    idempotency_key: str | None = idempotency_key()
