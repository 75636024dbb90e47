"""The petition as intake shows it, and intake's desks."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import ID, federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from services.contracts import reference as r
from services.contracts.labels import event_label, label
from services.contracts.vocabulary import (
    DeadlineClass,
    Extent,
    PetitionKind,
    PetitionState,
    ScreeningStep,
    Source,
    Urgency,
)
from services.intake.domain import access
from services.intake.domain import petition as rules
from services.intake.queries import petitions
from services.intake.queries.petitions import Wanted
from services.intake.schema.loaders import petition_loader, remark_loader
from services.intake.schema.reference import Code, Community, Representative, code, community, representative
from services.kernel.access import Rule, owns, reach
from services.kernel.errors import InvalidInput, NotFound
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.types import (
    After,
    Deadline,
    First,
    Locale,
    PageInfo,
    cursor,
    deadline,
    page_size,
    parse_cursor,
)
from services.kernel.history import show_seen
from services.kernel.ids import PetitionId, parse_tracking_code, parse_uuid, show_tracking_code


@federation.type(
    keys=[Key(fields=FieldSet("id"), resolvable=False)],
    description="A department, as the dispatch service knows it.",
)
class Department:
    """A reference to an entity of dispatch's."""

    id: ID = strawberry.field(description="Its code.")


@strawberry.type(description="Why and with what advice a petition was rejected.")
class Rejection:
    """Ground, reason and referral."""

    of: strawberry.Private[rules.Petition]
    ground: Code | None = strawberry.field(description="The ground, from the list.")
    reason: str | None = strawberry.field(description="The reason, in the resident's language.")
    referral: Code | None = strawberry.field(description="Where to go with the matter.")

    def sees(self, context: Context[Any], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles."""
        return owns(context.actor, self.of.head.scope, rule.roles)


@strawberry.type(description="What a person wrote at an act of intake's.")
class Remark:
    """A remark; personal data is masked in what residents wrote."""

    type: str = strawberry.field(description="The event's type.")
    at: datetime = strawberry.field(description="When.")
    role: str = strawberry.field(description="In which role it was written.")
    text: str = strawberry.field(description="What was written.")

    @strawberry.field(description="What was done.")
    def label(self, locale: Locale = "zh-CN") -> str:
        """Return the event's label."""
        return event_label(self.type, locale)


@federation.type(keys=["id"], description="What somebody said is wrong, from its words to its evaluated result.")
class Petition:
    """A petition that the actor may see."""

    it: strawberry.Private[rules.Petition]
    id: ID = strawberry.field(description="Its id in every service.")

    @strawberry.field(description="The code that people follow it by.")
    def tracking_code(self) -> str | None:
        """Return the code as it is printed."""
        return show_tracking_code(self.it.tracking_code)

    @strawberry.field(description="Where it stands at intake.")
    def state(self) -> PetitionState | None:
        """Return the state."""
        return self.it.state

    @strawberry.field(description="Where it stands at intake, for people.")
    def state_label(self, locale: Locale = "zh-CN") -> str | None:
        """Return the state's label."""
        return label(self.it.state, locale)

    @strawberry.field(description="Acts that are possible now, whoever may do them.")
    def allowed_acts(self) -> list[str] | None:
        """Return the acts of intake's state machine."""
        return [act.value for act in rules.allowed(self.it)]

    @strawberry.field(description="The round it is in: 1, and one more after each reopening.")
    def cycle(self) -> int | None:
        """Return the cycle."""
        return self.it.head.cycle

    @strawberry.field(description="Demand, suggestion or dispute.")
    def kind(self) -> PetitionKind | None:
        """Return the kind."""
        return self.it.kind

    @strawberry.field(description="Demand, suggestion or dispute, for people.")
    def kind_label(self, locale: Locale = "zh-CN") -> str | None:
        """Return the kind's label."""
        return label(self.it.kind, locale)

    @strawberry.field(description="The way in.")
    async def channel(self, info: Info) -> Code | None:
        """Return the channel."""
        entry = (await info.context.runtime.references.get()).ever(r.Channel, self.it.channel)
        return code(entry) if entry else None

    @strawberry.field(description="The community that it is about.")
    async def community(self, info: Info) -> Community | None:
        """Return the community."""
        entry = (await info.context.runtime.references.get()).ever(r.Community, self.it.head.scope.community)
        return community(entry) if entry else None

    @strawberry.field(description="The estate, lane or building that it is about.")
    async def estate(self, info: Info) -> Code | None:
        """Return the estate."""
        entry = (await info.context.runtime.references.get()).ever(r.Estate, self.it.estate or "")
        return code(entry) if entry else None

    @strawberry.field(description="The representative who recorded it.")
    async def representative(self, info: Info) -> Representative | None:
        """Return the representative."""
        entry = (await info.context.runtime.references.get()).ever(r.Representative, self.it.representative or "")
        return representative(entry) if entry else None

    @strawberry.field(description="The representatives who follow it to its end: who recorded it, and who took it on.")
    async def followed_by(self, info: Info) -> list[Representative] | None:
        """Return the representatives in the order in which they began to follow it."""
        known = await info.context.runtime.references.get()
        entries = (known.ever(r.Representative, follower) for follower in self.it.head.scope.followers)
        return [representative(entry) for entry in entries if entry]

    @strawberry.field(description="When it was submitted.")
    def submitted_at(self) -> datetime | None:
        """Return the domain time of the submission."""
        return self.it.submitted_at

    @strawberry.field(description="The street committee's title; from acceptance on.")
    def title(self) -> str | None:
        """Return the title."""
        return self.it.title

    @strawberry.field(description="What it is about; from acceptance on.")
    async def category(self, info: Info) -> Code | None:
        """Return the category."""
        entry = (await info.context.runtime.references.get()).ever(r.Category, self.it.category or "")
        return code(entry) if entry else None

    @strawberry.field(description="Whether it is urgent; from acceptance on.")
    def urgency(self) -> Urgency | None:
        """Return the urgency."""
        return self.it.urgency

    @strawberry.field(description="How far the matter reaches; from acceptance on.")
    def extent(self) -> Extent | None:
        """Return the extent."""
        return self.it.extent

    @strawberry.field(description="The screening steps that were taken or skipped in this cycle.")
    def steps(self) -> list[ScreeningStep] | None:
        """Return the steps in order."""
        return list(self.it.steps)

    @strawberry.field(description="What is asked of the department; once handed over.")
    def request(self) -> str | None:
        """Return the request."""
        return self.it.request

    @strawberry.field(description="How long handling may take; once handed over.")
    def deadline_class(self) -> DeadlineClass | None:
        """Return the class."""
        return self.it.deadline_class

    @strawberry.field(description="The department that the street committee proposed; once handed over.")
    def proposed_department(self) -> Department | None:
        """Return a reference to the department."""
        return Department(id=ID(self.it.department)) if self.it.department else None

    @strawberry.field(description="What was done on the spot; for RESOLVED_ON_SPOT.")
    def measures(self) -> str | None:
        """Return the measures."""
        return self.it.measures

    @strawberry.field(description="Why it was rejected; for REJECTED.")
    async def rejection(self, info: Info) -> Rejection | None:
        """Return ground, reason and referral."""
        if self.it.ground is None:
            return None
        known = await info.context.runtime.references.get()
        ground = known.ever(r.Ground, self.it.ground)
        referral = known.ever(r.Referral, self.it.referral or "")
        return Rejection(
            of=self.it,
            ground=code(ground) if ground else None,
            reason=self.it.reason or "",
            referral=code(referral) if referral else None,
        )

    @strawberry.field(description="What was said, with personal data masked.")
    def working_text(self) -> str | None:
        """Return the working text."""
        return self.it.working_text

    @strawberry.field(description="What people wrote at intake's acts.")
    async def remarks(self, info: Info) -> list[Remark] | None:
        """Return the remarks."""
        found = await remark_loader(info.context).load(self.it.head.id)
        return [Remark(type=m.type, at=m.at, role=m.role, text=m.text) for m in found]

    @strawberry.field(description="Intake's running clocks.")
    def deadlines(self) -> list[Deadline] | None:
        """Return the open clocks."""
        return [deadline(clock) for clock in self.it.head.clocks if clock.is_open]

    @strawberry.field(description="What of the other services' events this answer knows: `dispatch:3,feedback:1`.")
    def as_of(self) -> str | None:
        """Return what intake has applied."""
        return show_seen({**self.it.head.seen, Source.INTAKE: self.it.head.sequence})

    def sees(self, context: Context[Any], rule: Rule) -> bool:
        """Tell whether it is the actor's own in one of the rule's roles."""
        return owns(context.actor, self.it.head.scope, rule.roles)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Petition | None":
        """Resolve a petition that another service names.

        :raises NotFound: unknown, or not the actor's own.
        """
        return visible(info, await petition_loader(info.context).load(PetitionId(parse_uuid(id, "id"))))


def visible(info: Info, found: rules.Petition | None) -> Petition:
    """Return a petition as the actor sees it.

    :raises NotFound: unknown, or not the actor's own.
    """
    if found is None or not owns(info.context.actor, found.head.scope, access.READ.roles):
        raise NotFound("This petition")
    return Petition(it=found, id=ID(str(found.head.id)))


@strawberry.type(description="A petition in a list.")
class PetitionEdge:
    """An edge."""

    node: Petition = strawberry.field(description="The petition.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of petitions, oldest first.")
class PetitionConnection:
    """A connection."""

    edges: list[PetitionEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


Street = Annotated[ID | None, strawberry.argument(description="Only of this street.")]
DueBefore = Annotated[
    datetime | None, strawberry.argument(description="Only with a running clock that is due before this.")
]


async def _page(info: Info, wanted: Wanted) -> PetitionConnection:
    page_size(wanted.first)
    await check_filters(info, street=wanted.street, community=wanted.community, category=wanted.category)
    found, more = await petitions.page(info.context.reader, reach(info.context.actor, access.DESK), wanted)
    edges = [PetitionEdge(node=Petition(it=p, id=ID(str(p.head.id))), cursor=cursor(str(p.head.id))) for p in found]
    return PetitionConnection(
        edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
    )


@strawberry.type
class PetitionQuery:
    """One petition, and the desks."""

    @strawberry.field(description="One petition, by id or by tracking code.")
    async def petition(self, info: Info, id: ID | None = None, tracking_code: str | None = None) -> Petition | None:
        """Return a petition of the actor's own."""
        if (id is None) == (tracking_code is None):
            raise InvalidInput("id", "Give either id or trackingCode.")
        if id is not None:
            return visible(info, await petition_loader(info.context).load(PetitionId(parse_uuid(id, "id"))))
        code_ = parse_tracking_code(tracking_code or "")
        return visible(info, await petitions.by_code(info.context.reader, code_))

    @strawberry.field(description="Petitions of the actor's own, oldest first.")
    async def petitions(
        self,
        info: Info,
        states: list[PetitionState] | None = None,
        street: Street = None,
        community: ID | None = None,
        category: ID | None = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> PetitionConnection | None:
        """Return a page."""
        return await _page(info, Wanted(states, street, community, category, due_before, _after(after), first))

    @strawberry.field(description="The acceptance desk: what waits to be accepted.")
    async def petitions_to_accept(
        self,
        info: Info,
        street: Street = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> PetitionConnection | None:
        """Return a page of SUBMITTED petitions."""
        states = [PetitionState.SUBMITTED]
        return await _page(info, Wanted(states, street, None, None, due_before, _after(after), first))

    @strawberry.field(description="The screening desk: what is being screened.")
    async def petitions_to_screen(
        self,
        info: Info,
        street: Street = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> PetitionConnection | None:
        """Return a page of ACCEPTED and SCREENING petitions."""
        states = [PetitionState.ACCEPTED, PetitionState.SCREENING]
        return await _page(info, Wanted(states, street, None, None, due_before, _after(after), first))


def _after(after: str | None) -> PetitionId | None:
    parts = parse_cursor(after)
    return PetitionId(parse_uuid(parts[0], "after")) if parts else None
