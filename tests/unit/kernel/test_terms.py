"""Which policy version is in force: by instant, then by number, and never one that may be replaced by an older one."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from services.kernel.calendar import Calendar
from services.kernel.errors import Unavailable
from services.kernel.terms import Terms
from tests.support.terms import TERMS

[FIRST] = TERMS.policies
CHANGE = datetime(2027, 1, 1, tzinfo=UTC)
SECOND = replace(FIRST, id="2", version=2, effective_from=CHANGE)
CORRECTED = replace(SECOND, id="3", version=3)


def terms(*policies: object) -> Terms:
    return Terms(policies, Calendar())  # type: ignore[arg-type]


def test_the_latest_that_has_begun_is_in_force() -> None:
    known = terms(SECOND, FIRST)
    assert known.in_force(CHANGE - timedelta(microseconds=1)) == FIRST
    assert known.in_force(CHANGE) == SECOND


def test_of_two_that_begin_together_the_later_recorded_is_in_force() -> None:
    assert terms(CORRECTED, SECOND, FIRST).in_force(CHANGE) == CORRECTED


def test_what_is_dated_before_the_first_version_goes_by_it() -> None:
    assert terms(SECOND, FIRST).in_force(datetime(1970, 1, 1, tzinfo=UTC)) == FIRST


def test_an_older_version_that_is_still_to_come_is_waited_for() -> None:
    with pytest.raises(Unavailable):
        terms(SECOND).in_force(CHANGE - timedelta(days=1))
    with pytest.raises(Unavailable):
        terms().in_force(CHANGE)
