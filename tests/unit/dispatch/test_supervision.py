"""Pressing by hand: an instruction must be answered until it is, or until the petition is over."""

from dataclasses import replace
from typing import Any

import pytest

from services.contracts.dispatch import PetitionPressed
from services.contracts.vocabulary import CaseState, ClockKind, PetitionState, Role, Source, WorkOrderState
from services.dispatch.domain import access, assignment, following, supervision
from services.dispatch.domain.instruction import InstructionState
from services.dispatch.domain.supervision import Elsewhere
from services.dispatch.domain.work_order import Act, Petition
from services.kernel.access import Actor
from services.kernel.errors import InvalidState
from services.kernel.head import Decision
from tests.support.terms import TERMS
from tests.support.work_orders import (
    BY,
    NOW,
    SUGGESTED,
    SUPERVISOR,
    do,
    elsewhere,
    handed_over,
    hours,
    in_state,
    pending,
    press,
    running,
)

S, Is = WorkOrderState, InstructionState


def answer(petition: Petition, **other: Any) -> Decision[Petition]:
    given: dict[str, Any] = {"words": "已到现场", "terms": TERMS, "by": BY, "now": NOW + hours(1), **other}
    return supervision.answer(petition, petition.instructions[-1], **given)


def unheard() -> Petition:
    return supervision.not_handed_over(elsewhere(PetitionState.SUBMITTED), {Source.INTAKE: 1})


def types(decision: Decision[Petition]) -> list[str]:
    return [fact.event.TYPE for fact in decision.facts]


@pytest.mark.parametrize("state", [s for s in S if s is not S.CANCELLED])
def test_a_petition_is_pressed_at_any_time(state: WorkOrderState) -> None:
    before = in_state(state)
    decision = press(before)
    [instruction] = decision.state.instructions
    assert instruction.state is Is.OPEN
    assert instruction.department == before.head.scope.lead
    assert types(decision) == ["petition.pressed", "clock.started"]
    assert running(decision.state) == {*running(before), ClockKind.INSTRUCTION}
    pressed = decision.facts[0]
    assert pressed.event == PetitionPressed(
        by=SUPERVISOR, instruction_id=instruction.id, department=before.head.scope.lead
    )
    assert pressed.remark == "三日内到现场"


def test_also_before_it_is_handed_over_and_then_its_order_is_opened_beside_the_instruction() -> None:
    pressed = press(unheard(), elsewhere(PetitionState.SUBMITTED)).state
    assert (pressed.head.cycle, pressed.orders, pressed.instructions[0].department) == (0, (), None)
    asked = handed_over(scope=replace(pressed.head.scope, lead="not-yet", followers=("rep-a", "rep-b")))
    opened = assignment.open_order(pressed, asked, SUGGESTED, TERMS, now=NOW)
    assert opened is not None
    assert opened.state.head.cycle == 1
    assert opened.state.title == asked.title
    assert opened.state.head.scope == replace(asked.scope, lead=None)
    assert opened.state.instructions == pressed.instructions
    assert running(opened.state) == {ClockKind.ASSIGNMENT, ClockKind.INSTRUCTION}


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (elsewhere(PetitionState.REJECTED), "REJECTED"),
        (elsewhere(PetitionState.MERGED), "MERGED"),
        (elsewhere(PetitionState.WITHDRAWN), "WITHDRAWN"),
        (elsewhere(case=CaseState.CLOSED), "CLOSED"),
        (elsewhere(case=CaseState.CANCELLED), "CANCELLED"),
    ],
)
def test_what_is_over_is_not_pressed(known: Elsewhere, state: str) -> None:
    with pytest.raises(InvalidState) as refused:
        press(in_state(S.REPLIED), known)
    assert (refused.value.extensions["state"], refused.value.extensions["allowed"]) == (state, [])


@pytest.mark.parametrize("case", [c for c in CaseState if c not in {CaseState.CLOSED, CaseState.CANCELLED}])
def test_a_petition_that_is_evaluated_is_still_open(case: CaseState) -> None:
    assert press(in_state(S.REPLIED), elsewhere(case=case)).state.open_instructions


def test_a_withdrawal_that_is_known_here_counts_at_once() -> None:
    withdrawn = following.withdraw(in_state(S.ASSIGNED), TERMS, now=NOW)
    assert withdrawn is not None
    with pytest.raises(InvalidState):
        press(withdrawn.state)


def test_an_answer_stops_the_clock_and_is_given_once() -> None:
    pressed = press(in_state(S.ASSIGNED)).state
    decision = answer(pressed)
    assert types(decision) == ["petition.instruction_answered", "clock.stopped"]
    assert ClockKind.INSTRUCTION not in running(decision.state)
    assert decision.state.instructions[0].state is Is.ANSWERED
    assert not decision.state.open_instructions
    with pytest.raises(InvalidState) as refused:
        answer(decision.state)
    assert refused.value.extensions["state"] == "ANSWERED"


def test_each_instruction_has_its_own_clock_and_its_own_answer() -> None:
    twice = press(press(in_state(S.ASSIGNED)).state).state
    decision = answer(twice)
    first, second = decision.state.instructions
    assert (first.state, second.state) == (Is.OPEN, Is.ANSWERED)
    assert [c.about for c in decision.state.head.clocks if c.is_open and c.kind is ClockKind.INSTRUCTION] == [first.id]


@pytest.mark.parametrize("end", ["withdrawn", "rejected", "closed"])
@pytest.mark.parametrize("start", ["not handed over", "PENDING", "REPLIED"])
def test_what_is_unanswered_lapses_with_the_petition(start: str, end: str) -> None:
    petition = unheard() if start == "not handed over" else in_state(S(start))
    pressed = press(answer(press(petition).state).state).state
    given: dict[str, Any] = {"terms": TERMS, "now": NOW + hours(2)}
    match end:
        case "withdrawn":
            over = following.withdraw(pressed, **given)
        case "rejected":
            over = following.reject(pressed, **given)
        case _:
            over = following.close(pressed, 1, **given)
    assert over is not None
    assert [i.state for i in over.state.instructions] == [Is.ANSWERED, Is.LAPSED]
    assert over.state.instructions[1].lapsed_at == NOW + hours(2)
    assert not running(over.state)
    with pytest.raises(InvalidState) as refused:
        answer(over.state)
    assert refused.value.extensions["state"] == "LAPSED"


def test_a_rejection_where_nothing_was_demanded_changes_nothing() -> None:
    assert following.reject(unheard(), TERMS, now=NOW) is None


def test_a_closing_where_nothing_is_open_changes_nothing() -> None:
    answered = answer(press(unheard()).state).state
    assert following.close(answered, 1, TERMS, now=NOW) is None


def test_a_reopening_keeps_the_instruction_and_its_clock() -> None:
    petition = press(do(in_state(S.REPLIED), Act.SEND_BACK).state).state
    left = following.leave_cycle(petition, 2, TERMS, now=NOW)
    assert left is not None
    assert running(left.state) == {ClockKind.INSTRUCTION}
    reopened = following.reopen(left.state, 2, SUGGESTED, TERMS, now=NOW)
    assert reopened is not None
    assert reopened.state.open_instructions == petition.instructions
    assert running(reopened.state) == {ClockKind.ASSIGNMENT, ClockKind.INSTRUCTION}


def test_what_was_solved_on_the_spot_and_pressed_is_intakes_to_screen_again() -> None:
    pressed = press(unheard(), elsewhere(PetitionState.RESOLVED_ON_SPOT, CaseState.AWAITING_VISIT)).state
    assert following.learn_visit(pressed, 1, known=True) is None
    assert following.leave_cycle(pressed, 2, TERMS, now=NOW) is None
    assert following.reopen(pressed, 2, SUGGESTED, TERMS, now=NOW) is None
    again = assignment.open_order(pressed, handed_over(cycle=2), SUGGESTED, TERMS, now=NOW)
    assert again is not None
    assert again.state.head.cycle == 2


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (Actor("a", frozenset({Role.DEPARTMENT}), department="housing"), True),
        (Actor("a", frozenset({Role.DEPARTMENT_HEAD}), department="housing"), True),
        (Actor("a", frozenset({Role.DEPARTMENT}), department="water"), False),
        (Actor("a", frozenset({Role.DEPARTMENT}), department="police"), False),
        (Actor("a", frozenset({Role.STREET_COMMITTEE}), street="huangtupo"), True),
        (Actor("a", frozenset({Role.STREET_COMMITTEE}), street="dewu"), False),
        (Actor("a", frozenset({Role.DISTRICT_SUPERVISOR})), False),
    ],
)
def test_who_leads_or_the_street_answers(actor: Actor, *, may: bool) -> None:
    assigned = in_state(S.ASSIGNED)
    scope = replace(assigned.head.scope, cohandlers=("police",))
    assert access.leads(actor, replace(assigned, head=replace(assigned.head, scope=scope)), access.ANSWER) is may


def test_while_nobody_leads_no_department_answers() -> None:
    head = Actor("a", frozenset({Role.DEPARTMENT_HEAD}), department="housing")
    assert not access.leads(head, pending(), access.ANSWER)
