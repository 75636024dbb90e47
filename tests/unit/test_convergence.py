"""Races between the services: whatever order things arrive in, all three end in the same place (state-machine.md).

The three services' rules play together, without servers: people act at random moments, events travel as slowly as they
like, each source's in order and none before what its producer had seen. Once everything has arrived the three agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.dispatch import PetitionReplied, Suggestion, WorkOrderReplyReturned
from services.contracts.event import Event, Who
from services.contracts.feedback import CaseRecalled, PetitionClosed, PetitionReopened, VisitRecorded
from services.contracts.intake import (
    PetitionFollowed,
    PetitionReadied,
    PetitionRejected,
    PetitionResolvedOnSpot,
    PetitionWithdrawn,
)
from services.contracts.vocabulary import (
    CaseState,
    ClockKind,
    DeadlineClass,
    Extent,
    PetitionKind,
    PetitionState,
    Phase,
    Role,
    Source,
    Urgency,
    VisitMeans,
    WorkOrderState,
)
from services.dispatch.domain import assignment, handling, supervision
from services.dispatch.domain import following as dispatch_following
from services.dispatch.domain.assignment import HandedOver
from services.dispatch.domain.supervision import Elsewhere
from services.dispatch.domain.work_order import OPEN
from services.dispatch.domain.work_order import Petition as DispatchPetition
from services.dispatch.store import view_petition
from services.feedback.domain import closing, visits
from services.feedback.domain import following as feedback_following
from services.feedback.domain.case import Petition as FeedbackPetition
from services.feedback.domain.following import Result
from services.feedback.domain.visits import Answers, Met
from services.intake.domain import acceptance, followers, screening
from services.intake.domain import following as intake_following
from services.intake.domain.acceptance import Submission
from services.intake.domain.petition import Petition as IntakePetition
from services.intake.domain.screening import HandingOver
from services.kernel.access import Scope
from services.kernel.errors import Refusal
from services.kernel.head import Decision
from services.kernel.ids import CaseId, PetitionId, new_tracking_code
from tests.support.terms import TERMS

NOW: Final = datetime(2026, 11, 24, 2, tzinfo=UTC)
STREET = Who(role=Role.STREET_COMMITTEE, subject="street")
RESIDENT = Who(role=Role.RESIDENT, subject="resident")
HOUSING = Who(role=Role.DEPARTMENT, subject="housing")
SUPERVISOR = Who(role=Role.DISTRICT_SUPERVISOR, subject="supervisor")
VISITOR = Who(role=Role.REPRESENTATIVE, subject="visitor")
SUGGESTION = Suggestion(department="housing", rule="r", explanation="r")


@dataclass
class Sent:
    """An event on its way: what its producer had seen, the cycle that it belongs to, and the scope that it carries."""

    event: Event
    seen: dict[Source, int]
    cycle: int
    scope: Scope


@dataclass
class World:
    """One petition in three services; `sent` is each source's stream, `applied` what each service has of the others."""

    intake: IntakePetition
    dispatch: DispatchPetition | None = None
    feedback: FeedbackPetition | None = None
    sent: dict[Source, list[Sent]] = field(default_factory=lambda: {source: [] for source in Source})
    applied: dict[Source, dict[Source, int]] = field(
        default_factory=lambda: {at: {s: 0 for s in Source if s is not at} for at in Source}
    )

    def take(self, at: Source, decision: Decision[Any] | None) -> None:
        """Let a decision stand in a service, and send its events."""
        if decision is None:
            return
        setattr(self, at.value, decision.state)
        for fact in decision.facts:
            head = decision.state.head
            self.sent[at].append(Sent(fact.event, dict(self.applied[at]), head.cycle, head.scope))

    def deliver(self, at: Source, source: Source) -> bool:
        """Let a service apply the next event of a source, if there is one that need not wait."""
        had = self.applied[at]
        if had[source] >= len(self.sent[source]):
            return False
        sent = self.sent[source][had[source]]
        if any(had[s] < n for s, n in sent.seen.items() if s is not at):
            return False
        had[source] += 1
        REACTIONS[at](self, sent)
        return True

    def settle(self, choose: Callable[[int], int]) -> None:
        """Deliver everything that is on its way, in an order that `choose` makes."""
        pairs = [(at, source) for at in Source for source in Source if at is not source]
        while pairs_left := [p for p in pairs if self.applied[p[0]][p[1]] < len(self.sent[p[1]])]:
            start = choose(len(pairs_left))
            order = pairs_left[start:] + pairs_left[:start]
            assert any(self.deliver(at, source) for at, source in order), "everything waits for something"


def at_intake(world: World, sent: Sent) -> None:
    petition, event, cycle = world.intake, sent.event, sent.cycle
    match event:
        case PetitionReplied():
            world.take(Source.INTAKE, intake_following.learn_reply(petition, cycle, known=True))
        case WorkOrderReplyReturned():
            world.take(Source.INTAKE, intake_following.learn_reply(petition, cycle, known=False))
        case PetitionReopened():
            world.take(Source.INTAKE, screening.reopen(petition, event.new_cycle, TERMS, now=NOW))
        case PetitionClosed():
            world.take(Source.INTAKE, intake_following.learn_closing(petition))
        case _:
            return


def at_dispatch(world: World, sent: Sent) -> None:
    petition, event, cycle = world.dispatch, sent.event, sent.cycle
    decision: Decision[DispatchPetition] | None = None
    match event:
        case PetitionReadied():
            asked = HandedOver(
                scope=sent.scope,
                cycle=cycle,
                tracking_code=world.intake.tracking_code,
                title=event.title,
                category=event.category,
                urgency=event.urgency,
                request=event.request,
                deadline_class=event.deadline_class,
            )
            decision = assignment.open_order(petition, asked, SUGGESTION, TERMS, now=NOW)
        case PetitionFollowed() if petition:
            decision = dispatch_following.learn_followers(petition, sent.scope.followers)
        case PetitionWithdrawn() if petition:
            decision = dispatch_following.withdraw(petition, TERMS, now=NOW)
        case PetitionRejected() if petition:
            decision = dispatch_following.reject(petition, TERMS, now=NOW)
        case VisitRecorded() if petition:
            decision = dispatch_following.learn_visit(petition, cycle, known=True)
        case CaseRecalled() if petition:
            decision = dispatch_following.learn_visit(petition, cycle, known=False)
        case PetitionClosed() if petition:
            decision = dispatch_following.close(petition, cycle, TERMS, now=NOW)
        case PetitionReopened() if petition and petition.orders:
            world.take(Source.DISPATCH, dispatch_following.leave_cycle(petition, event.new_cycle, TERMS, now=NOW))
            assert world.dispatch is not None
            decision = dispatch_following.reopen(world.dispatch, event.new_cycle, SUGGESTION, TERMS, now=NOW)
        case _:
            return
    world.take(Source.DISPATCH, decision)


def at_feedback(world: World, sent: Sent) -> None:
    event, cycle, scope = sent.event, sent.cycle, sent.scope
    petition = world.feedback or feedback_following.unknown(scope, cycle)
    match event:
        case PetitionReplied():
            result = Result(scope, cycle, event.department, event.handler, event.title, event.category)
        case PetitionResolvedOnSpot():
            result = Result(scope, cycle, None, event.by.subject, event.title, event.category)
        case WorkOrderReplyReturned():
            decision = feedback_following.recall(petition, cycle, event.department, TERMS, now=NOW)
            return world.take(Source.FEEDBACK, decision)
        case PetitionFollowed():
            decision = feedback_following.learn_followers(petition, scope.followers)
            return world.take(Source.FEEDBACK, decision)
        case PetitionWithdrawn():
            return world.take(Source.FEEDBACK, feedback_following.withdraw(petition, TERMS, now=NOW))
        case _:
            return None
    decision = feedback_following.schedule(petition, result, CaseId(uuid4()), TERMS, now=NOW)
    return world.take(Source.FEEDBACK, decision)


REACTIONS: Final = {Source.INTAKE: at_intake, Source.DISPATCH: at_dispatch, Source.FEEDBACK: at_feedback}


def withdraw(world: World) -> None:
    world.take(Source.INTAKE, acceptance.withdraw(world.intake, reason="", terms=TERMS, by=RESIDENT, now=NOW))


def follow(world: World) -> None:
    """Follow it as one more representative."""
    representative = f"rep-{len(world.intake.head.scope.followers)}"
    world.take(Source.INTAKE, followers.follow(world.intake, representative, by=VISITOR))


def work(world: World) -> None:
    """Do whatever the department does next: be assigned, acknowledge, start, reply."""
    petition = world.dispatch
    if petition is None or not petition.orders:
        return
    order = petition.orders[-1]
    common: dict[str, Any] = {"terms": TERMS, "by": HOUSING, "now": NOW}
    match order.state:
        case WorkOrderState.PENDING:
            given: dict[str, Any] = {"department": "housing", "deadline_class": order.deadline_class, "reason": ""}
            decision = assignment.assign(petition, order, **given, **common)
        case WorkOrderState.ASSIGNED:
            decision = handling.acknowledge(petition, order, **common)
        case WorkOrderState.ACKNOWLEDGED:
            decision = handling.start(petition, order, **common)
        case _:
            decision = handling.reply(petition, order, words="好", measures="通", **common)
    world.take(Source.DISPATCH, decision)


def send_back(world: World) -> None:
    if world.dispatch is not None and world.dispatch.orders:
        given: dict[str, Any] = {"ground": "INCOMPLETE", "reason": "不全"}
        order = world.dispatch.orders[-1]
        world.take(
            Source.DISPATCH,
            handling.send_back(world.dispatch, order, **given, terms=TERMS, by=STREET, now=NOW),
        )


def _heard_at_dispatch(world: World) -> Elsewhere:
    """Return what dispatch knows of the petition from the others: the last state that each of them said."""
    said = {
        source: [
            view_petition._STATES[type(sent.event)]
            for sent in world.sent[source][: world.applied[Source.DISPATCH][source]]
            if type(sent.event) in view_petition._STATES
        ]
        for source in (Source.INTAKE, Source.FEEDBACK)
    }
    told = world.sent[Source.INTAKE][: world.applied[Source.DISPATCH][Source.INTAKE]]
    known = told[-1].scope.followers if told else ()
    return Elsewhere(
        scope=replace(world.intake.head.scope, lead=None, followers=known),
        tracking_code=world.intake.tracking_code,
        title="堵",
        category="drainage",
        intake=PetitionState((said[Source.INTAKE] or [PetitionState.SCREENING])[-1]),
        case=CaseState(said[Source.FEEDBACK][-1]) if said[Source.FEEDBACK] else None,
    )


def press(world: World) -> None:
    """Press as the supervisor, who sees what dispatch has heard; also what was not handed over yet."""
    known = _heard_at_dispatch(world)
    petition = world.dispatch or supervision.not_handed_over(known, dict(world.applied[Source.DISPATCH]))
    given: dict[str, Any] = {"words": "三日内到现场", "terms": TERMS, "by": SUPERVISOR, "now": NOW}
    world.take(Source.DISPATCH, supervision.press(petition, known, **given))


def answer(world: World) -> None:
    petition = world.dispatch
    if petition is not None and petition.open_instructions:
        given: dict[str, Any] = {"words": "已到现场", "terms": TERMS, "by": HOUSING, "now": NOW}
        world.take(Source.DISPATCH, supervision.answer(petition, petition.open_instructions[0], **given))


def hand_over(world: World) -> None:
    asked = HandingOver("请疏通", "housing", DeadlineClass.SIMPLE)
    world.take(Source.INTAKE, screening.hand_over(world.intake, asked, TERMS, by=STREET, now=NOW))


def solve_on_spot(world: World) -> None:
    world.take(Source.INTAKE, screening.resolve_on_spot(world.intake, measures="通", terms=TERMS, by=STREET, now=NOW))


def reject(world: World) -> None:
    given: dict[str, Any] = {"ground": "NO_BASIS", "reason": "无依据", "referral": None}
    decision = acceptance.reject(world.intake, Phase.SCREENING, **given, terms=TERMS, by=STREET, now=NOW)
    world.take(Source.INTAKE, decision)


def _visit(world: World, answers: Answers) -> None:
    if world.feedback is not None and world.feedback.case is not None:
        met = Met(uuid4(), VisitMeans.PHONE, "rep", "")
        decision = visits.record(world.feedback, world.feedback.case, met, answers, TERMS, by=VISITOR, now=NOW)
        world.take(Source.FEEDBACK, decision)


def visit_solved(world: World) -> None:
    _visit(world, Answers(reached=True, responded=True, solved=True, satisfied=True))


def visit_unsolved(world: World) -> None:
    _visit(world, Answers(reached=True, responded=True, solved=False, satisfied=False))


def visit_for_the_ledger(world: World) -> None:
    _visit(world, Answers(reached=True, responded=True, solved=False, satisfied=False, ledger_proposed=True))


def close(world: World) -> None:
    if world.feedback is not None and world.feedback.case is not None:
        decision = closing.close(world.feedback, world.feedback.case, reason="", terms=TERMS, by=STREET, now=NOW)
        world.take(Source.FEEDBACK, decision)


def arrival(at: Source, source: Source) -> Callable[[World], object]:
    """Return the step in which one more event arrives somewhere."""
    return lambda world: world.deliver(at, source)


ACTS: Final = (
    withdraw,
    reject,
    hand_over,
    solve_on_spot,
    *[follow] * 2,
    *[press] * 2,
    answer,
    *[work] * 8,
    *[send_back] * 4,
    *[visit_solved, visit_unsolved, visit_for_the_ledger] * 2,
    close,
)
ARRIVALS: Final = tuple(arrival(at, source) for at in Source for source in Source if at is not source)
STEPS: Final[tuple[Callable[[World], object], ...]] = (*ACTS, *ARRIVALS * 4)
STARTS: Final = ("in screening", "handed over", "on the spot", "replied", "crossed")


def screened() -> IntakePetition:
    said = Submission(
        PetitionId(uuid4()), new_tracking_code(), PetitionKind.DEMAND, "visit", "huangtupo", "community-73", None,
        None, "下水道堵了",
    )  # fmt: skip
    petition = acceptance.submit(said, TERMS, by=STREET, now=NOW).state
    common: dict[str, Any] = {"terms": TERMS, "by": STREET, "now": NOW}
    given: dict[str, Any] = {"title": "堵", "category": "drainage"}
    petition = acceptance.accept(petition, **given, urgency=Urgency.NORMAL, extent=Extent.COMMUNITY, **common).state
    petition = screening.listen(petition, said="听", by=STREET).state
    petition = screening.look(petition, findings="看", by=STREET).state
    petition = screening.deliberate(petition, outcome="议", participants=3, by=STREET).state
    return replace(petition, head=replace(petition.head, sequence=0))


def oldest(_waiting: int) -> int:
    """Deliver what waits first."""
    return 0


def begin(start: str) -> World:
    """Return a petition in screening, just handed over, just solved on the spot, or with a reply that all know; or one
    that is pressed and whose reply goes back while the visit already reopens it.
    """
    world = World(screened())
    if start == "on the spot":
        solve_on_spot(world)
    elif start != "in screening":
        hand_over(world)
    if start in {"replied", "crossed"}:
        world.settle(oldest)
        for _ in range(4):
            work(world)
        world.settle(oldest)
    if start == "crossed":
        for act in (press, send_back, visit_unsolved):
            act(world)
    return world


def agree(world: World) -> None:
    """Assert that the three services are in one place."""
    intake, dispatch, feedback = world.intake, world.dispatch, world.feedback
    for other in (dispatch, feedback):
        assert other is None or other.head.scope.followers == intake.head.scope.followers
    case = feedback.case if feedback else None
    open_orders = [o for o in dispatch.orders if o.state in OPEN] if dispatch else []
    clocks = [
        clock
        for petition in (intake, dispatch, feedback)
        if petition is not None
        for clock in petition.head.clocks
        if clock.is_open
    ]
    demanded = [clock for clock in clocks if clock.kind is ClockKind.INSTRUCTION]
    ended = intake.state in {PetitionState.WITHDRAWN, PetitionState.REJECTED}
    over = ended or (case is not None and case.state is CaseState.CLOSED)
    # Open somewhere if and only if a clock runs somewhere: nothing waits unseen, nothing that is over is pressed.
    assert (len(clocks) > len(demanded)) is not over
    # What the supervisor demanded is measured until it is answered, or lapses with the petition.
    unanswered = dispatch.open_instructions if dispatch else ()
    assert {clock.about for clock in demanded} == {one.id for one in unanswered}
    assert not (over and unanswered)
    if over:
        assert not open_orders
        assert case is None or case.state in {CaseState.CLOSED, CaseState.CANCELLED, CaseState.REOPENED}
        return
    assert dispatch is None or not dispatch.withdrawn
    if case is None or (case.state is CaseState.REOPENED):
        cycle = 1 if case is None else case.cycle + 1
        assert intake.head.cycle == cycle
        assert not intake.reply_known
        if intake.state is PetitionState.READY:
            assert [o.cycle for o in open_orders] == [cycle]
    elif case.state is CaseState.RECALLED:
        assert [(o.cycle, o.state) for o in open_orders] == [(case.cycle, WorkOrderState.IN_PROGRESS)]
        assert not intake.reply_known
    else:
        assert not open_orders
        assert intake.head.cycle == case.cycle
        if dispatch is not None and dispatch.orders:
            assert (dispatch.head.cycle, dispatch.orders[-1].state) == (case.cycle, WorkOrderState.REPLIED)
            assert intake.reply_known
            assert dispatch.visit_known is (case.state is not CaseState.AWAITING_VISIT)


# As many steps as were drawn first: lists left to themselves are short, and the races lie at the end of long ones.
PLAYS: Final = st.integers(0, 60).flatmap(lambda n: st.lists(st.sampled_from(STEPS), min_size=n, max_size=n))


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(STARTS), PLAYS, st.randoms(use_true_random=False))
def test_whatever_the_order_of_arrival_the_three_end_in_one_place(
    start: str, steps: list[Callable[[World], object]], chance: Random
) -> None:
    world = begin(start)
    for step in steps:
        try:
            step(world)
        except Refusal:
            continue  # a person was told that it is not possible now
    world.settle(lambda n: chance.randrange(n))
    agree(world)
