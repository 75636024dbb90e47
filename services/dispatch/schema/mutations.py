"""Dispatch's mutations, thin: parse, hand to a command, answer."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Protocol, TypeVar

import strawberry
from strawberry import ID

from services.dispatch.commands import assignment, handling, ruling
from services.dispatch.commands.answers import Changed
from services.dispatch.schema import inputs
from services.dispatch.schema.work_order import WorkOrder, shown
from services.kernel.access import Actor
from services.kernel.graphql.context import Context, Info
from services.kernel.ids import WorkOrderId, parse_uuid
from services.kernel.reference import References
from services.kernel.transaction import Transaction

Cmd = TypeVar("Cmd", contravariant=True)


class _Command(Protocol[Cmd]):
    """What all commands of dispatch look like."""

    def __call__(
        self, tx: Transaction, cmd: Cmd, references: References, *, by: Actor, now: datetime
    ) -> Awaitable[Changed]: ...


@strawberry.type(description="A work order as the mutation left it.")
class WorkOrderPayload:
    """The usual answer."""

    work_order: WorkOrder = strawberry.field(description="The work order.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


def _id(given: ID) -> WorkOrderId:
    return WorkOrderId(parse_uuid(given, "workOrderId"))


async def _do(info: Info, given: Any, command: _Command[Cmd], cmd: Cmd) -> WorkOrderPayload:
    """Run a command under the mutation's own name."""
    context: Context[None] = info.context
    references = await context.runtime.references.get()

    async def run(tx: Transaction) -> Changed:
        return await command(tx, cmd, references, by=context.actor, now=context.now())

    changed = await context.mutate(info.field_name, given, given.idempotency_key, Changed, run, only_decides=True)
    return WorkOrderPayload(work_order=shown((changed.petition, changed.work_order)), position=changed.position)


@strawberry.type
class WorkOrderMutation:
    """The acts of dispatch."""

    @strawberry.mutation(description="Make a department responsible.")
    async def assign_work_order(self, info: Info, input: inputs.AssignWorkOrderInput) -> WorkOrderPayload | None:
        """Assign."""
        cmd = assignment.AssignWorkOrder(_id(input.work_order_id), input.department, input.deadline_class, input.reason)
        return await _do(info, input, assignment.assign_work_order, cmd)

    @strawberry.mutation(description="Take an order; from here it cannot be declined.")
    async def acknowledge_work_order(
        self, info: Info, input: inputs.AcknowledgeWorkOrderInput
    ) -> WorkOrderPayload | None:
        """Acknowledge."""
        cmd = handling.AcknowledgeWorkOrder(_id(input.work_order_id))
        return await _do(info, input, handling.acknowledge_work_order, cmd)

    @strawberry.mutation(
        description="Hand an order back as not one's own; the second time the district supervisor rules.",
    )
    async def decline_work_order(self, info: Info, input: inputs.DeclineWorkOrderInput) -> WorkOrderPayload | None:
        """Decline."""
        cmd = assignment.DeclineWorkOrder(_id(input.work_order_id), input.ground, input.reason, input.proposed)
        return await _do(info, input, assignment.decline_work_order, cmd)

    @strawberry.mutation(description="Decide who is responsible, after the second decline.")
    async def rule_on_work_order(self, info: Info, input: inputs.RuleOnWorkOrderInput) -> WorkOrderPayload | None:
        """Rule."""
        cmd = ruling.RuleOnWorkOrder(_id(input.work_order_id), input.department, input.reason)
        return await _do(info, input, ruling.rule_on_work_order, cmd)

    @strawberry.mutation(description="Begin to work on an order.")
    async def start_work_order(self, info: Info, input: inputs.StartWorkOrderInput) -> WorkOrderPayload | None:
        """Start."""
        cmd = handling.StartWorkOrder(_id(input.work_order_id))
        return await _do(info, input, handling.start_work_order, cmd)

    @strawberry.mutation(description="Ask the resident something; handling pauses until the answer.")
    async def ask_resident(self, info: Info, input: inputs.AskResidentInput) -> WorkOrderPayload | None:
        """Ask."""
        cmd = handling.AskResident(_id(input.work_order_id), input.question)
        return await _do(info, input, handling.ask_resident, cmd)

    @strawberry.mutation(description="Answer the petition; a return visit follows.")
    async def reply_to_work_order(self, info: Info, input: inputs.ReplyToWorkOrderInput) -> WorkOrderPayload | None:
        """Reply."""
        cmd = handling.ReplyToWorkOrder(_id(input.work_order_id), input.words, input.measures)
        return await _do(info, input, handling.reply_to_work_order, cmd)

    @strawberry.mutation(description="Send a reply back, while no return visit is known.")
    async def send_back_reply(self, info: Info, input: inputs.SendBackReplyInput) -> WorkOrderPayload | None:
        """Send back."""
        cmd = handling.SendBackReply(_id(input.work_order_id), input.ground, input.reason)
        return await _do(info, input, handling.send_back_reply, cmd)
