"""The form in which something of the schema is deprecated."""

import datetime as dt

import pytest

from services.kernel.graphql.deprecation import Deprecation, read, until

GOES = dt.date(2027, 12, 1)


@pytest.mark.parametrize(
    "instead", ["Use stageLabel.", "It says nothing any more. Use stage, or stageLabel.", "不再提供 了."]
)
def test_what_is_written_is_what_is_read(instead: str) -> None:
    reason = until(GOES, instead)
    assert reason == f"{instead} Goes on 2027-12-01 at the earliest."
    assert read(reason) == Deprecation(instead, GOES)


@pytest.mark.parametrize("instead", ["", "Old.", "Use stageLabel", " Use stageLabel.", "Use stageLabel. "])
def test_what_is_no_sentence_is_refused(instead: str) -> None:
    with pytest.raises(ValueError, match="is no sentence that says what to use instead"):
        until(GOES, instead)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "No longer supported",
        "Use stageLabel.",
        "Goes on 2027-12-01 at the earliest.",
        "Old. Goes on 2027-12-01 at the earliest.",
        "Use stageLabel. Goes on 2027-13-01 at the earliest.",
        "Use stageLabel. Goes on 2027-12-01.",
        "Use stageLabel. Goes on 2027-12-01 at the earliest",
    ],
)
def test_any_other_form_is_none(reason: str) -> None:
    assert read(reason) is None
