"""A short campaign of a fixed seed: whatever strikes, nothing is lost and nothing is doubled."""

from pathlib import Path

import pytest

from tests.faults.campaign import campaign

pytestmark = [pytest.mark.serial, pytest.mark.system]


async def test_a_short_campaign_loses_and_doubles_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    outcome = await campaign(tmp_path, seconds=25, seed=2026, say=said.append)
    assert outcome.clean, "\n".join((str(outcome), *said, *outcome.tally.unlike, str(outcome.report)))
    assert outcome.strikes.total() >= 2  # more, but for a machine that is busy otherwise
    assert outcome.report.acknowledged > 0
    assert outcome.report.settled
