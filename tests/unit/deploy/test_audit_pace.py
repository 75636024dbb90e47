"""The audit reads the domain's time from the same file as the services, with eyes of its own."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.audit.pace import pace_of
from services.kernel.domain_clock import DomainClock

NEAR = timedelta(seconds=0.5)
HOUR = timedelta(hours=1)


def test_without_a_file_it_is_real_time(tmp_path: Path) -> None:
    assert abs(pace_of(None).now() - datetime.now(UTC)) < NEAR
    assert pace_of(tmp_path / "none.json").speed == 1.0


@pytest.mark.parametrize("until", [None, -HOUR / 2, HOUR])
def test_both_tell_the_same_instant(tmp_path: Path, until: timedelta | None) -> None:
    file, now = tmp_path / "pace.json", datetime.now(UTC)
    said = {"system": (now - HOUR).isoformat(), "domain": "2026-11-24T02:00:00Z", "speed": 600.0}
    file.write_text(json.dumps(said | ({} if until is None else {"until": (now + until).isoformat()})))
    assert abs(pace_of(file).now() - DomainClock(file)()) < NEAR * 600
    assert pace_of(file).now() > datetime(2026, 12, 5, tzinfo=UTC)


def test_a_malformed_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    file.write_text('{"system": "2026-11-24T02:00:00Z"}')
    with pytest.raises(ValueError, match="sets no pace"):
        pace_of(file)
