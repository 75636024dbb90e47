"""Working, asking and replying: the handling clock stands still exactly as long as the resident is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.dispatch import PetitionReplied, WorkOrderReplyReturned, WorkOrderResumed
from services.contracts.event import SYSTEM
from services.contracts.vocabulary import ClockKind, ClockState, DeadlineClass, WorkOrderState
from services.dispatch.domain import handling
from services.dispatch.domain.work_order import Act, Petition, allowed
from services.kernel.clocks import Clock, Level
from services.kernel.errors import InvalidState
from tests.support.terms import TERMS
from tests.support.work_orders import BY, NOW, after, do, hours, in_state, order_of, pending

S = WorkOrderState
WORKING_DAY = timedelta(days=1)


def handling_clock(petition: Petition) -> Clock:
    return [c for c in petition.head.clocks if c.kind is ClockKind.HANDLING][-1]


def asked(now: datetime = NOW) -> Petition:
    return do(in_state(S.IN_PROGRESS), Act.ASK_RESIDENT, now=now).state


def test_an_answer_moves_the_due_date_by_the_working_time_paused() -> None:
    before = handling_clock(in_state(S.IN_PROGRESS))
    assert before.due_at == datetime(2026, 12, 1, 2, tzinfo=UTC)
    petition = asked(NOW + WORKING_DAY)
    assert handling_clock(petition).state is ClockState.PAUSED
    assert order_of(petition).asked
    decision = do(petition, Act.RESUME, now=NOW + timedelta(days=6, hours=3))
    # Wednesday 10:00 to Monday 13:00: Wednesday's rest, Thursday, Friday, and Monday until 13:00.
    due = datetime(2026, 12, 4, 5, tzinfo=UTC)
    assert handling_clock(decision.state).due_at == due
    event = decision.facts[0].event
    assert isinstance(event, WorkOrderResumed)
    assert (event.expired, event.handling_due_at) == (False, due)
    assert not order_of(decision.state).asked
    assert order_of(decision.state).question == "在几号铺面？"


def test_an_urgent_order_pauses_by_the_hour() -> None:
    assigned = do(pending(), Act.ASSIGN, deadline_class=DeadlineClass.URGENT).state
    working = after(assigned, Act.ACKNOWLEDGE, Act.START, Act.ASK_RESIDENT)
    resumed = do(working, Act.RESUME, now=NOW + hours(5)).state
    assert handling_clock(resumed).due_at == NOW + hours(29)


def test_an_answer_older_than_the_question_moves_nothing() -> None:
    petition = asked(NOW + WORKING_DAY)
    resumed = do(petition, Act.RESUME, now=NOW).state
    assert handling_clock(resumed).due_at == datetime(2026, 12, 1, 2, tzinfo=UTC)


def test_the_question_that_nobody_answers_expires() -> None:
    petition = asked()
    decision = handling.resume(petition, order_of(petition), expired=True, terms=TERMS, now=NOW + 7 * WORKING_DAY)
    event = decision.facts[0].event
    assert isinstance(event, WorkOrderResumed)
    assert event.expired


def test_one_question_at_a_time() -> None:
    petition = asked()
    with pytest.raises(InvalidState, match="a question to the resident is open"):
        do(petition, Act.ASK_RESIDENT)
    assert allowed(petition, order_of(petition)) == [Act.REPLY]
    again = after(petition, Act.RESUME, Act.ASK_RESIDENT)
    assert order_of(again).asked


def test_a_reply_settles_an_open_question_and_is_not_late_for_it() -> None:
    # Asked on Wednesday, answered without waiting on 8 December, a week after the original due date.
    petition = asked(NOW + WORKING_DAY)
    decision = do(petition, Act.REPLY, now=NOW + timedelta(days=14))
    assert not any(clock.is_open for clock in decision.state.head.clocks)
    clock = handling_clock(decision.state)
    assert clock.due_at > NOW + timedelta(days=14)
    assert [f.event.TYPE for f in decision.facts] == [
        "work_order.replied",
        "petition.replied",
        "clock.stopped",
        "clock.resumed",
        "clock.stopped",
    ]
    assert not order_of(decision.state).asked


def test_the_reply_says_what_feedback_needs_and_keeps_its_words_here() -> None:
    decision = do(in_state(S.IN_PROGRESS), Act.REPLY)
    replied, answered = decision.facts[:2]
    assert (replied.remark, answered.remark) == ("已疏通", "")
    assert isinstance(answered.event, PetitionReplied)
    assert (answered.event.department, answered.event.category) == ("housing", "drainage")
    assert answered.event.handler == BY.subject
    reply = order_of(decision.state).reply
    assert reply is not None
    assert (reply.words, reply.measures, reply.department) == ("已疏通", "高压疏通", "housing")


def test_a_reply_sent_back_lets_its_clock_run_on_with_the_time_that_was_left() -> None:
    replied = do(in_state(S.IN_PROGRESS), Act.REPLY, now=NOW + WORKING_DAY).state
    decision = do(replied, Act.SEND_BACK, now=NOW + 2 * WORKING_DAY)
    clock = handling_clock(decision.state)
    assert clock.state is ClockState.RUNNING
    assert clock.due_at == datetime(2026, 12, 2, 2, tzinfo=UTC)
    assert clock.id == handling_clock(replied).id
    event = decision.facts[0].event
    assert isinstance(event, WorkOrderReplyReturned)
    assert event.department == "housing"


def test_a_reply_sent_back_leaves_two_working_days_at_least() -> None:
    late = NOW + timedelta(days=7)
    replied = do(in_state(S.IN_PROGRESS), Act.REPLY, now=late).state
    back = do(replied, Act.SEND_BACK, now=late).state
    assert handling_clock(back).due_at == late + 2 * WORKING_DAY


def test_what_was_sent_back_is_kept_and_no_longer_the_reply() -> None:
    back = do(in_state(S.REPLIED), Act.SEND_BACK).state
    order = order_of(back)
    assert order.reply is None
    assert [(r.ground, r.reason, r.reply.words) for r in order.returns] == [("INCOMPLETE", "不全", "已疏通")]
    again = after(back, Act.REPLY, Act.SEND_BACK)
    assert len(order_of(again).returns) == 2


def test_the_clock_of_the_last_assignment_is_the_one_revived() -> None:
    petition = after(pending(), Act.ASSIGN, Act.DECLINE_FIRST)
    petition = after(petition, Act.ASSIGN, Act.ACKNOWLEDGE, Act.START, now=NOW + WORKING_DAY)
    replied = do(petition, Act.REPLY, now=NOW + 2 * WORKING_DAY).state
    first, second = (c for c in replied.head.clocks if c.kind is ClockKind.HANDLING)
    assert first.started_at < second.started_at
    back = do(replied, Act.SEND_BACK, now=NOW + 2 * WORKING_DAY).state
    assert [c.id for c in back.head.clocks if c.is_open] == [second.id]


@pytest.mark.parametrize(
    ("petition", "why"),
    [
        (replace(in_state(S.REPLIED), visit_known=True), "the return visit has been made"),
        (replace(in_state(S.REPLIED), withdrawn=True), "the petition was withdrawn"),
        (
            replace(in_state(S.REPLIED), head=replace(in_state(S.REPLIED).head, cycle=2)),
            "the petition was reopened",
        ),
    ],
    ids=["visited", "withdrawn", "reopened"],
)
def test_a_reply_is_not_sent_back_once_it_was_visited_withdrawn_or_reopened(petition: Petition, why: str) -> None:
    assert allowed(petition, order_of(petition)) == []
    with pytest.raises(InvalidState, match=why):
        do(petition, Act.SEND_BACK)


def test_a_clock_pressed_to_the_end_runs_on_without_being_pressed_again() -> None:
    petition = in_state(S.IN_PROGRESS)
    clock = handling_clock(petition)
    while clock.fires_at is not None:
        ticking = petition.head.ticking(TERMS, SYSTEM, clock.fires_at).fire(clock)
        petition = replace(petition, head=petition.head.after(ticking))
        clock = handling_clock(petition)
    assert clock.level is Level.THIRD
    late = NOW + timedelta(days=30)
    for way in ((Act.ASK_RESIDENT, Act.RESUME), (Act.REPLY, Act.SEND_BACK)):
        again = handling_clock(after(petition, *way, now=late))
        assert (again.state, again.level, again.fires_at) == (ClockState.RUNNING, Level.THIRD, None)


def test_a_level_is_reached_once_also_by_a_clock_that_got_more_time() -> None:
    petition = in_state(S.IN_PROGRESS)
    for _ in range(2):
        clock = handling_clock(petition)
        assert clock.fires_at is not None
        ticking = petition.head.ticking(TERMS, SYSTEM, clock.fires_at).fire(clock)
        petition = replace(petition, head=petition.head.after(ticking))
    late = NOW + timedelta(days=8)
    back = handling_clock(after(petition, Act.REPLY, Act.SEND_BACK, now=late))
    assert (back.level, back.due_at) == (Level.FIRST, late + 2 * WORKING_DAY)
    assert back.fires_at is not None
    assert back.fires_at > back.due_at
