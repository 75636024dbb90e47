"""The three state machines, walked by the events that each service recorded.

Each machine answers two questions. `take`: may this event follow what happened so far, and what is the case after it?
`react`: another service's event has been applied here, so what must this service do about it, if anything?
(state-machine.md; decision 15 for what is overtaken.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from deploy.audit import rules
from deploy.audit.event import Told
from deploy.audit.findings import Kind, Notes
from deploy.audit.rules import NOTHING

Due = tuple[str, str | None]
"""An act that must follow, and the order or case that it is about (none: a new one)."""

Open = tuple[str, str | None]
"""The kind of a clock that is open, and what it is about (none: the petition itself)."""


class Machine(Protocol):
    """One service's part of a petition."""

    @property
    def followers(self) -> tuple[str, ...]:
        """The representatives who follow it, as far as the service can know: its events carry them."""
        ...

    def react(self, cause: Told) -> Sequence[Due]:
        """Let an event of another service be applied; return the acts that must come of it."""
        ...

    def take(self, event: Told, act: str, note: Notes) -> None:
        """Let an act happen, and note it if its turn has not come or is over."""
        ...

    def clocks(self) -> set[Open]:
        """Return which clocks are open now."""
        ...


def _move(service: str, event: Told, act: str, state: str, note: Notes) -> str:
    """Return the state that an act leads to, and note it if the table has no such row."""
    step = rules.TABLES[service][act]
    if state not in step.origins:
        again = state == step.to
        kind = Kind.DOUBLED if again else Kind.OUT_OF_ORDER
        what = "a second time" if again else f"though it was {state}"
        note(kind, service, f"{event} happened {what}; it follows {' or '.join(sorted(step.origins))}")
    return step.to or state


@dataclass(slots=True)
class AtIntake:
    """The petition at intake."""

    state: str = NOTHING
    cycle: int = 1
    steps: list[str] = field(default_factory=list[str])
    reply_known: bool = False
    closed: bool = False
    lead: str | None = None
    followers: tuple[str, ...] = ()
    said: dict[str, Any] = field(default_factory=dict[str, Any])
    """What events have said of columns: title, category, department and the like, the last word on each."""

    def react(self, cause: Told) -> Sequence[Due]:
        """Follow lead, reply and closing; a reopened matter that was solved on the spot is screened again."""
        match cause.type:
            case "work_order.assigned" | "work_order.ruled":
                self.lead = cause.data.get("department")
            case "work_order.declined":
                self.lead = cause.lead
            case "petition.replied" | "work_order.reply_returned" if cause.cycle == self.cycle:
                self.reply_known = cause.type == "petition.replied"
            case "petition.closed":
                self.closed = True
            case "petition.reopened" if cause.data["newCycle"] > self.cycle:
                self.cycle, self.reply_known = cause.data["newCycle"], False
                if self.state == "RESOLVED_ON_SPOT":
                    return [("petition.screening_resumed", None)]
            case _:
                pass
        return []

    def take(self, event: Told, act: str, note: Notes) -> None:
        """Let an act happen."""
        self.state = _move("intake", event, act, self.state, note)
        if event.cycle != self.cycle:
            note(Kind.DISAGREE, "intake", f"{event} says cycle {event.cycle}; the petition was in cycle {self.cycle}")
        needed, made = rules.NEEDS.get(act), rules.MAKES.get(act)
        if needed is not None and needed not in self.steps:
            note(Kind.OUT_OF_ORDER, "intake", f"{event} came before {needed}")
        if made is not None and made in self.steps:
            note(Kind.DOUBLED, "intake", f"{event} took the step {made} a second time in cycle {self.cycle}")
        if act in rules.BEFORE_A_REPLY and self.reply_known:
            note(Kind.OUT_OF_ORDER, "intake", f"{event} happened though a reply was known")
        if act in rules.BEFORE_CLOSING and self.closed:
            note(Kind.OUT_OF_ORDER, "intake", f"{event} happened though it was known to be closed")
        if act == "petition.screening_resumed":
            self.steps = ["LISTEN"]
        if made is not None:
            self.steps.append(made)
        if event.type in {"petition.submitted", "petition.followed"}:
            self._join(event.data.get("representative"), event, note)
        self._hear(event)

    def _join(self, representative: str | None, event: Told, note: Notes) -> None:
        if representative in self.followers:
            note(Kind.DOUBLED, "intake", f"{event} names a representative who followed it already")
        elif representative is not None:
            self.followers = (*self.followers, representative)

    def _hear(self, event: Told) -> None:
        said: dict[str, tuple[str, ...]] = {
            "petition.submitted": ("trackingCode", "kind", "channel", "estate", "representative"),
            "petition.accepted": ("title", "category", "urgency", "extent"),
            "petition.readied": ("department", "deadlineClass"),
            "petition.rejected": ("ground", "referral"),
        }
        for name in said.get(event.type, ()):
            self.said[name] = event.data.get(name)

    def clocks(self) -> set[Open]:
        """Return which clocks are open now."""
        return {(kind, None) for kind in rules.CLOCKS_OF["intake"].get(self.state, frozenset[str]())}


@dataclass(slots=True)
class Order:
    """A work order."""

    id: str
    cycle: int
    state: str = NOTHING
    department: str | None = None
    deadline_class: str | None = None
    ruled: bool = False
    asked: bool = False
    asked_sequence: int = 0
    declined_by: list[str] = field(default_factory=list[str])
    returns: int = 0


@dataclass(slots=True)
class Instruction:
    """What the supervisor demanded; `department` led then."""

    department: str | None
    state: str = NOTHING


@dataclass(slots=True)
class AtDispatch:
    """The petition at dispatch. It exists from its first order on, or in cycle 0 once it was pressed before that."""

    exists: bool = False
    withdrawn: bool = False
    visit_known: bool = False
    cycle: int = 0
    lead: str | None = None
    followers: tuple[str, ...] = ()
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    instructions: dict[str, Instruction] = field(default_factory=dict[str, Instruction])

    def react(self, cause: Told) -> Sequence[Due]:
        """Open, resume and cancel orders as the others' events demand."""
        self.followers = cause.followers if cause.service == "intake" else self.followers
        match cause.type:
            case "petition.readied" if not self.exists or (not self.withdrawn and cause.cycle > self.cycle):
                self.exists, self.cycle, self.visit_known = True, cause.cycle, False
                return [("work_order.opened", None)]
            case "petition.information_added":
                seen = cause.seen.get("dispatch", 0)
                asked = (o for o in self.orders.values() if o.asked and o.asked_sequence <= seen)
                return [("work_order.resumed", o.id) for o in list(asked)[:1]]
            case "petition.withdrawn" if self.exists and not self.withdrawn:
                self.withdrawn = True
                return self._ends()
            case "petition.rejected" if self._pressed:
                return self._ends()
            case "visit.recorded" | "case.recalled" if cause.cycle == self.cycle:
                self.visit_known = cause.type == "visit.recorded"
            case "petition.closed" if self.exists and cause.cycle >= self.cycle:
                self.visit_known = self.visit_known or bool(self.orders) or self._pressed
                return self._ends()
            case "petition.reopened" if self.orders and cause.data["newCycle"] > self.cycle:
                cancels = self._cancels()
                self.cycle, self.visit_known = cause.data["newCycle"], False
                return cancels if self.withdrawn else [*cancels, ("work_order.opened", None)]
            case _:
                pass
        return []

    @property
    def _pressed(self) -> bool:
        return any(i.state == "OPEN" for i in self.instructions.values())

    def _ends(self) -> list[Due]:
        """Let instructions lapse, which no event tells but their clocks', and cancel orders."""
        for instruction in self.instructions.values():
            instruction.state = "LAPSED" if instruction.state == "OPEN" else instruction.state
        return self._cancels()

    def _cancels(self) -> list[Due]:
        return [("work_order.cancelled", o.id) for o in self.orders.values() if o.state in rules.OPEN_ORDERS]

    def take(self, event: Told, act: str, note: Notes) -> None:
        """Let an act happen."""
        if act in rules.INSTRUCTIONS:
            return self._instruct(event, act, note)
        order = self.orders.get(event.data["workOrderId"])
        if order is None:
            order = Order(event.data["workOrderId"], event.cycle)
            if any(o.cycle == event.cycle for o in self.orders.values()):
                note(Kind.DOUBLED, "dispatch", f"{event} is about a second order in cycle {event.cycle}")
            self.orders[order.id] = order
        order.state = _move("dispatch", event, act, order.state, note)
        expected = self.cycle if act == "work_order.opened" else order.cycle
        if event.cycle != expected:
            note(Kind.DISAGREE, "dispatch", f"{event} says cycle {event.cycle}; the order's is {expected}")
        if (why := self._objection(order, event, act)) is not None:
            note(Kind.OUT_OF_ORDER, "dispatch", f"{event} happened though {why}")
        self._change(order, event, act)
        if act not in {"work_order.opened", "work_order.cancelled"}:
            self.lead = order.department
        return None

    def _instruct(self, event: Told, act: str, note: Notes) -> None:
        given = self.instructions.setdefault(event.data["instructionId"], Instruction(event.data.get("department")))
        given.state = _move("dispatch", event, act, given.state, note)
        if event.cycle != self.cycle:
            note(Kind.DISAGREE, "dispatch", f"{event} says cycle {event.cycle}; the petition was in {self.cycle}")
        if act == "petition.pressed":
            self.exists = True
            if self.withdrawn:
                note(Kind.OUT_OF_ORDER, "dispatch", f"{event} happened though the petition was known to be withdrawn")
            if given.department != self.lead:
                note(Kind.DISAGREE, "dispatch", f"{event} is addressed to another department than the one that led")

    def _declines(self, cycle: int) -> list[str]:
        return [by for o in self.orders.values() if o.cycle == cycle for by in o.declined_by]

    def _objection(self, order: Order, event: Told, act: str) -> str | None:
        declines = self._declines(order.cycle)
        match act:
            case "work_order.declined 1" | "work_order.declined 2" if order.ruled:
                return "it had been ruled upon"
            case "work_order.declined 1" | "work_order.declined 2" if event.data["nth"] != len(declines) + 1:
                return f"{len(declines)} declines preceded it in this cycle"
            case "work_order.referred_for_ruling" if event.data["responsible"] != declines[0]:
                return "another department was the first receiver"
            case "work_order.information_requested" if order.asked:
                return "a question was open"
            case "work_order.resumed" if not order.asked:
                return "no question was open"
            case "work_order.reply_returned" if self.withdrawn:
                return "the petition was known to be withdrawn"
            case "work_order.reply_returned" if self.visit_known:
                return "a visit was known"
            case "work_order.acknowledged" | "work_order.replied" | "petition.replied" if (
                event.data["department"] != order.department
            ):
                return "another department was responsible"
            case _:
                return None

    def _change(self, order: Order, event: Told, act: str) -> None:
        match act:
            case "work_order.opened":
                order.deadline_class = event.data["deadlineClass"]
            case "work_order.assigned":
                order.department, order.deadline_class = event.data["department"], event.data["deadlineClass"]
            case "work_order.declined 1":
                order.declined_by.append(event.data["department"])
                order.department = None
            case "work_order.declined 2":
                order.department = [*self._declines(order.cycle), event.data["department"]][0]
                order.declined_by.append(event.data["department"])
            case "work_order.ruled":
                order.department, order.ruled = event.data["department"], True
            case "work_order.information_requested":
                order.asked, order.asked_sequence = True, event.sequence
            case "work_order.resumed" | "work_order.replied" | "work_order.cancelled":
                order.asked = False
            case "work_order.reply_returned":
                order.returns += 1
            case _:
                pass

    def clocks(self) -> set[Open]:
        """Return which clocks are open now."""
        table = rules.CLOCKS_OF["dispatch"]
        pressed: set[Open] = {(rules.INSTRUCTION, id_) for id_, i in self.instructions.items() if i.state == "OPEN"}
        return pressed | {
            (kind, order.id)
            for order in self.orders.values()
            for kind in table.get(f"{order.state} asked" if order.asked else order.state, frozenset[str]())
        }


@dataclass(slots=True)
class Visit:
    """What a visit or an attempt came to."""

    cycle: int
    round: int
    outcome: str
    means: str
    responded: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    proposed: bool = False
    stands: bool = True


@dataclass(slots=True)
class Case:
    """A case, one a cycle."""

    id: str
    cycle: int
    state: str = NOTHING
    department: str | None = None
    round: int = 1
    visits: list[Visit] = field(default_factory=list[Visit])
    cause: str | None = None

    @property
    def visit(self) -> Visit | None:
        """The visit that stands in this round."""
        made = (v for v in self.visits if v.round == self.round and v.outcome != "MISSED" and v.stands)
        return next(made, None)

    @property
    def proposed(self) -> bool:
        """Whether the ledger is proposed."""
        return self.visit is not None and self.visit.proposed

    @property
    def attempts(self) -> int:
        """How many attempts failed in this round."""
        return sum(v.round == self.round and v.outcome == "MISSED" for v in self.visits)


NOT_SOLVED: Final = "NOT_SOLVED"
_LEDGER_CAUSES: Final = frozenset({"LEDGER_REFUSED", "LEDGER_UNANSWERED"})


@dataclass(slots=True)
class AtFeedback:
    """The petition at feedback."""

    withdrawn: bool = False
    reopened: int = 0
    cycle: int | None = None
    followers: tuple[str, ...] = ()
    cases: list[Case] = field(default_factory=list[Case])
    _result: Told | None = None

    @property
    def case(self) -> Case | None:
        """The present case."""
        return self.cases[-1] if self.cases else None

    def react(self, cause: Told) -> Sequence[Due]:
        """Schedule a visit for each result, recall and cancel cases."""
        case = self.case
        self.followers = cause.followers if cause.service == "intake" else self.followers
        match cause.type:
            case "petition.followed":
                self.cycle = self.cycle or cause.cycle
                return []
            case "petition.replied" | "petition.resolved_on_spot":
                return self._schedule(cause)
            case "work_order.reply_returned" if (
                case is not None
                and (case.cycle, case.department) == (cause.cycle, cause.data["department"])
                and case.state in rules.RECALLABLE
            ):
                return [("case.recalled", case.id)]
            case "petition.withdrawn":
                self.withdrawn = True
                self.cycle = self.cycle or cause.cycle
                return [("case.cancelled", case.id)] if case is not None and case.state in rules.OPEN_CASES else []
            case _:
                return []

    def _schedule(self, cause: Told) -> Sequence[Due]:
        case = self.case
        if case is not None and case.cycle == cause.cycle:
            if case.state != "RECALLED":
                return []
            self._result = cause
            return [("visit.scheduled", case.id)]
        if case is not None and case.cycle > cause.cycle:
            return []
        self._result, self.cycle = cause, cause.cycle
        return [("case.cancelled" if self.withdrawn else "visit.scheduled", None)]

    def take(self, event: Told, act: str, note: Notes) -> None:
        """Let an act happen."""
        case = next((c for c in self.cases if c.id == event.data["caseId"]), None)
        if case is None:
            case = Case(event.data["caseId"], event.cycle)
            if any(c.cycle == event.cycle for c in self.cases):
                note(Kind.DOUBLED, "feedback", f"{event} is about a second case in cycle {event.cycle}")
            self.cases.append(case)
        before = case.state
        case.state = _move("feedback", event, act, before, note)
        if event.cycle != case.cycle:
            note(Kind.DISAGREE, "feedback", f"{event} says cycle {event.cycle}; the case's is {case.cycle}")
        if (why := self._objection(case, event)) is not None:
            note(Kind.OUT_OF_ORDER, "feedback", f"{event} happened though {why}")
        self._change(case, event, before)

    def _objection(self, case: Case, event: Told) -> str | None:
        data, visit = event.data, case.visit
        match event.type:
            case "visit.attempted" if data["attempt"] != case.attempts + 1:
                return f"{case.attempts} attempts preceded it in this round"
            case "visit.recorded" if not data["reached"] and case.attempts < rules.ATTEMPTS_BEFORE_NOT_REACHED:
                return f"only {case.attempts} attempts had failed"
            case "petition.closed" if case.proposed:
                return "the ledger was proposed"
            case "petition.ledgered" if not case.proposed:
                return "the ledger was not proposed"
            case "petition.reopened":
                return self._objection_to_reopening(case, visit, event)
            case _:
                return None

    def _objection_to_reopening(self, case: Case, visit: Visit | None, event: Told) -> str | None:
        cause = event.data["cause"]
        if event.data["newCycle"] != case.cycle + 1:
            return f"the case was in cycle {case.cycle}"
        if event.data["supervised"] != (self.reopened + 1 >= rules.SUPERVISED_FROM):
            return f"it had been reopened {self.reopened} times before"
        if visit is None:
            return "no visit stood"
        if cause == NOT_SOLVED:
            return None if visit.solved is False and not visit.proposed else "the visit did not say that"
        if cause in _LEDGER_CAUSES:
            return None if visit.proposed else "the ledger was not proposed"
        return None if visit.solved and visit.satisfied is False else "it was not solved to no satisfaction"

    def _change(self, case: Case, event: Told, before: str) -> None:
        data = event.data
        match event.type:
            case "visit.scheduled":
                case.round += 0 if before == NOTHING else 1
                if before != "LEDGERED" and self._result is not None:
                    case.department = self._result.data.get("department")
            case "visit.attempted":
                case.visits.append(Visit(case.cycle, case.round, "MISSED", data["means"]))
            case "visit.recorded":
                case.visits.append(
                    Visit(
                        case.cycle,
                        case.round,
                        "REACHED" if data["reached"] else "NOT_REACHED",
                        data["means"],
                        data.get("responded"),
                        data.get("solved"),
                        data.get("satisfied"),
                        data.get("ledgerProposed", False),
                    )
                )
            case "petition.reopened":
                self.reopened += 1
                case.cause = data["cause"]
            case "case.recalled" | "case.cancelled":
                if before == NOTHING and self._result is not None:
                    case.department = self._result.data.get("department")
                for visit in case.visits:
                    visit.stands = False
            case _:
                pass

    def clocks(self) -> set[Open]:
        """Return which clocks are open now."""
        table = rules.CLOCKS_OF["feedback"]
        return {
            (kind, case.id)
            for case in self.cases
            for kind in table.get(
                "VISITED proposed" if case.state == "VISITED" and case.proposed else case.state, frozenset[str]()
            )
        }
