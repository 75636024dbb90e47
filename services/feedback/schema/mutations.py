"""Feedback's mutations, thin: parse, hand to a command, answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry import ID

from services.feedback.commands import closing, ledger, visits
from services.feedback.commands.answers import Changed
from services.feedback.domain.visits import Answers
from services.feedback.schema import inputs
from services.feedback.schema.petition import Petition, petition_of
from services.kernel.graphql.context import Context, Info
from services.kernel.ids import PetitionId, parse_uuid
from services.kernel.reference import References
from services.kernel.transaction import Transaction


@strawberry.type(description="A petition as a mutation of its evaluation left it.")
class EvaluationPayload:
    """The usual answer."""

    petition: Petition = strawberry.field(description="The petition.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


def _id(given: ID) -> PetitionId:
    return PetitionId(parse_uuid(given, "petitionId"))


async def _do(
    info: Info, given: Any, command: Callable[[Transaction, References], Awaitable[Changed]]
) -> EvaluationPayload:
    """Run a command under the mutation's own name, and show the petition as it left it."""
    context: Context[None] = info.context
    references = await context.runtime.references.get()
    done = await context.mutate(
        info.field_name, given, given.idempotency_key, Changed, lambda tx: command(tx, references), only_decides=True
    )
    return EvaluationPayload(petition=petition_of(done.petition), position=done.position)


@strawberry.type
class CaseMutation:
    """The acts of feedback."""

    @strawberry.mutation(description="Record that the resident was not met.")
    async def record_visit_attempt(self, info: Info, input: inputs.RecordVisitAttemptInput) -> EvaluationPayload | None:
        """Record an attempt."""
        context: Context[None] = info.context
        petition_id = _id(input.petition_id)
        return await _do(
            info,
            input,
            lambda tx, _: visits.record_attempt(
                tx, petition_id, input.means, input.comment, by=context.actor, now=context.now()
            ),
        )

    @strawberry.mutation(description="Record the return visit; not solved reopens.")
    async def record_visit(self, info: Info, input: inputs.RecordVisitInput) -> EvaluationPayload | None:
        """Record a visit."""
        context: Context[None] = info.context
        answers = Answers(input.reached, input.responded, input.solved, input.satisfied, input.ledger_proposed)
        cmd = visits.RecordVisit(_id(input.petition_id), input.means, answers, input.comment)
        return await _do(
            info,
            input,
            lambda tx, references: visits.record_visit(tx, cmd, references, by=context.actor, now=context.now()),
        )

    @strawberry.mutation(description="Close a visited petition.")
    async def close_petition(self, info: Info, input: inputs.ClosePetitionInput) -> EvaluationPayload | None:
        """Close."""
        context: Context[None] = info.context
        petition_id = _id(input.petition_id)
        return await _do(
            info,
            input,
            lambda tx, references: closing.close_petition(
                tx, petition_id, input.reason, references, by=context.actor, now=context.now()
            ),
        )

    @strawberry.mutation(description="Reopen what was solved to no satisfaction, with a cause.")
    async def reopen_petition(self, info: Info, input: inputs.ReopenPetitionInput) -> EvaluationPayload | None:
        """Reopen."""
        context: Context[None] = info.context
        petition_id = _id(input.petition_id)
        return await _do(
            info,
            input,
            lambda tx, references: closing.reopen_petition(
                tx, petition_id, input.ground, input.reason, references, by=context.actor, now=context.now()
            ),
        )

    @strawberry.mutation(description="Put a petition on the ledger (挂账).")
    async def approve_ledger(self, info: Info, input: inputs.ApproveLedgerInput) -> EvaluationPayload | None:
        """Approve the ledger."""
        context: Context[None] = info.context
        cmd = ledger.ApproveLedger(
            _id(input.petition_id), input.department, input.ground, input.reason, input.review_on
        )
        return await _do(
            info,
            input,
            lambda tx, references: ledger.approve_ledger(tx, cmd, references, by=context.actor, now=context.now()),
        )

    @strawberry.mutation(description="Refuse the ledger: the petition is reopened.")
    async def refuse_ledger(self, info: Info, input: inputs.RefuseLedgerInput) -> EvaluationPayload | None:
        """Refuse the ledger."""
        context: Context[None] = info.context
        petition_id = _id(input.petition_id)
        return await _do(
            info,
            input,
            lambda tx, references: ledger.refuse_ledger(
                tx, petition_id, input.reason, references, by=context.actor, now=context.now()
            ),
        )
