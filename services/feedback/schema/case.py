"""Cases as feedback shows them, and its desks."""

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry import ID

from services.contracts.labels import label
from services.contracts.vocabulary import CaseState, VisitMeans
from services.feedback.domain import access
from services.feedback.domain import case as rules
from services.feedback.domain.case import Outcome
from services.feedback.queries import cases
from services.feedback.queries.cases import Wanted
from services.feedback.schema.loaders import petition_loader
from services.feedback.schema.references import (
    Department,
    Representative,
    department,
    ground_label,
    representative,
)
from services.kernel.access import Rule, owns, reach
from services.kernel.calendar import SHANGHAI
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
from services.kernel.ids import parse_uuid

if TYPE_CHECKING:
    from services.feedback.schema.petition import Petition


@strawberry.type(description="A failed attempt: the resident was not met.")
class Attempt:
    """An attempt."""

    of: strawberry.Private[rules.Petition]
    at: datetime = strawberry.field(description="When.")
    means: VisitMeans = strawberry.field(description="How it was tried.")
    representative: Representative | None = strawberry.field(description="Who tried.")
    comment: str | None = strawberry.field(description="What they noted.")

    def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles."""
        return owns(context.actor, self.of.head.scope, rule.roles)


@strawberry.type(description="A return visit and its three answers.")
class Visit:
    """A visit."""

    of: strawberry.Private[rules.Petition]
    at: datetime = strawberry.field(description="When.")
    means: VisitMeans = strawberry.field(description="How it was made; FORM is the resident's own answer.")
    by_role: str = strawberry.field(description="In which role it was recorded: representative or resident.")
    representative: Representative | None = strawberry.field(description="Who asked.")
    reached: bool = strawberry.field(
        description="Whether the resident was reached; not after three failed attempts, which is neither yes nor no."
    )
    responded: bool | None = strawberry.field(description="Was the resident contacted about the matter?")
    solved: bool | None = strawberry.field(description="Is it solved?")
    satisfied: bool | None = strawberry.field(description="Is the resident satisfied?")
    ledger_proposed: bool = strawberry.field(description="Whether the visitor proposed the ledger.")
    stands: bool = strawberry.field(
        description="Whether it counts: not once the reply in question was sent back or the petition withdrawn."
    )
    comment: str | None = strawberry.field(description="What was noted.")

    def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles."""
        return owns(context.actor, self.of.head.scope, rule.roles)


@strawberry.type(description="What honestly cannot be done now (挂账).")
class LedgerEntry:
    """A ledger entry."""

    of: strawberry.Private[rules.Petition]
    about: strawberry.Private[rules.Case]
    ground: str = strawberry.field(description="The ground, from the list.")
    reason: str | None = strawberry.field(description="Why it cannot be done now.")
    review_on: date = strawberry.field(description="The day on which it is visited again.")
    approved_at: datetime = strawberry.field(description="When the street committee approved it.")
    department: Department | None = strawberry.field(description="Who is responsible.")

    @strawberry.field(description="The ground, for people.")
    async def ground_label(self, info: Info, locale: Locale = "zh-CN") -> str:
        """Return the ground's name."""
        return ground_label(self.ground, await info.context.runtime.references.get(), locale)

    async def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles, or their reply is in question."""
        return await _reads(context, self.of, self.about, rule)


@strawberry.type(description="Why a case goes round again.")
class Reopening:
    """A reopening."""

    of: strawberry.Private[rules.Petition]
    about: strawberry.Private[rules.Case]
    cause: str = strawberry.field(
        description="NOT_SOLVED, LEDGER_REFUSED, LEDGER_UNANSWERED, or a ground of the list for what was unsatisfying."
    )
    reason: str | None = strawberry.field(
        description="In the street committee's words; empty when it followed by itself."
    )
    at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="The cause, for people.")
    async def cause_label(self, info: Info, locale: Locale = "zh-CN") -> str:
        """Return the cause's name."""
        return ground_label(self.cause, await info.context.runtime.references.get(), locale)

    async def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether the petition is the actor's own in one of the rule's roles, or their reply is in question."""
        return await _reads(context, self.of, self.about, rule)


@strawberry.type(description="The evaluation of one cycle: from a reply to its closing, reopening or ledger.")
class Case:
    """A case."""

    it: strawberry.Private[rules.Case]
    of: strawberry.Private[rules.Petition]
    id: ID = strawberry.field(description="Its id.")

    @strawberry.field(
        description="The petition that it evaluates; null for a department that replied only in an earlier cycle."
    )
    async def petition(
        self, info: Info
    ) -> Annotated["Petition", strawberry.lazy("services.feedback.schema.petition")] | None:
        """Return the petition to those whose it still is."""
        from services.feedback.schema.petition import own_petition

        return own_petition(info, await petition_loader(info.context).load(self.of.head.id))

    @strawberry.field(description="The petition's title, as the reply was given under it.")
    def title(self) -> str:
        """Return the title that feedback was told."""
        return self.of.title

    @strawberry.field(description="The round: 1, and one more after each reopening.")
    def cycle(self) -> int:
        """Return the cycle."""
        return self.it.cycle

    @strawberry.field(description="Where it stands.")
    def state(self) -> CaseState:
        """Return the state."""
        return self.it.state

    @strawberry.field(description="Where it stands, for people.")
    def state_label(self, locale: Locale = "zh-CN") -> str:
        """Return the state's label."""
        return label(self.it.state, locale)

    @strawberry.field(description="When the reply came that it evaluates.")
    def opened_at(self) -> datetime:
        """Return when it was opened."""
        return self.it.opened_at

    @strawberry.field(description="The department that gave the reply; null when the matter was solved on the spot.")
    def department(self) -> Department | None:
        """Return a reference to the department."""
        return department(self.it.department)

    @strawberry.field(description="Whether the visitor proposed the ledger and the street committee has not answered.")
    def ledger_proposed(self) -> bool:
        """Tell whether the ledger waits for approval."""
        return self.it.ledger_proposed

    @strawberry.field(description="Its return visits, oldest first.")
    def visits(self) -> list[Visit]:
        """Return the visits."""
        return visits(self.of, self.it)

    @strawberry.field(description="The failed attempts of the present round.")
    def attempts(self) -> list[Attempt]:
        """Return the attempts."""
        return attempts(self.of, self.it)

    @strawberry.field(description="Its running clocks.")
    def deadlines(self) -> list[Deadline]:
        """Return the open clocks."""
        return [deadline(clock) for clock in self.of.head.clocks if clock.is_open and clock.about == self.it.id]

    @strawberry.field(description="What could not be done; null if it never was on the ledger.")
    def ledger(self) -> LedgerEntry | None:
        """Return the ledger entry."""
        return ledger(self.of, self.it)

    @strawberry.field(description="Why it was reopened; for REOPENED.")
    def reopening(self) -> Reopening | None:
        """Return the cause."""
        return reopening(self.of, self.it)


def visits(petition: rules.Petition, case: rules.Case) -> list[Visit]:
    """Return a case's visits as clients see them."""
    return [
        Visit(
            of=petition,
            at=v.at,
            means=v.means,
            by_role=v.by.role.value,
            representative=representative(v.representative),
            reached=v.outcome is Outcome.REACHED,
            responded=v.responded,
            solved=v.solved,
            satisfied=v.satisfied,
            ledger_proposed=v.ledger_proposed,
            stands=v.stands,
            comment=v.comment,
        )
        for v in case.visits
        if v.outcome is not Outcome.MISSED
    ]


def attempts(petition: rules.Petition, case: rules.Case) -> list[Attempt]:
    """Return the failed attempts of a case's present round as clients see them."""
    return [
        Attempt(
            of=petition,
            at=v.at,
            means=v.means,
            representative=representative(v.representative),
            comment=v.comment,
        )
        for v in case.attempts
    ]


async def _reads(context: Context[None], petition: rules.Petition, case: rules.Case, rule: Rule) -> bool:
    if access.replied(context.actor, case, rule):
        return True
    known = await petition_loader(context).load(petition.head.id)
    return known is not None and known.is_own(context.actor, rule)


def ledger(petition: rules.Petition, case: rules.Case) -> LedgerEntry | None:
    """Return a case's ledger entry as clients see it."""
    if (entry := case.ledger) is None:
        return None
    return LedgerEntry(
        of=petition,
        about=case,
        ground=entry.ground,
        reason=entry.reason,
        review_on=entry.review_on,
        approved_at=entry.at,
        department=department(entry.department),
    )


def reopening(petition: rules.Petition, case: rules.Case) -> Reopening | None:
    """Return why a case was reopened as clients see it."""
    if (why := case.reopening) is None:
        return None
    return Reopening(of=petition, about=case, cause=why.cause, reason=why.reason, at=why.at)


def case_of(petition: rules.Petition, case: rules.Case) -> Case:
    """Return a case as clients see it."""
    return Case(it=case, of=petition, id=ID(str(case.id)))


@strawberry.type(description="A case in a list.")
class CaseEdge:
    """An edge."""

    node: Case = strawberry.field(description="The case.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of cases, oldest first.")
class CaseConnection:
    """A connection."""

    edges: list[CaseEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


Street = Annotated[ID | None, strawberry.argument(description="Only of this street.")]
DueBefore = Annotated[
    datetime | None, strawberry.argument(description="Only with a running clock that is due before this.")
]


async def _page(info: Info, wanted: Wanted) -> CaseConnection:
    page_size(wanted.first)
    context = info.context
    department = wanted.department if wanted.department is not None else wanted.responsible
    await check_filters(info, street=wanted.street, department=department)
    found, more = await cases.page(context.reader, reach(context.actor, access.DESK), wanted)
    known = await petition_loader(context).load_many([f.petition_id for f in found])
    edges = [
        CaseEdge(node=case_of(k.petition, c), cursor=cursor(str(c.id)))
        for f, k in zip(found, known, strict=True)
        if k is not None and k.petition is not None
        for c in k.petition.cases
        if c.id == f.case_id
    ]
    return CaseConnection(
        edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
    )


def _after(after: str | None) -> UUID | None:
    parts = parse_cursor(after)
    return parse_uuid(parts[0], "after") if parts else None


@strawberry.type
class CaseQuery:
    """The desks of feedback."""

    @strawberry.field(description="Who is to be visited: cases that await a visit.")
    async def return_visits_due(
        self, info: Info, street: Street = None, due_before: DueBefore = None, first: First = 20, after: After = None
    ) -> CaseConnection | None:
        """Return a page of AWAITING_VISIT cases."""
        return await _desk(info, [CaseState.AWAITING_VISIT], street, due_before, first, after)

    @strawberry.field(
        description="What the street committee decides: visited cases, to close, to reopen, or to put on the ledger.",
    )
    async def cases_to_close(
        self, info: Info, street: Street = None, due_before: DueBefore = None, first: First = 20, after: After = None
    ) -> CaseConnection | None:
        """Return a page of VISITED cases."""
        return await _desk(info, [CaseState.VISITED], street, due_before, first, after)

    @strawberry.field(description="The ledger (挂账): what cannot be done now.")
    async def ledger(
        self,
        info: Info,
        street: Street = None,
        department: Annotated[
            ID | None, strawberry.argument(description="Only for what this department is responsible.")
        ] = None,
        review_before: Annotated[
            date | None, strawberry.argument(description="Only with a review before this day.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> CaseConnection | None:
        """Return a page of LEDGERED cases."""
        due = datetime.combine(review_before, time.min, SHANGHAI).astimezone(UTC) if review_before else None
        wanted = Wanted(
            states=[CaseState.LEDGERED],
            street=street,
            due_before=due,
            responsible=department,
            after=_after(after),
            first=first,
        )
        return await _page(info, wanted)

    @strawberry.field(description="Cases of the actor's own, oldest first.")
    async def cases(
        self,
        info: Info,
        states: list[CaseState] | None = None,
        street: Street = None,
        department: Annotated[
            ID | None, strawberry.argument(description="Only with a reply of this department.")
        ] = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> CaseConnection | None:
        """Return a page."""
        wanted = Wanted(
            states=states, street=street, department=department, due_before=due_before, after=_after(after), first=first
        )
        return await _page(info, wanted)


async def _desk(
    info: Info,
    states: list[CaseState],
    street: str | None,
    due_before: datetime | None,
    first: int,
    after: str | None,
) -> CaseConnection:
    return await _page(
        info, Wanted(states=states, street=street, due_before=due_before, after=_after(after), first=first)
    )
