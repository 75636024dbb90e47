"""What dispatch adds to the petition: its handling."""

from uuid import UUID

import strawberry
from strawberry import ID, federation

from services.contracts.vocabulary import Source
from services.dispatch.domain import access
from services.dispatch.domain import work_order as rules
from services.dispatch.schema.loaders import petition_loader
from services.dispatch.schema.supervision import Instruction, instruction
from services.dispatch.schema.work_order import WorkOrder, shown
from services.kernel.access import Rule, owns
from services.kernel.errors import NotFound
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.types import Deadline, deadline
from services.kernel.history import show_seen
from services.kernel.ids import PetitionId, parse_uuid


@strawberry.type(description="How a petition that was handed over is being handled, and what the supervisor demands.")
class Handling:
    """Dispatch's part of a petition."""

    it: strawberry.Private[rules.Petition]

    @strawberry.field(description="What of the other services' events this answer knows: `intake:7,feedback:1`.")
    def as_of(self) -> str:
        """Return what dispatch has applied."""
        return show_seen({**self.it.head.seen, Source.DISPATCH: self.it.head.sequence})

    @strawberry.field(description="The round it is in: 1, and one more after each reopening; 0 before a work order.")
    def cycle(self) -> int:
        """Return the cycle."""
        return self.it.head.cycle

    @strawberry.field(description="The work orders of all cycles, oldest first.")
    def work_orders(self) -> list[WorkOrder]:
        """Return the orders."""
        return [shown((self.it, order)) for order in self.it.orders]

    @strawberry.field(description="The supervisor's instructions, oldest first.")
    def instructions(self) -> list[Instruction] | None:
        """Return the instructions."""
        return [instruction(self.it, one) for one in self.it.instructions]

    @strawberry.field(
        description="Dispatch's running clocks; those of instructions are shown to whom the instructions are."
    )
    def deadlines(self, info: Info) -> list[Deadline]:
        """Return the open clocks."""
        shown = self.sees(info.context, access.INTERNAL)
        hidden = set[UUID]() if shown else {one.id for one in self.it.instructions}
        return [deadline(c) for c in self.it.head.clocks if c.is_open and c.about not in hidden]

    def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles."""
        return owns(context.actor, self.it.head.scope, rule.roles)


@federation.type(keys=["id"], description="What somebody said is wrong, from its words to its evaluated result.")
class Petition:
    """A petition that the actor may see; intake owns it."""

    it: strawberry.Private[rules.Petition | None]
    id: ID = strawberry.field(description="Its id in every service.")

    @strawberry.field(
        description="How it is being handled; null until it was handed over to dispatch (or, to those who read "
        "instructions, was pressed)."
    )
    def handling(self, info: Info) -> Handling | None:
        """Return dispatch's part."""
        if self.it is None:
            return None
        handling = Handling(it=self.it)
        return handling if self.it.orders or handling.sees(info.context, access.INTERNAL) else None

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Petition | None":
        """Resolve a petition that another service names.

        :raises NotFound: unknown here, or not the actor's own.
        """
        known = await petition_loader(info.context).load(PetitionId(parse_uuid(id, "id")))
        if known is None or not owns(info.context.actor, known.scope, access.READ.roles):
            raise NotFound("This petition")
        return Petition(it=known.petition, id=id)
