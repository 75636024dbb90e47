"""The whole state machine against a simple model: one petition, three services, events that arrive at once.

The model is one flat machine, written from state-machine.md: a phase, and what little decides between acts. Whatever
people try, the services must do what the model says, and refuse what it refuses; whenever time passes, the clocks that
run must be those of the phase, and each level must be reached once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.contracts.clocks import ClockEscalated, ClockReminded
from services.contracts.dispatch import PetitionReplied, Suggestion, WorkOrderReplyReturned
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.feedback import CaseRecalled, PetitionClosed, PetitionReopened, VisitRecorded
from services.contracts.intake import (
    PetitionFollowed,
    PetitionInformationAdded,
    PetitionReadied,
    PetitionResolvedOnSpot,
    PetitionWithdrawn,
)
from services.contracts.vocabulary import (
    ClockKind,
    DeadlineClass,
    Extent,
    PetitionKind,
    Phase,
    Role,
    ScreeningStep,
    Source,
    Urgency,
    VisitMeans,
)
from services.dispatch.domain import assignment, handling, ruling
from services.dispatch.domain import following as dispatch_following
from services.dispatch.domain.assignment import HandedOver
from services.dispatch.domain.work_order import Petition as DispatchPetition
from services.feedback.domain import closing, ledger, visits
from services.feedback.domain import following as feedback_following
from services.feedback.domain.case import LedgerEntry
from services.feedback.domain.case import Petition as FeedbackPetition
from services.feedback.domain.following import Result
from services.feedback.domain.visits import Answers, Met
from services.intake.domain import acceptance, erasure, followers, screening
from services.intake.domain import following as intake_following
from services.intake.domain.acceptance import Submission
from services.intake.domain.petition import Petition as IntakePetition
from services.intake.domain.screening import HandingOver
from services.kernel.calendar import SHANGHAI
from services.kernel.clocks import Clock, acts_now, is_due
from services.kernel.errors import Refusal
from services.kernel.head import Decision, Fact
from services.kernel.history import recorded
from services.kernel.ids import CaseId, PetitionId, new_tracking_code
from tests.support.terms import TERMS

START: Final = datetime(2026, 11, 24, 2, tzinfo=UTC)
STREET = Who(role=Role.STREET_COMMITTEE, subject="street")
RESIDENT = Who(role=Role.RESIDENT, subject="resident")
HOUSING = Who(role=Role.DEPARTMENT, subject="housing")
VISITOR = Who(role=Role.REPRESENTATIVE, subject="visitor")
SUPERVISOR = Who(role=Role.DISTRICT_SUPERVISOR, subject="supervisor")
OPERATOR = Who(role=Role.OPERATOR, subject="operator")
SUGGESTION = Suggestion(department="housing", rule="r", explanation="r")

ACTS: Final = (
    *("accept", "reject", "listen", "look", "skip_look", "deliberate", "skip_deliberate"),
    *("hand_over", "on_spot", "decline_petition", "withdraw", "add_information", "follow"),
    *("assign", "acknowledge", "decline", "rule", "start", "ask", "reply", "send_back"),
    *("attempt", "visit_satisfied", "visit_dissatisfied", "visit_unsolved", "visit_for_ledger", "visit_not_reached"),
    *("close", "reopen", "approve_ledger", "refuse_ledger"),
)

ENDS: Final = {"reject", "decline_petition", "withdraw", "close", "add_information", "follow"}
"""What ends a petition, or leads nowhere: seldom done where something else is possible."""


class NothingThereError(Exception):
    """There is no order or case yet to do something with."""


@dataclass
class Model:
    """What should be: a phase, and what decides between acts. Nothing of it is taken from the services."""

    phase: str = "SUBMITTED"
    steps: set[str] = field(default_factory=set[str])
    on_spot: bool = False
    declined: bool = False
    ruled: bool = False
    asked: bool = False
    attempts: list[Any] = field(default_factory=list[Any])
    visited: bool = False
    proposed: bool = False
    solved: bool | None = None
    satisfied: bool | None = None

    def clocks(self) -> set[ClockKind]:
        """Return the clocks that must be open."""
        of_phase: dict[str, set[ClockKind]] = {
            "SUBMITTED": {ClockKind.ACCEPTANCE},
            "ACCEPTED": {ClockKind.SCREENING},
            "SCREENING": {ClockKind.SCREENING},
            "PENDING": {ClockKind.ASSIGNMENT},
            "ASSIGNED": {ClockKind.ACKNOWLEDGEMENT, ClockKind.HANDLING},
            "UNDER_RULING": {ClockKind.RULING},
            "ACKNOWLEDGED": {ClockKind.HANDLING},
            "IN_PROGRESS": {ClockKind.HANDLING, *([ClockKind.INFORMATION] if self.asked else [])},
            "AWAITING_VISIT": {ClockKind.RETURN_VISIT},
            "VISITED": {ClockKind.LEDGER_APPROVAL if self.proposed else ClockKind.CLOSING},
            "LEDGERED": {ClockKind.LEDGER_REVIEW},
        }
        return of_phase.get(self.phase, set())

    @property
    def with_department(self) -> bool:
        return self.phase in {"PENDING", "ASSIGNED", "UNDER_RULING", "ACKNOWLEDGED", "IN_PROGRESS"}

    @property
    def before_reply(self) -> bool:
        return self.phase in {"SUBMITTED", "ACCEPTED", "SCREENING"} or self.with_department

    def allows(self, act: str, today: Any) -> bool:
        """Tell whether an act is possible."""
        screened = self.phase == "SCREENING" and "DELIBERATE" in self.steps
        visited = self.phase == "VISITED"
        possible: dict[str, bool] = {
            "accept": self.phase == "SUBMITTED",
            "reject": self.phase == "SUBMITTED",
            "listen": self.phase == "ACCEPTED",
            "look": self.phase == "SCREENING" and "LOOK" not in self.steps,
            "skip_look": self.phase == "SCREENING" and "LOOK" not in self.steps,
            "deliberate": self.phase == "SCREENING" and "LOOK" in self.steps and "DELIBERATE" not in self.steps,
            "skip_deliberate": self.phase == "SCREENING" and "LOOK" in self.steps and "DELIBERATE" not in self.steps,
            "hand_over": screened,
            "on_spot": screened,
            "decline_petition": screened,
            "withdraw": self.before_reply,
            "add_information": self.before_reply,
            "follow": self.phase not in {"REJECTED", "WITHDRAWN", "CLOSED"},
            "assign": self.phase == "PENDING",
            "acknowledge": self.phase == "ASSIGNED",
            "decline": self.phase == "ASSIGNED" and not self.ruled,
            "rule": self.phase == "UNDER_RULING",
            "start": self.phase == "ACKNOWLEDGED",
            "ask": self.phase == "IN_PROGRESS" and not self.asked,
            "reply": self.phase == "IN_PROGRESS",
            "send_back": self.phase == "AWAITING_VISIT" and not self.on_spot and not self.visited,
            "attempt": self.phase == "AWAITING_VISIT" and today not in self.attempts,
            "visit_satisfied": self.phase == "AWAITING_VISIT",
            "visit_dissatisfied": self.phase == "AWAITING_VISIT",
            "visit_unsolved": self.phase == "AWAITING_VISIT",
            "visit_for_ledger": self.phase == "AWAITING_VISIT",
            "visit_not_reached": self.phase == "AWAITING_VISIT" and len(self.attempts) >= 3,
            "close": visited and not self.proposed,
            "reopen": visited and not self.proposed and self.solved is True and self.satisfied is False,
            "approve_ledger": visited and self.proposed,
            "refuse_ledger": visited and self.proposed,
        }
        return possible[act]

    def do(self, act: str, today: Any) -> None:
        """Let an allowed act happen."""
        match act:
            case "accept":
                self.phase = "ACCEPTED"
            case "reject" | "decline_petition":
                self.phase = "REJECTED"
            case "listen":
                self.phase = "SCREENING"
            case "look" | "skip_look":
                self.steps.add("LOOK")
            case "deliberate" | "skip_deliberate":
                self.steps.add("DELIBERATE")
            case "hand_over":
                self.pend()
            case "on_spot":
                self.phase, self.on_spot = "AWAITING_VISIT", True
                self._visit_anew()
            case "withdraw":
                self.phase, self.asked = "WITHDRAWN", False
            case "add_information":
                self.asked = False
            case "follow":
                pass
            case "assign":
                self.phase = "ASSIGNED"
            case "acknowledge":
                self.phase = "ACKNOWLEDGED"
            case "decline":
                self.phase = "UNDER_RULING" if self.declined else "PENDING"
                self.declined = True
            case "rule":
                self.phase, self.ruled = "ASSIGNED", True
            case "start":
                self.phase = "IN_PROGRESS"
            case "ask":
                self.asked = True
            case "reply":
                self.phase, self.asked = "AWAITING_VISIT", False
                self._visit_anew()
            case "send_back":
                self.phase = "IN_PROGRESS"
            case "attempt":
                self.attempts.append(today)
            case "visit_satisfied" | "visit_dissatisfied" | "visit_not_reached":
                reached = act != "visit_not_reached"
                self.phase, self.solved = "VISITED", True if reached else None
                self.satisfied = act == "visit_satisfied" if reached else None
                self.visited = True
            case "visit_for_ledger":
                self.phase, self.proposed, self.solved, self.visited = "VISITED", True, False, True
            case "visit_unsolved" | "reopen" | "refuse_ledger":
                self.go_round()
            case "close":
                self.phase = "CLOSED"
            case "approve_ledger":
                self.phase = "LEDGERED"
            case _:
                raise AssertionError(act)

    def pend(self) -> None:
        self.phase, self.on_spot = "PENDING", False
        self.declined = self.ruled = self.asked = self.visited = False
        self._visit_anew()

    def _visit_anew(self) -> None:
        self.attempts, self.proposed, self.solved, self.satisfied = [], False, None, None

    def go_round(self) -> None:
        """A new cycle: with the department again, or with screening where there was none."""
        if self.on_spot:
            self.phase, self.on_spot, self.steps, self.visited = "SCREENING", False, set(), False
            self._visit_anew()
        else:
            self.pend()

    def due(self, kind: ClockKind) -> None:
        """The product acts by itself."""
        match kind:
            case ClockKind.INFORMATION:
                self.asked = False
            case ClockKind.CLOSING:
                self.phase = "CLOSED"
            case ClockKind.LEDGER_APPROVAL:
                self.go_round()
            case ClockKind.LEDGER_REVIEW:
                self.phase = "AWAITING_VISIT"
                self._visit_anew()
            case _:
                raise AssertionError(kind)


class WholeMachine(RuleBasedStateMachine):
    """One petition, what people try, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.model = Model()
        self.levels: dict[UUID, list[int]] = {}
        self.dispatch: DispatchPetition | None = None
        self.feedback: FeedbackPetition | None = None
        said = Submission(
            PetitionId(uuid4()), new_tracking_code(), PetitionKind.DEMAND, "visit", "huangtupo", "community-73", None,
            None, "下水道堵了",
        )  # fmt: skip
        self.intake: IntakePetition = acceptance.submit(said, TERMS, by=STREET, now=self.now).state

    # How decisions stand and events arrive.

    def take(self, at: Source, decision: Decision[Any] | None) -> None:
        if decision is None:
            return
        state = decision.state
        setattr(self, at.value, replace(state, head=recorded(state.head, decision.facts)))
        for fact in decision.facts:
            if isinstance(fact.event, ClockReminded | ClockEscalated):
                level = fact.event.level if isinstance(fact.event, ClockEscalated) else 0
                self.levels.setdefault(fact.event.clock_id, []).append(level)
        for fact in decision.facts:
            self._arrive(fact.event, state.head.cycle)

    def _arrive(self, event: Event, cycle: int) -> None:
        common: dict[str, Any] = {"now": self.now}
        order = self.dispatch
        match event:
            case PetitionReadied():
                asked = HandedOver(
                    scope=self.intake.head.scope,
                    cycle=cycle,
                    tracking_code=self.intake.tracking_code,
                    title=event.title,
                    category=event.category,
                    urgency=event.urgency,
                    request=event.request,
                    deadline_class=event.deadline_class,
                )
                self.take(Source.DISPATCH, assignment.open_order(order, asked, SUGGESTION, TERMS, **common))
            case PetitionInformationAdded() if order:
                sequence = order.head.sequence
                self.take(Source.DISPATCH, dispatch_following.add_information(order, sequence, TERMS, **common))
            case PetitionFollowed():
                followed = self.intake.head.scope.followers
                if order:
                    self.take(Source.DISPATCH, dispatch_following.learn_followers(order, followed))
                known = self.feedback or feedback_following.unknown(self.intake.head.scope, cycle)
                self.take(Source.FEEDBACK, feedback_following.learn_followers(known, followed))
            case PetitionWithdrawn():
                if order:
                    self.take(Source.DISPATCH, dispatch_following.withdraw(order, TERMS, **common))
                known = self.feedback or feedback_following.unknown(self.intake.head.scope, cycle)
                self.take(Source.FEEDBACK, feedback_following.withdraw(known, TERMS, **common))
            case PetitionReplied():
                self.take(Source.INTAKE, intake_following.learn_reply(self.intake, cycle, known=True))
                self._schedule(cycle, event.department, event.handler, event.title, event.category)
            case PetitionResolvedOnSpot():
                self._schedule(cycle, None, event.by.subject, event.title, event.category)
            case WorkOrderReplyReturned():
                self.take(Source.INTAKE, intake_following.learn_reply(self.intake, cycle, known=False))
                assert self.feedback is not None
                recalled = feedback_following.recall(self.feedback, cycle, event.department, TERMS, **common)
                self.take(Source.FEEDBACK, recalled)
            case VisitRecorded() if order:
                self.take(Source.DISPATCH, dispatch_following.learn_visit(order, cycle, known=True))
            case CaseRecalled() if order:
                self.take(Source.DISPATCH, dispatch_following.learn_visit(order, cycle, known=False))
            case PetitionClosed():
                self.take(Source.INTAKE, intake_following.learn_closing(self.intake))
                if order:
                    self.take(Source.DISPATCH, dispatch_following.close(order, cycle, TERMS, **common))
            case PetitionReopened():
                self.take(Source.INTAKE, screening.reopen(self.intake, event.new_cycle, TERMS, **common))
                if order:
                    again = dispatch_following.reopen(order, event.new_cycle, SUGGESTION, TERMS, **common)
                    self.take(Source.DISPATCH, again)
            case _:
                return

    def _schedule(self, cycle: int, department: str | None, handler: str, title: str, category: str) -> None:
        scope = self.intake.head.scope
        known = self.feedback or feedback_following.unknown(scope, cycle)
        result = Result(scope, cycle, department, handler, title, category)
        self.take(Source.FEEDBACK, feedback_following.schedule(known, result, CaseId(uuid4()), TERMS, now=self.now))

    # What people try.

    def _order(self, decide: Callable[..., Decision[DispatchPetition]], by: Who, **given: Any) -> None:
        if self.dispatch is None or not self.dispatch.orders:
            raise NothingThereError
        common: dict[str, Any] = {"terms": TERMS, "by": by, "now": self.now}
        self.take(Source.DISPATCH, decide(self.dispatch, self.dispatch.orders[-1], **given, **common))

    def _case(self, decide: Callable[..., Decision[FeedbackPetition]], *given: Any, **named: Any) -> None:
        if self.feedback is None or self.feedback.case is None:
            raise NothingThereError
        self.take(Source.FEEDBACK, decide(self.feedback, self.feedback.case, *given, **named))

    def _visit(self, **answers: Any) -> None:
        met = Met(uuid4(), VisitMeans.PHONE, "rep", "")
        self._case(visits.record, met, Answers(**answers), TERMS, by=VISITOR, now=self.now)

    def _try(self, act: str) -> None:
        petition, street = self.intake, STREET
        timed: dict[str, Any] = {"terms": TERMS, "by": STREET, "now": self.now}
        ground = {"ground": "OTHER", "reason": "因"}
        match act:
            case "accept":
                given: dict[str, Any] = {"title": "堵", "category": "drainage", "urgency": Urgency.NORMAL}
                decision = acceptance.accept(petition, **given, extent=Extent.COMMUNITY, **timed)
            case "reject" | "decline_petition":
                phase = Phase.ACCEPTANCE if act == "reject" else Phase.SCREENING
                decision = acceptance.reject(petition, phase, **ground, referral=None, **timed)
            case "listen":
                decision = screening.listen(petition, said="听", by=street)
            case "look":
                decision = screening.look(petition, findings="看", by=street)
            case "deliberate":
                decision = screening.deliberate(petition, outcome="议", participants=3, by=street)
            case "skip_look" | "skip_deliberate":
                step = ScreeningStep.LOOK if act == "skip_look" else ScreeningStep.DELIBERATE
                decision = screening.skip(petition, step, **ground, by=street)
            case "hand_over":
                asked = HandingOver("请疏通", "housing", DeadlineClass.SIMPLE)
                decision = screening.hand_over(petition, asked, TERMS, by=STREET, now=self.now)
            case "on_spot":
                decision = screening.resolve_on_spot(petition, measures="通", **timed)
            case "withdraw":
                decision = acceptance.withdraw(petition, reason="", terms=TERMS, by=RESIDENT, now=self.now)
            case "follow":
                representative = f"rep-{len(petition.head.scope.followers)}"
                decision = followers.follow(petition, representative, by=VISITOR)
            case "add_information":
                decision = acceptance.add_information(petition, text="补充", by=RESIDENT)
            case _:
                return self._try_elsewhere(act)
        self.take(Source.INTAKE, decision)
        return None

    def _try_elsewhere(self, act: str) -> None:
        ground = {"ground": "OTHER", "reason": "因"}
        reached = {"reached": True, "responded": True}
        match act:
            case "assign":
                self._order(
                    assignment.assign, STREET, department="housing", deadline_class=DeadlineClass.SIMPLE, reason=""
                )
            case "acknowledge":
                self._order(handling.acknowledge, HOUSING)
            case "decline":
                self._order(assignment.decline, HOUSING, **ground, proposed=None)
            case "rule":
                self._order(ruling.rule, SUPERVISOR, department="housing", reason="因")
            case "start":
                self._order(handling.start, HOUSING)
            case "ask":
                self._order(handling.ask, HOUSING, question="在哪")
            case "reply":
                self._order(handling.reply, HOUSING, words="好", measures="通")
            case "send_back":
                self._order(handling.send_back, STREET, **ground)
            case "attempt":
                met = Met(uuid4(), VisitMeans.PHONE, "rep", "")
                self._case(visits.attempt, met, by=VISITOR, now=self.now)
            case "visit_satisfied":
                self._visit(**reached, solved=True, satisfied=True)
            case "visit_dissatisfied":
                self._visit(**reached, solved=True, satisfied=False)
            case "visit_unsolved":
                self._visit(**reached, solved=False, satisfied=False)
            case "visit_for_ledger":
                self._visit(**reached, solved=False, satisfied=False, ledger_proposed=True)
            case "visit_not_reached":
                self._visit(reached=False)
            case "close":
                self._case(closing.close, reason="", terms=TERMS, by=STREET, now=self.now)
            case "reopen":
                self._case(closing.reopen_unsatisfied, **ground, terms=TERMS, by=STREET, now=self.now)
            case "approve_ledger":
                review_on = (self.now + timedelta(days=30)).date()
                self._case(ledger.approve, LedgerEntry("housing", "OTHER", "因", review_on, self.now, STREET), TERMS)
            case "refuse_ledger":
                self._case(ledger.refuse, answered=True, reason="", terms=TERMS, by=STREET, now=self.now)
            case _:
                raise AssertionError(act)

    @property
    def today(self) -> Any:
        return self.now.astimezone(SHANGHAI).date()

    @rule(act=st.sampled_from(ACTS))
    def anything_may_be_tried(self, act: str) -> None:
        """Try an act, whatever the phase: it is done if the model allows it, and refused if not."""
        self._attempted(act)

    @precondition(lambda self: any(self.model.allows(act, self.today) for act in ACTS))
    @rule(chance=st.randoms(use_true_random=False))
    def something_possible_is_done(self, chance: Any) -> None:
        """Do one of the acts that go on, so that the far end of the chain is reached; seldom those that end it."""
        possible = [act for act in ACTS if self.model.allows(act, self.today)]
        going_on = [act for act in possible if act not in ENDS]
        self._attempted(chance.choice(going_on if going_on and chance.random() < 0.97 else possible))

    @precondition(lambda self: self.model.phase == "AWAITING_VISIT")
    @rule()
    def nobody_is_met_for_days(self) -> None:
        """Attempt on three days."""
        for _ in range(3):
            if self.model.allows("attempt", self.today):
                self._attempted("attempt")
            self.time_passes(24)

    @precondition(lambda self: self.model.asked or self.model.phase in {"VISITED", "LEDGERED"})
    @rule()
    def nobody_answers(self) -> None:
        """Wait until the product acts by itself."""
        self.time_passes(1000)

    def _attempted(self, act: str) -> None:
        allowed = self.model.allows(act, self.today)
        before = (self.intake, self.dispatch, self.feedback)
        try:
            self._try(act)
        except (Refusal, NothingThereError):
            assert not allowed, f"{act} was refused in {self.model}"
            assert (self.intake, self.dispatch, self.feedback) == before
            return
        assert allowed, f"{act} was done in {self.model}"
        self.model.do(act, self.today)

    # Time.

    def _open(self) -> list[tuple[Source, Clock]]:
        petitions = ((Source.INTAKE, self.intake), (Source.DISPATCH, self.dispatch), (Source.FEEDBACK, self.feedback))
        return [(at, clock) for at, it in petitions if it for clock in it.head.clocks if clock.is_open]

    @rule()
    def personal_data_is_erased(self) -> None:
        """Erase it, whatever the phase: nobody's state and no clock is moved, and everything goes on."""
        before = (self.intake.state, self.intake.steps, self.dispatch, self.feedback)
        self.take(Source.INTAKE, erasure.erase(self.intake, uuid4(), by=OPERATOR))
        assert (self.intake.state, self.intake.steps, self.dispatch, self.feedback) == before

    @rule(hours=st.sampled_from([1, 8, 20, 26, 50, 130, 400]))
    def time_passes(self, hours: int) -> None:
        """Let time pass, and the schedulers tick until nothing is due."""
        self.now += timedelta(hours=hours)
        while due := [(at, clock) for at, clock in self._open() if is_due(clock, self.now)]:
            at, clock = min(due, key=lambda one: (one[1].fires_at or self.now, one[1].id))
            self._fire(at, clock)

    def _fire(self, at: Source, clock: Clock) -> None:
        petition: Any = getattr(self, at.value)
        if not acts_now(clock, self.now):
            ticking = petition.head.ticking(TERMS, SYSTEM, self.now).fire(clock)
            after = replace(petition, head=petition.head.after(ticking))
            return self.take(at, Decision(after, tuple(Fact(event) for event in ticking.events)))
        given: dict[str, Any] = {"terms": TERMS, "by": SYSTEM, "now": self.now}
        match clock.kind:
            case ClockKind.INFORMATION:
                [order] = [order for order in petition.orders if order.id == clock.about]
                decision: Decision[Any] = handling.resume(petition, order, expired=True, terms=TERMS, now=self.now)
            case ClockKind.CLOSING:
                decision = closing.close(petition, petition.case, reason="", **given)
            case ClockKind.LEDGER_APPROVAL:
                decision = ledger.refuse(petition, petition.case, answered=False, reason="", **given)
            case _:
                decision = ledger.review(petition, petition.case, TERMS, now=self.now)
        self.take(at, decision)
        return self.model.due(clock.kind)

    # What must always hold.

    @invariant()
    def the_clocks_that_run_are_those_of_the_phase(self) -> None:
        """An open petition has its clocks, one that is over has none."""
        assert sorted(clock.kind for _, clock in self._open()) == sorted(self.model.clocks())

    @invariant()
    def all_three_know_who_follows(self) -> None:
        """Whoever follows it is told by every service."""
        known = {it.head.scope.followers for it in (self.intake, self.dispatch, self.feedback) if it}
        assert known == {self.intake.head.scope.followers}

    @invariant()
    def each_level_is_reached_once_and_in_order(self) -> None:
        """A reminder, then levels 1 to 3."""
        assert all(reached == list(range(len(reached))) for reached in self.levels.values())
        assert all(len(reached) <= 4 for reached in self.levels.values())

    @invariant()
    def what_is_paused_waits_for_an_answer(self) -> None:
        """Handling stands still exactly while the resident is asked."""
        paused = [clock.kind for _, clock in self._open() if clock.paused_at is not None]
        assert paused == ([ClockKind.HANDLING] if self.model.asked else [])


WholeMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestWholeMachine = WholeMachine.TestCase
