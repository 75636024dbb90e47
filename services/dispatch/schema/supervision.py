"""The supervisor's instructions: as they are shown, the desk of those who must answer, and the two acts."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import strawberry
from strawberry import ID

from services.dispatch.commands import supervision
from services.dispatch.commands.answers import Instructed
from services.dispatch.domain import access
from services.dispatch.domain import instruction as rules
from services.dispatch.domain.work_order import Petition as KnownPetition
from services.dispatch.queries import instructions
from services.dispatch.schema import inputs
from services.dispatch.schema.department import Department, department
from services.kernel.access import Actor, reach
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.types import (
    After,
    Deadline,
    First,
    PageInfo,
    cursor,
    deadline,
    page_size,
    parse_cursor,
)
from services.kernel.ids import InstructionId, PetitionId, parse_uuid
from services.kernel.reference import References
from services.kernel.transaction import Transaction

if TYPE_CHECKING:
    from services.dispatch.schema.petition import Petition

Cmd = TypeVar("Cmd", contravariant=True)


@strawberry.type(description="What was answered to an instruction of the district supervisor's.")
class InstructionAnswer:
    """An answer."""

    words: str = strawberry.field(description="What was done, or why not yet.")
    at: datetime = strawberry.field(description="When.")
    by_role: str = strawberry.field(description="In which role: department, department_head or street_committee.")


@strawberry.type(description="What the district supervisor demands of a petition (督办); it must be answered.")
class Instruction:
    """An instruction, to those whom it concerns."""

    of: strawberry.Private[KnownPetition]
    it: strawberry.Private[rules.Instruction]
    id: ID = strawberry.field(description="Its id.")
    words: str = strawberry.field(description="What must be done or explained.")
    pressed_at: datetime = strawberry.field(description="When it was given.")
    pressed_by_role: str = strawberry.field(description="In which role it was given: district_supervisor.")
    answer: InstructionAnswer | None = strawberry.field(description="The answer, once there is one.")
    lapsed_at: datetime | None = strawberry.field(description="When the petition ended without an answer to it.")

    @strawberry.field(description="Who led when it was given; null: nobody did, and the street committee answers.")
    async def department(self, info: Info) -> Department | None:
        """Return the department."""
        return await department(info, self.it.department)

    @strawberry.field(description="The running clock of its answer; empty once it is answered or lapsed.")
    def deadlines(self) -> list[Deadline]:
        """Return the open clock."""
        return [deadline(clock) for clock in self.of.head.clocks if clock.is_open and clock.about == self.it.id]

    @strawberry.field(description="The petition that it is about.")
    def petition(self) -> Annotated["Petition", strawberry.lazy("services.dispatch.schema.petition")] | None:
        """Return the petition, which the other services know more of."""
        from services.dispatch.schema.petition import Petition

        return Petition(it=self.of, id=ID(str(self.of.head.id)))


def instruction(petition: KnownPetition, it: rules.Instruction) -> Instruction:
    """Return an instruction as clients see it."""
    answer = it.answer
    return Instruction(
        of=petition,
        it=it,
        id=ID(str(it.id)),
        words=it.words,
        pressed_at=it.pressed_at,
        pressed_by_role=it.pressed_by.role.value,
        answer=InstructionAnswer(words=answer.words, at=answer.at, by_role=answer.by.role.value) if answer else None,
        lapsed_at=it.lapsed_at,
    )


@strawberry.type(description="An instruction in a list.")
class InstructionEdge:
    """An edge."""

    node: Instruction = strawberry.field(description="The instruction.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of instructions, oldest first.")
class InstructionConnection:
    """A connection."""

    edges: list[InstructionEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@strawberry.type
class InstructionQuery:
    """What must be answered."""

    @strawberry.field(
        description="The supervisor's instructions that must still be answered, oldest first.",
    )
    async def instructions_to_answer(
        self, info: Info, first: First = 20, after: After = None
    ) -> InstructionConnection | None:
        """Return a page."""
        parts = parse_cursor(after)
        found, more = await instructions.to_answer(
            info.context.reader,
            reach(info.context.actor, access.INSTRUCTIONS),
            after=InstructionId(parse_uuid(parts[0], "after")) if parts else None,
            first=page_size(first),
        )
        edges = [InstructionEdge(node=instruction(*one), cursor=cursor(str(one[1].id))) for one in found]
        return InstructionConnection(
            edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
        )


@strawberry.type(description="An instruction as the mutation left it.")
class InstructionPayload:
    """The usual answer."""

    instruction: Instruction = strawberry.field(description="The instruction.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


class _Command(Protocol[Cmd]):
    """What the two commands look like."""

    def __call__(
        self, tx: Transaction, cmd: Cmd, references: References, *, by: Actor, now: datetime
    ) -> Awaitable[Instructed]: ...


async def _do(info: Info, given: Any, command: _Command[Cmd], cmd: Cmd) -> InstructionPayload:
    """Run a command under the mutation's own name."""
    context: Context[None] = info.context
    references = await context.runtime.references.get()

    async def run(tx: Transaction) -> Instructed:
        return await command(tx, cmd, references, by=context.actor, now=context.now())

    done = await context.mutate(info.field_name, given, given.idempotency_key, Instructed, run)
    return InstructionPayload(instruction=instruction(done.petition, done.instruction), position=done.position)


@strawberry.type
class InstructionMutation:
    """Pressing, and answering."""

    @strawberry.mutation(
        description="Press a petition that is open with an instruction that must be answered, at any time.",
    )
    async def press_petition(self, info: Info, input: inputs.PressPetitionInput) -> InstructionPayload | None:
        """Press."""
        petition_id = PetitionId(parse_uuid(input.petition_id, "petitionId"))
        return await _do(
            info, input, supervision.press_petition, supervision.PressPetition(petition_id, input.instruction)
        )

    @strawberry.mutation(description="Answer an instruction of the supervisor's.")
    async def answer_instruction(self, info: Info, input: inputs.AnswerInstructionInput) -> InstructionPayload | None:
        """Answer."""
        instruction_id = InstructionId(parse_uuid(input.instruction_id, "instructionId"))
        return await _do(
            info, input, supervision.answer_instruction, supervision.AnswerInstruction(instruction_id, input.words)
        )
