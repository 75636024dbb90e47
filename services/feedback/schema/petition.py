"""What feedback adds to the petition: its stage, its timeline, its evaluation; and petitions by stage."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import ID, federation

from services.contracts.labels import label
from services.contracts.vocabulary import CaseState, Source, Stage
from services.feedback.domain import access, reopening
from services.feedback.domain import case as rules
from services.feedback.queries import stages as staged
from services.feedback.queries.petitions import Known
from services.feedback.queries.timelines import Wanted
from services.feedback.schema import case as cases
from services.feedback.schema.case import Attempt, Case, LedgerEntry, Reopening, Visit, case_of
from services.feedback.schema.loaders import petition_loader, timeline_loader
from services.feedback.schema.timeline import TimelineConnection, TimelineEdge, entry_of, place_of, timeline_cursor
from services.kernel.access import reach
from services.kernel.errors import NotFound
from services.kernel.graphql.context import Info
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
from services.kernel.ids import PetitionId, parse_uuid, show_tracking_code


@strawberry.type(description="How a petition was evaluated. It begins with the first reply.")
class Evaluation:
    """Feedback's part of a petition."""

    of: strawberry.Private[rules.Petition]
    it: strawberry.Private[rules.Case]

    @strawberry.field(description="What of the services' events this answer knows: `intake:9,dispatch:12,feedback:3`.")
    def as_of(self) -> str:
        """Return what feedback has applied."""
        return show_seen({**self.of.head.seen, Source.FEEDBACK: self.of.head.sequence})

    @strawberry.field(description="Where the present case stands.")
    def state(self) -> CaseState:
        """Return the state."""
        return self.it.state

    @strawberry.field(description="Where the present case stands, for people.")
    def state_label(self, locale: Locale = "zh-CN") -> str:
        """Return the state's label."""
        return label(self.it.state, locale)

    @strawberry.field(description="Acts that are possible now, whoever may do them.")
    def allowed_acts(self) -> list[str]:
        """Return the acts of feedback's state machine."""
        return [act.value for act in rules.allowed(self.it)]

    @strawberry.field(description="The round of the present case.")
    def cycle(self) -> int:
        """Return the cycle."""
        return self.it.cycle

    @strawberry.field(description="How often the petition was reopened.")
    def reopened(self) -> int:
        """Return the count."""
        return self.of.reopened

    @strawberry.field(description="Whether it is under the supervisor's eye: reopened twice or more.")
    def supervised(self) -> bool:
        """Tell whether it is supervised."""
        return self.of.reopened >= reopening.SUPERVISED_FROM

    @strawberry.field(description="The return visits of the present case, oldest first.")
    def visits(self) -> list[Visit]:
        """Return the visits."""
        return cases.visits(self.of, self.it)

    @strawberry.field(description="The failed attempts since a visit was last scheduled.")
    def attempts(self) -> list[Attempt]:
        """Return the attempts."""
        return cases.attempts(self.of, self.it)

    @strawberry.field(description="The cases of all rounds, oldest first.")
    def cases(self) -> list[Case]:
        """Return the cases."""
        return [case_of(self.of, case) for case in self.of.cases]

    @strawberry.field(description="Feedback's running clocks.")
    def deadlines(self) -> list[Deadline]:
        """Return the open clocks."""
        return [deadline(clock) for clock in self.of.head.clocks if clock.is_open]

    @strawberry.field(description="What could not be done; null if the present case never was on the ledger.")
    def ledger(self) -> LedgerEntry | None:
        """Return the ledger entry."""
        return cases.ledger(self.of, self.it)

    @strawberry.field(description="Why the present case was reopened; for REOPENED.")
    def reopening(self) -> Reopening | None:
        """Return the cause."""
        return cases.reopening(self.of, self.it)


@federation.type(keys=["id"], description="What somebody said is wrong, from its words to its evaluated result.")
class Petition:
    """A petition that the actor may see."""

    it: strawberry.Private[rules.Petition | None]
    id: ID = strawberry.field(description="Its id in every service.")

    @strawberry.field(description="The stage of the five-people method (五民工作法) that it is in.")
    async def stage(self, info: Info) -> Stage | None:
        """Return the overall stage."""
        return await self._stage(info)

    @strawberry.field(description="The stage that it is in, for people.")
    async def stage_label(self, info: Info, locale: Locale = "zh-CN") -> str | None:
        """Return the stage's label."""
        return label(await self._stage(info), locale)

    async def _stage(self, info: Info) -> Stage:
        known = await petition_loader(info.context).load(self._id())
        # What this service has a decision about, it has heard of.
        return known.stage if known else Stage.EVALUATE

    @strawberry.field(
        description="The story of all services' events, as the five-people method tells it. Residents are told it "
        "without clocks and without what departments pass among themselves."
    )
    async def timeline(self, info: Info, first: First = 20, after: After = None) -> TimelineConnection | None:
        """Return a page."""
        wanted = Wanted(self._id(), page_size(first), place_of(after))
        page = await timeline_loader(info.context).load(wanted)
        edges = [TimelineEdge(node=entry_of(told), cursor=timeline_cursor(told.place)) for told in page.told]
        end = edges[-1].cursor if edges else None
        return TimelineConnection(edges=edges, page_info=PageInfo(has_next_page=page.more, end_cursor=end))

    @strawberry.field(description="How it was evaluated; null before the first reply.")
    def evaluation(self) -> Evaluation | None:
        """Return the evaluation."""
        if self.it is None or self.it.case is None:
            return None
        return Evaluation(of=self.it, it=self.it.case)

    def _id(self) -> PetitionId:
        return PetitionId(parse_uuid(self.id, "id"))

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "Petition | None":
        """Resolve a petition that another service names.

        :raises NotFound: unknown, or not the actor's own.
        """
        return visible(info, await petition_loader(info.context).load(PetitionId(parse_uuid(id, "id"))))


def petition_of(petition: rules.Petition) -> Petition:
    """Return a petition about which feedback has decided something."""
    return Petition(it=petition, id=ID(str(petition.head.id)))


def own_petition(info: Info, known: Known | None) -> Petition | None:
    """Return a petition if it is the actor's own: what leads to one may be theirs for longer than it is itself."""
    if known is None or not known.is_own(info.context.actor, access.READ):
        return None
    return Petition(it=known.petition, id=ID(str(known.id)))


def visible(info: Info, known: Known | None) -> Petition:
    """Return a petition as the actor sees it.

    :raises NotFound: unknown, or not the actor's own.
    """
    if (petition := own_petition(info, known)) is None:
        raise NotFound("This petition")
    return petition


@strawberry.type(description="A petition in a list by stage; code and title are kept here, so that it reads alone.")
class StagedPetition:
    """A petition and its stage."""

    petition: Petition | None = strawberry.field(
        description="The petition; null if it became another's while the page was read."
    )
    tracking_code: str | None = strawberry.field(description="The code that people follow it by.")
    title: str | None = strawberry.field(description="The street committee's title; from acceptance on.")
    stage: Stage = strawberry.field(description="The stage that it is in.")
    moved_at: datetime | None = strawberry.field(description="When intake or dispatch last had an event about it.")


@strawberry.type(description="A petition in a list by stage.")
class StagedPetitionEdge:
    """An edge."""

    node: StagedPetition = strawberry.field(description="The petition.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of petitions in a stage, oldest first.")
class StagedPetitionConnection:
    """A connection."""

    edges: list[StagedPetitionEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@strawberry.type
class StageQuery:
    """Petitions by stage."""

    @strawberry.field(description="Petitions of the actor's own that are in a stage.")
    async def petitions_by_stage(
        self,
        info: Info,
        stage: Annotated[Stage, strawberry.argument(description="The stage of the five-people method.")],
        street: Annotated[ID | None, strawberry.argument(description="Only of this street.")] = None,
        first: First = 20,
        after: After = None,
    ) -> StagedPetitionConnection | None:
        """Return a page."""
        context = info.context
        parts = parse_cursor(after)
        await check_filters(info, street=street)
        found, more = await staged.page(
            context.reader,
            reach(context.actor, access.DESK),
            stage,
            street,
            after=parse_uuid(parts[0], "after") if parts else None,
            first=page_size(first),
        )
        known = await petition_loader(context).load_many([s.id for s in found])
        edges = [_edge(info, s, k) for s, k in zip(found, known, strict=True)]
        return StagedPetitionConnection(
            edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
        )


def _edge(info: Info, found: staged.Staged, known: Known | None) -> StagedPetitionEdge:
    node = StagedPetition(
        petition=own_petition(info, known),
        tracking_code=show_tracking_code(found.tracking_code) if found.tracking_code else None,
        title=found.title,
        stage=found.stage,
        moved_at=found.moved_at,
    )
    return StagedPetitionEdge(node=node, cursor=cursor(str(found.id)))
