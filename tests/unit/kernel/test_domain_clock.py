"""The domain's clock: real time without a file, another pace with one, and never back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.kernel.domain_clock import DomainClock, set_pace
from services.kernel.settings import Environment, Settings

START = datetime(2026, 11, 24, 2, tzinfo=UTC)


class System:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_without_a_file_the_domains_time_is_the_systems(tmp_path: Path) -> None:
    clock = DomainClock(tmp_path / "pace.json", system=System())
    assert (clock(), clock.speed) == (START, 1.0)


def test_a_pace_runs_on_from_the_instant_that_was_reached(tmp_path: Path) -> None:
    system, file = System(), tmp_path / "pace.json"
    clock, late_reader = DomainClock(file, system=system), DomainClock(file, system=system)
    set_pace(file, 3600, system=system)
    system.now += timedelta(seconds=24)
    assert clock() == START + timedelta(days=1)
    set_pace(file, 1, system=system)
    assert clock() == START + timedelta(days=1)
    system.now += timedelta(seconds=5)
    assert clock() == late_reader() == START + timedelta(days=1, seconds=5)
    assert clock.speed == 1.0


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    system, file = System(), tmp_path / "pace.json"
    clock = DomainClock(file, system=system)
    set_pace(file, 60, system=system)
    assert clock.speed == 60
    file.write_text('{"system": 1}')
    assert clock.speed == 60
    file.unlink()
    assert clock.speed == 60


@pytest.mark.parametrize("speed", [0, -1])
def test_time_neither_stands_still_nor_goes_back(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        set_pace(tmp_path / "pace.json", speed)


def test_production_refuses_another_time_than_the_real_one(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="for development alone") as refusal:
        Settings(  # pyright: ignore[reportCallIssue]
            environment=Environment.PRODUCTION,
            database_url=SecretStr("postgresql://localhost/x"),
            kafka_bootstrap="localhost:1",
            port=0,
            keys_folder=tmp_path,
            organisation_issuer="https://sso.example",
            domain_clock=tmp_path / "pace.json",
        )
    assert refusal.value.errors()[0]["loc"] == ("domain_clock",)


def test_a_pace_that_lasts_for_a_while_is_followed_by_real_time(tmp_path: Path) -> None:
    system, file = System(), tmp_path / "pace.json"
    clock = DomainClock(file, system=system)
    set_pace(file, 3600, lasting=timedelta(seconds=24), system=system)
    system.now += timedelta(seconds=24)
    assert (clock(), clock.speed) == (START + timedelta(days=1), 1.0)
    system.now += timedelta(hours=1)
    assert clock() == START + timedelta(days=1, hours=1)
    set_pace(file, 2, system=system)
    assert clock() == START + timedelta(days=1, hours=1)
