"""What others say, in any order of arrival: each source's own order holds, and the end is the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import ClockKind, WorkOrderState
from services.dispatch.domain import following
from services.dispatch.domain.work_order import Act, Petition, WorkOrder
from services.kernel.head import Decision
from tests.support.terms import TERMS
from tests.support.work_orders import (
    NOW,
    PATHS,
    SUGGESTED,
    after,
    do,
    hours,
    in_state,
    order_of,
    pending,
    running,
)

S = WorkOrderState


class Said(NamedTuple):
    """An event of another service: what, and in which cycle (for a reopening the new one)."""

    what: str
    cycle: int = 1


def heard(petition: Petition, said: Said) -> Petition:
    """Return the petition after an event, as commands/following.py would leave it."""

    def state_of(decision: Decision[Petition] | None) -> Petition:
        return petition if decision is None else decision.state

    now = NOW + hours(1)
    match said.what:
        case "withdrawn":
            return state_of(following.withdraw(petition, TERMS, now=now))
        case "information":
            seen = petition.head.sequence + 1
            return state_of(following.add_information(petition, seen, TERMS, now=now))
        case "visited" | "recalled":
            return state_of(following.learn_visit(petition, said.cycle, known=said.what == "visited"))
        case "closed":
            return state_of(following.close(petition, said.cycle, TERMS, now=now))
        case _:
            petition = state_of(following.leave_cycle(petition, said.cycle, TERMS, now=now))
            return state_of(following.reopen(petition, said.cycle, SUGGESTED, TERMS, now=now))


Place = tuple[int, bool, bool, list[tuple[int, WorkOrderState, bool]], set[ClockKind]]


def place(petition: Petition) -> Place:
    """Return where a petition stands: what is still to be done, and what can no longer be."""
    open_orders = [(o.cycle, o.state, o.asked) for o in petition.open_orders]
    return petition.head.cycle, petition.withdrawn, petition.visit_known, open_orders, running(petition)


STARTS: dict[str, Petition] = {state.value: in_state(state) for state in PATHS if state is not S.CANCELLED}
STARTS["ASKED"] = after(in_state(S.IN_PROGRESS), Act.ASK_RESIDENT)
STARTS["SENT_BACK"] = after(in_state(S.REPLIED), Act.SEND_BACK)
STARTS["SENT_BACK_AND_ASKED"] = after(STARTS["SENT_BACK"], Act.ASK_RESIDENT)
STARTS["REPLIED_AGAIN"] = after(STARTS["SENT_BACK"], Act.REPLY)

INTAKE: list[list[Said]] = [
    [],
    [Said("information")],
    [Said("withdrawn")],
    [Said("information"), Said("information"), Said("withdrawn")],
]
FEEDBACK: list[list[Said]] = [
    [],
    [Said("visited")],
    [Said("visited"), Said("closed")],
    [Said("visited"), Said("recalled")],
    [Said("visited"), Said("recalled"), Said("visited"), Said("closed")],
    [Said("visited"), Said("reopened", 2)],
    [Said("visited", 2), Said("reopened", 2)],
    [Said("visited"), Said("reopened", 2), Said("recalled")],
]


def interleaved(first: Sequence[Said], second: Sequence[Said], choices: Sequence[bool]) -> list[Said]:
    """Return one order of arrival of two streams."""
    left, right = list(first), list(second)
    merged: list[Said] = []
    for choice in choices:
        source = left if (choice and left) or not right else right
        merged += source[:1]
        del source[:1]
    return merged + left + right


def heard_all(petition: Petition, arrival: Sequence[Said]) -> Petition:
    for said in arrival:
        petition = heard(petition, said)
    return petition


@given(
    start=st.sampled_from(sorted(STARTS)),
    intake=st.sampled_from(INTAKE),
    feedback=st.sampled_from(FEEDBACK),
    choices=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_whatever_order_they_arrive_in_the_end_is_the_same(
    start: str, intake: list[Said], feedback: list[Said], choices: list[bool]
) -> None:
    petition = STARTS[start]
    one = heard_all(petition, interleaved(intake, feedback, choices))
    other = heard_all(petition, [*intake, *feedback])
    assert place(one) == place(other)


@given(
    start=st.sampled_from(sorted(STARTS)),
    intake=st.sampled_from(INTAKE),
    feedback=st.sampled_from(FEEDBACK),
    choices=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_what_is_open_has_a_running_clock_and_what_is_over_has_none(
    start: str, intake: list[Said], feedback: list[Said], choices: list[bool]
) -> None:
    petition = STARTS[start]
    for said in interleaved(intake, feedback, choices):
        petition = heard(petition, said)
        about = {clock.about for clock in petition.head.clocks if clock.is_open}
        assert about == {order.id for order in petition.open_orders}
        assert len(petition.open_orders) <= 1


@given(start=st.sampled_from(sorted(STARTS)), when=st.sampled_from(["reply", "withdrawal"]))
def test_a_withdrawal_wins_over_a_reply_in_flight(start: str, when: str) -> None:
    petition = STARTS[start]
    replies = order_of(petition).state is S.IN_PROGRESS and when == "reply"
    petition = do(petition, Act.REPLY).state if replies else petition
    gone = heard(petition, Said("withdrawn"))
    assert gone.withdrawn
    assert not gone.open_orders
    assert not running(gone)
    assert heard(gone, Said("withdrawn")) is gone


REPEATED: list[Callable[[Petition], Petition]] = [
    lambda p: heard(heard(p, Said("reopened", 2)), Said("reopened", 2)),
    lambda p: heard(heard(p, Said("reopened", 2)), Said("reopened", 1)),
]


@pytest.mark.parametrize("twice", REPEATED)
def test_an_older_or_repeated_reopening_changes_nothing(twice: Callable[[Petition], Petition]) -> None:
    petition = in_state(S.REPLIED)
    assert len(twice(petition).orders) == 2


def test_a_reopened_petition_gets_a_new_order_with_the_history_beside_it() -> None:
    petition = heard_all(in_state(S.REPLIED), [Said("visited"), Said("reopened", 2)])
    first, second = petition.orders
    assert (first.state, first.cycle) == (S.REPLIED, 1)
    assert (second.state, second.cycle, second.request) == (S.PENDING, 2, first.request)
    assert second.deadline_class is first.deadline_class
    assert running(petition) == {ClockKind.ASSIGNMENT}
    assert not petition.visit_known
    assert petition.head.scope.lead == "housing"
    assert not petition.declines


def test_a_decline_of_an_earlier_cycle_does_not_count() -> None:
    petition = after(pending(), Act.ASSIGN, Act.DECLINE_FIRST, Act.ASSIGN, Act.ACKNOWLEDGE, Act.START, Act.REPLY)
    again = after(heard(petition, Said("reopened", 2)), Act.ASSIGN, Act.DECLINE_FIRST)
    assert order_of(again).state is S.PENDING


def test_a_reply_sent_back_while_the_visit_was_made_is_cancelled_before_the_next_cycle_begins() -> None:
    petition = heard_all(STARTS["SENT_BACK"], [Said("visited"), Said("reopened", 2)])
    assert [(o.cycle, o.state) for o in petition.orders] == [(1, S.CANCELLED), (2, S.PENDING)]


def test_the_cancelled_order_belongs_to_the_cycle_that_ends() -> None:
    decision = following.leave_cycle(STARTS["SENT_BACK"], 2, TERMS, now=NOW)
    assert decision is not None
    assert decision.state.head.cycle == 1
    assert [fact.event.TYPE for fact in decision.facts] == ["work_order.cancelled", "clock.stopped"]


def test_a_reply_sent_back_too_late_is_cancelled_with_the_closing() -> None:
    petition = heard_all(STARTS["SENT_BACK"], [Said("visited"), Said("closed")])
    assert order_of(petition).state is S.CANCELLED
    assert petition.visit_known


def test_information_that_nobody_asked_for_changes_nothing() -> None:
    for name, petition in STARTS.items():
        if "ASKED" not in name:
            assert heard(petition, Said("information")) is petition


def test_only_what_was_sent_after_the_question_answers_it() -> None:
    working = in_state(S.IN_PROGRESS)
    asked = after(replace(working, head=replace(working.head, sequence=7)), Act.ASK_RESIDENT)
    assert following.add_information(asked, 7, TERMS, now=NOW) is None
    answered = following.add_information(asked, 8, TERMS, now=NOW)
    assert answered is not None
    again = answered.state
    again = after(replace(again, head=replace(again.head, sequence=14)), Act.ASK_RESIDENT)
    assert following.add_information(again, 14, TERMS, now=NOW) is None
    assert following.add_information(again, 15, TERMS, now=NOW) is not None


def order_states(petition: Petition) -> list[tuple[int, WorkOrderState]]:
    def key(order: WorkOrder) -> tuple[int, WorkOrderState]:
        return order.cycle, order.state

    return [key(order) for order in petition.orders]


def test_nothing_is_sent_back_while_a_visit_stands_and_all_is_well_after_its_recall() -> None:
    known = heard(STARTS["REPLIED_AGAIN"], Said("visited"))
    recalled = heard(known, Said("recalled"))
    assert order_states(after(recalled, Act.SEND_BACK)) == [(1, S.IN_PROGRESS)]
