"""The played cases, against the whole system: what `make demo` shows is what happens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.demo import late, sewer
from deploy.local.demo.player import DemoError, Player, console
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel.domain_clock import DomainClock
from tests.support.district import District, district
from tests.support.servers import Servers

WIRINGS = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}


@pytest.fixture(scope="module")
def pace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pace") / "domain-clock.json"


@pytest.fixture(scope="module")
async def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory, pace: Path) -> AsyncIterator[District]:
    folder = tmp_path_factory.mktemp("demo")
    async with district(servers, WIRINGS, folder=folder, gateway=True, now=DomainClock(pace)) as running:
        yield running


@pytest.fixture
def player(world: District, pace: Path, monkeypatch: pytest.MonkeyPatch) -> Player:
    monkeypatch.setenv("THROUGH_TRAIN_DOMAIN_CLOCK", str(pace))
    return Player(world.url, Path(world.servers.keys), world.session)


async def test_the_first_case_goes_from_words_to_a_closed_case(player: Player) -> None:
    with console.capture() as said:
        await sewer.play(player)
    assert "What the resident sees with code and secret" in said.get()
    assert "已办结" in said.get()


async def test_nobody_taking_it_up_is_told_level_by_level(
    player: Player, pace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEED", "150000")
    with console.capture() as said:
        await late.play(player)
    lines = said.get().splitlines()
    told = [line for line in lines if "⏰" in line]
    assert [("reminder" in told[0]), *("level " + n in line for n, line in zip("123", told[1:], strict=True))] == [
        True
    ] * 4
    [board] = [line for line in lines if "working days late" in line]
    assert "二中批发巷路灯不亮: 签收时限" in board
    record = [line.split()[-1] for line in lines if line.strip().startswith(tuple("01")) and "clock." in line]
    assert record.count("clock.reminded") == 1
    assert record.count("clock.escalated") == 3
    assert DomainClock(pace).speed == 1.0


@pytest.mark.parametrize("speed", ["fast", "1", "0", "-5"])
async def test_a_speed_that_will_not_do_is_said_with_one_that_will(
    player: Player, monkeypatch: pytest.MonkeyPatch, speed: str
) -> None:
    monkeypatch.setenv("SPEED", speed)
    with console.capture(), pytest.raises(DemoError, match=rf"SPEED={speed} will not do: .* Give \d+ or more"):
        await late.play(player)
