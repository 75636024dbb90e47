"""Following a petition: who is added, when, and what is done twice."""

from dataclasses import replace

import pytest

from services.contracts.event import Who
from services.contracts.vocabulary import PetitionState, Role
from services.intake.domain import followers
from services.intake.domain.petition import Act, allowed
from services.kernel.errors import InvalidState
from tests.unit.intake.test_petition import in_state, submitted

BY = Who(role=Role.REPRESENTATIVE, subject="someone")
S = PetitionState


def test_who_follows_it_comes_after_who_recorded_it() -> None:
    decision = followers.follow(submitted(), "rep-peng-xuan", by=BY)
    assert decision is not None
    assert decision.state.head.scope.followers == ("rep-hui-bi", "rep-peng-xuan")
    assert decision.state.representative == "rep-hui-bi"


@pytest.mark.parametrize("state", S, ids=lambda state: state.value)
def test_who_follows_it_already_changes_nothing_whatever_became_of_it(state: PetitionState) -> None:
    petition = in_state(state)
    assert followers.follow(replace(petition, closed=state is S.READY), "rep-hui-bi", by=BY) is None


def test_what_was_closed_is_followed_by_nobody_anew() -> None:
    closed = replace(in_state(S.READY), reply_known=True, closed=True)
    with pytest.raises(InvalidState, match="it has been closed"):
        followers.follow(closed, "rep-peng-xuan", by=BY)
    assert Act.FOLLOW not in allowed(closed)
    assert Act.FOLLOW in allowed(replace(closed, closed=False))
