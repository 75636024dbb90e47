"""Intake's state machine: every row of the table, and every act that is not in it."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from services.contracts.event import Who
from services.contracts.vocabulary import (
    ClockKind,
    DeadlineClass,
    Extent,
    PetitionKind,
    PetitionState,
    Phase,
    Role,
    ScreeningStep,
    Urgency,
)
from services.intake.domain import acceptance, followers, screening
from services.intake.domain.acceptance import Submission
from services.intake.domain.petition import MAKES, NEEDS, TRANSITIONS, Act, Petition, allowed, move
from services.intake.domain.screening import HandingOver
from services.kernel.errors import InvalidState
from services.kernel.head import Decision
from services.kernel.ids import PetitionId, new_tracking_code
from tests.support.terms import TERMS

BY = Who(role=Role.STREET_COMMITTEE, subject="someone")
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
S = PetitionState
STEPS = (ScreeningStep.LISTEN, ScreeningStep.LOOK, ScreeningStep.DELIBERATE)


def submitted() -> Petition:
    said = Submission(
        PetitionId(uuid4()), new_tracking_code(), PetitionKind.DEMAND, "visit", "huangtupo", "community-73", None,
        "rep-hui-bi", "下水道堵了",
    )  # fmt: skip
    return acceptance.submit(said, TERMS, by=BY, now=NOW).state


def accepted() -> Petition:
    return do(submitted(), Act.ACCEPT).state


def screened() -> Petition:
    petition = accepted()
    for act in (Act.LISTEN, Act.LOOK, Act.DELIBERATE):
        petition = do(petition, act).state
    return petition


def in_state(state: PetitionState) -> Petition:
    """Return a petition that came to a state by real acts (MERGED, a later round's, is set)."""
    match state:
        case S.SUBMITTED:
            return submitted()
        case S.ACCEPTED:
            return accepted()
        case S.SCREENING:
            return do(accepted(), Act.LISTEN).state
        case S.READY:
            return do(screened(), Act.HAND_OVER).state
        case S.RESOLVED_ON_SPOT:
            return do(screened(), Act.RESOLVE_ON_SPOT).state
        case S.REJECTED:
            return do(submitted(), Act.REJECT).state
        case S.WITHDRAWN:
            return do(submitted(), Act.WITHDRAW).state
        case S.MERGED:
            return replace(submitted(), state=S.MERGED)


def do(p: Petition, act: Act) -> Decision[Petition]:
    """Do an act by the rule that stands for it."""
    common: dict[str, Any] = {"terms": TERMS, "by": BY, "now": NOW}
    match act:
        case Act.ACCEPT:
            return acceptance.accept(
                p, title="堵塞", category="drainage", urgency=Urgency.NORMAL, extent=Extent.COMMUNITY, **common
            )
        case Act.REJECT | Act.DECLINE:
            phase = Phase.ACCEPTANCE if act is Act.REJECT else Phase.SCREENING
            return acceptance.reject(p, phase, ground="NO_BASIS", reason="无依据", referral=None, **common)
        case Act.LISTEN:
            return screening.listen(p, said="听了", by=BY)
        case Act.LOOK:
            return screening.look(p, findings="看了", by=BY)
        case Act.DELIBERATE:
            return screening.deliberate(p, outcome="议了", participants=5, by=BY)
        case Act.SKIP_LOOK | Act.SKIP_DELIBERATE:
            step = ScreeningStep.LOOK if act is Act.SKIP_LOOK else ScreeningStep.DELIBERATE
            return screening.skip(p, step, ground="SELF_EVIDENT", reason="清楚", by=BY)
        case Act.HAND_OVER:
            asked = HandingOver("请疏通", "housing", DeadlineClass.ORDINARY)
            return screening.hand_over(p, asked, TERMS, by=BY, now=NOW)
        case Act.RESOLVE_ON_SPOT:
            return screening.resolve_on_spot(p, measures="已疏通", **common)
        case Act.RESUME_SCREENING:
            decision = screening.reopen(p, p.head.cycle + 1, TERMS, now=NOW)
            assert decision is not None
            return decision
        case Act.ADD_INFORMATION:
            return acceptance.add_information(p, text="补充", by=BY)
        case Act.FOLLOW:
            decision = followers.follow(p, "rep-peng-xuan", by=BY)
            assert decision is not None
            return decision
        case Act.WITHDRAW:
            return acceptance.withdraw(p, reason="", **common)


EVENTS = {
    Act.ACCEPT: ["petition.accepted", "clock.stopped", "clock.started"],
    Act.REJECT: ["petition.rejected", "clock.stopped"],
    Act.LISTEN: ["petition.listened"],
    Act.LOOK: ["petition.looked"],
    Act.SKIP_LOOK: ["petition.step_skipped"],
    Act.DELIBERATE: ["petition.deliberated"],
    Act.SKIP_DELIBERATE: ["petition.step_skipped"],
    Act.HAND_OVER: ["petition.readied", "clock.stopped"],
    Act.RESOLVE_ON_SPOT: ["petition.resolved_on_spot", "clock.stopped"],
    Act.DECLINE: ["petition.rejected", "clock.stopped"],
    Act.RESUME_SCREENING: ["petition.screening_resumed", "clock.started"],
    Act.ADD_INFORMATION: ["petition.information_added"],
    Act.FOLLOW: ["petition.followed"],
}


def ready_for(state: PetitionState, act: Act) -> Petition:
    """Return a petition in a state with the steps done that the act needs."""
    petition = in_state(state)
    needed = NEEDS.get(act)
    for step_act in (Act.LOOK, Act.DELIBERATE):
        if needed is not None and MAKES[step_act] in STEPS[: STEPS.index(needed) + 1]:
            petition = do(petition, step_act).state
    return petition


@pytest.mark.parametrize(("row", "target"), TRANSITIONS.items(), ids=lambda v: str(v))
def test_every_legal_act_leads_where_the_table_says(row: tuple[PetitionState, Act], target: PetitionState) -> None:
    state, act = row
    before = ready_for(state, act)
    decision = do(before, act)
    assert decision.state.state is target
    expected = EVENTS.get(act)
    if expected is not None:
        assert [fact.event.TYPE for fact in decision.facts] == expected
    open_before = {c.kind for c in before.head.clocks if c.is_open}
    open_after = {c.kind for c in decision.state.head.clocks if c.is_open}
    match act:
        case Act.ACCEPT:
            assert (open_before, open_after) == ({ClockKind.ACCEPTANCE}, {ClockKind.SCREENING})
        case Act.RESUME_SCREENING:
            assert open_after == {ClockKind.SCREENING}
        case Act.WITHDRAW | Act.REJECT | Act.DECLINE | Act.HAND_OVER | Act.RESOLVE_ON_SPOT:
            assert not open_after
        case _:
            assert open_after == open_before


ILLEGAL = [pair for pair in product(S, Act) if pair not in TRANSITIONS and pair[1] is not Act.RESUME_SCREENING]


@pytest.mark.parametrize(("state", "act"), ILLEGAL, ids=lambda v: str(v))
def test_every_other_act_is_refused_with_what_is_allowed(state: PetitionState, act: Act) -> None:
    petition = in_state(state)
    with pytest.raises(InvalidState) as refused:
        do(petition, act)
    assert refused.value.extensions["state"] == state.value
    assert refused.value.extensions["allowed"] == [a.value for a in allowed(petition)]


@pytest.mark.parametrize("act", NEEDS)
def test_the_order_of_screening_holds(act: Act) -> None:
    fresh = in_state(S.SCREENING)
    with pytest.raises(InvalidState, match=f"{NEEDS[act].value} comes first"):
        do(fresh, act)


@pytest.mark.parametrize("act", [Act.LOOK, Act.SKIP_LOOK, Act.DELIBERATE, Act.SKIP_DELIBERATE])
def test_a_step_is_taken_once_in_a_cycle(act: Act) -> None:
    with pytest.raises(InvalidState, match="has been done"):
        do(screened(), act)


def test_nothing_is_withdrawn_or_added_once_a_reply_is_known() -> None:
    replied = replace(in_state(S.READY), reply_known=True)
    for act in (Act.WITHDRAW, Act.ADD_INFORMATION):
        with pytest.raises(InvalidState, match="a reply has been given"):
            do(replied, act)
    assert Act.WITHDRAW not in allowed(replied)


def test_resuming_keeps_what_was_heard_and_looks_anew() -> None:
    resumed = do(in_state(S.RESOLVED_ON_SPOT), Act.RESUME_SCREENING).state
    assert resumed.steps == (ScreeningStep.LISTEN,)
    assert resumed.head.cycle == 2
    assert do(do(resumed, Act.LOOK).state, Act.DELIBERATE).state.steps == STEPS


def test_an_old_or_repeated_reopening_changes_nothing() -> None:
    solved = in_state(S.RESOLVED_ON_SPOT)
    assert screening.reopen(solved, 1, TERMS, now=NOW) is None


def test_a_reopened_petition_with_a_work_order_only_counts_its_cycle() -> None:
    ready = in_state(S.READY)
    decision = screening.reopen(ready, 2, TERMS, now=NOW)
    assert decision is not None
    assert (decision.state.state, decision.state.head.cycle, decision.facts) == (S.READY, 2, ())


def test_resuming_is_the_products_own_act() -> None:
    assert Act.RESUME_SCREENING not in allowed(in_state(S.RESOLVED_ON_SPOT))
    assert move(in_state(S.RESOLVED_ON_SPOT), Act.RESUME_SCREENING).state is S.SCREENING
