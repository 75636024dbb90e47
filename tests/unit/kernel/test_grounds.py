"""A ground is cited for the acts that it is for, and a refusal says which are."""

import pytest

from services.kernel.errors import InvalidInput
from services.kernel.grounds import known_ground
from tests.support.terms import REFERENCES


@pytest.mark.parametrize("code", ["NO_SUCH", "NO_FUNDS"])
def test_a_ground_that_is_unknown_or_for_other_acts_is_refused_with_those_that_fit(code: str) -> None:
    with pytest.raises(InvalidInput, match=r"possible: .*NOT_OURS"):
        known_ground(code, "DECLINE_ORDER", REFERENCES)


def test_a_ground_that_fits_is_found() -> None:
    assert known_ground("NO_FUNDS", "LEDGER", REFERENCES).id == "NO_FUNDS"
