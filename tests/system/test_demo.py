"""The played cases, against the whole system: what `make demo` shows is what happens."""

import asyncio
import fcntl
import io
import os
import re
import signal
import sqlite3
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from deploy.local.demo import departments
from deploy.local.demo.case import Act
from deploy.local.demo.cases import CASES
from deploy.local.demo.errors import DemoError
from deploy.local.demo.following import follow
from deploy.local.demo.playing import System, play
from deploy.local.demo.programs import Around
from deploy.local.demo.words import Language
from deploy.local.settings import ROOT, default_cache_folder
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel.domain_clock import DomainClock
from tests.support.breakable import breakable
from tests.support.district import PATIENCE, District, district
from tests.support.servers import Servers

WIRINGS = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
FAST = "150000"
ENGLISH = Language()
CHINESE = Language(chinese=True)
WORLD = """query($id: ID!) { petition(id: $id) {
  state kind steps channel { id } estate { id } stage
  handling {
    workOrders { cycle state department { id } declines { department { id } proposed { id } ground { id } }
      returnedReplies { ground { id } } }
    instructions { answer { byRole } }
  }
  evaluation { state cycle reopened cases { cycle state } visits { means byRole responded solved satisfied } }
  timeline(first: 100) { edges { node { id type level clock } } }
} }"""


@dataclass
class Played:
    """A case that was played: what was said, and what the world became."""

    petition: str
    lines: list[str]
    world: Any

    @property
    def types(self) -> list[str]:
        """The types of the events that were told, line by line."""
        return [line.rsplit("[", 1)[1].rstrip("]") for line in self.lines if re.match(r" {6}\d\d-\d\d ", line)]


@dataclass
class Stage:
    """Where cases are played."""

    district: District
    system: System
    played: dict[str, Played] = field(default_factory=dict[str, Played])

    async def once(self, name: str, *, language: Language = ENGLISH) -> Played:
        """Return a case that was played before, or play it."""
        if name not in self.played:
            self.played[name] = await self.play(name, language=language)
        return self.played[name]

    async def play(self, name: str, *, speed: str = FAST, language: Language = ENGLISH) -> Played:
        """Play a case into a file, and look at its petition afterwards."""
        said = io.StringIO()
        console = Console(file=said, soft_wrap=True, highlight=False, color_system=None)
        filed = await play(CASES[name], self.system, console, language=language, speed=speed)
        answer = await self.district.ask(WORLD, role="district_supervisor", id=filed.id)
        return Played(filed.id, said.getvalue().splitlines(), answer.ok()["petition"])


@pytest.fixture(scope="module")
async def stage(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("demo")
    clock = folder / "domain-clock.json"
    async with district(servers, WIRINGS, folder=folder, gateway=True, now=DomainClock(clock)) as running:
        yield Stage(running, System(running.url, Path(servers.keys), clock))


def orders(played: Played) -> list[tuple[int, str, str]]:
    return [
        (order["cycle"], order["department"]["id"], order["state"]) for order in played.world["handling"]["workOrders"]
    ]


async def test_the_sewer_is_asked_about_mended_visited_and_closed(stage: Stage) -> None:
    played = await stage.once("sewer")
    world = played.world
    assert (world["channel"]["id"], world["estate"]["id"], world["stage"]) == (
        "through-train",
        "erzhong-lane",
        "EVALUATE",
    )
    assert orders(played) == [(1, "housing", "REPLIED")]
    assert world["evaluation"]["state"] == "CLOSED"
    [visit] = world["evaluation"]["visits"]
    assert (visit["byRole"], visit["responded"], visit["solved"], visit["satisfied"]) == (
        "representative",
        True,
        True,
        True,
    )
    assert [type_ for type_ in played.types if type_ in {"clock.paused", "clock.resumed"}] == [
        "clock.paused",
        "clock.resumed",
    ]


async def test_the_house_numbers_are_declined_by_the_police_and_taken_by_civil_affairs(stage: Stage) -> None:
    played = await stage.once("household", language=CHINESE)
    world = played.world
    assert (world["kind"], world["channel"]["id"]) == ("SUGGESTION", "venue-meeting")
    assert orders(played) == [(1, "civil-affairs", "REPLIED")]
    [order] = world["handling"]["workOrders"]
    assert order["declines"] == [
        {
            "department": {"id": "public-security"},
            "proposed": {"id": "civil-affairs"},
            "ground": {"id": "NOT_OURS"},
        }
    ]
    assert played.types.count("work_order.declined") == 1
    [visit] = world["evaluation"]["visits"]
    assert (visit["means"], visit["byRole"], visit["solved"]) == ("FORM", "resident", True)
    assert world["evaluation"]["state"] == "CLOSED"


async def test_the_estate_is_sent_back_reopened_late_and_solved_in_the_end(stage: Stage) -> None:
    played = await stage.play("estate")
    world = played.world
    assert orders(played) == [(1, "housing", "REPLIED"), (2, "office-dewu", "REPLIED")]
    first, second = world["handling"]["workOrders"]
    assert [returned["ground"]["id"] for returned in first["returnedReplies"]] == ["NOT_DONE"]
    assert second["returnedReplies"] == []
    evaluation = world["evaluation"]
    assert (evaluation["state"], evaluation["cycle"], evaluation["reopened"]) == ("CLOSED", 2, 1)
    assert [(case["cycle"], case["state"]) for case in evaluation["cases"]] == [(1, "REOPENED"), (2, "CLOSED")]
    warnings = [
        (node["type"], node["clock"], node["level"])
        for node in (edge["node"] for edge in world["timeline"]["edges"])
        if node["type"] in {"clock.reminded", "clock.escalated"}
    ]
    assert warnings == [
        ("clock.reminded", "HANDLING", None),
        ("clock.escalated", "HANDLING", 1),
        ("clock.escalated", "HANDLING", 2),
    ]
    assert [instruction["answer"]["byRole"] for instruction in world["handling"]["instructions"]] == ["department"]
    assert stage.system.clock is not None
    assert DomainClock(stage.system.clock).speed == 1.0


async def test_the_lines_are_the_timeline_in_its_order_under_the_acts_that_led_to_it(stage: Stage) -> None:
    played = await stage.once("sewer")
    assert played.types == [edge["node"]["type"] for edge in played.world["timeline"]["edges"]]
    assert not any("\x1b" in line for line in played.lines)
    acts = [line for line in played.lines if re.match(r" ?\d+\. ", line)]
    assert [act.rsplit("[", 1)[1] for act in acts] == [
        f"{step.mutation}]" for step in CASES["sewer"].steps if isinstance(step, Act)
    ]
    accepting = played.lines.index(acts[1])
    assert played.lines[accepting + 1].endswith("[petition.accepted]")
    assert played.lines[accepting - 1].endswith("[clock.started]")


async def test_nobody_taking_it_up_is_told_level_by_level(stage: Stage) -> None:
    played = await stage.play("late")
    told = [line for line in played.lines if "! " in line]
    assert [line.rsplit("[", 1)[1] for line in told] == ["clock.reminded]", *["clock.escalated]"] * 3]
    assert ["level" in line and line.split("level ")[1][0] for line in told] == [False, "1", "2", "3"]
    board = [line for line in played.lines if "; told: " in line]
    assert ["二中批发巷路灯不亮: Acknowledgement" in line for line in board] == [True], board
    assert any("level 3" in line or "Level 3" in line for line in played.lines)


async def test_the_query_that_a_case_ends_with_shows_the_same(stage: Stage) -> None:
    played = await stage.once("household", language=CHINESE)
    text = "\n".join(played.lines)
    query = text[text.index("query {") : text.index("\n}\n", text.index("query {")) + 2]
    committee = stage.district.token("street_committee", sub="demo-committee-fenghuang", street="fenghuang")
    shown = (await stage.district.ask(query, token=committee)).ok()["petition"]
    assert shown["stageLabel"] == "民评"
    assert shown["timeline"]["edges"][0]["node"]["label"] == "居民提出"
    opened = re.search(r"查询码 (\S+) 和密码 (\S+) ", text)
    assert opened is not None
    document = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
    given = {"trackingCode": opened[1], "secret": opened[2]}
    assert (await stage.district.ask(document, input=given)).ok()["openPetition"]["token"]


async def test_a_speed_that_would_take_too_long_is_said_with_one_that_will_do(stage: Stage) -> None:
    with pytest.raises(DemoError, match=r"SPEED=1 will not do: level 3 is \d+\.\d days away. Give \d+ or more"):
        await stage.play("late", speed="1")


_ENDED: Final = b"\x00"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_picture_that_is_ended_leaves_the_terminal_and_the_time_as_they_were(
    stage: Stage, sent: signal.Signals, code: int
) -> None:
    assert stage.system.clock is not None
    environment = {
        **os.environ,
        "THROUGH_TRAIN_GATEWAY_URL": stage.system.url,
        "THROUGH_TRAIN_KEYS_FOLDER": str(stage.system.keys),
        "THROUGH_TRAIN_DOMAIN_CLOCK": str(stage.system.clock),
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
        "PACE": "0",
        "SPEED": "30000",
    }
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "deploy.local.demo", "late"]
    player = await asyncio.create_subprocess_exec(
        *command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT
    )

    async def ended() -> int:
        found = await player.wait()
        os.write(theirs, _ENDED)  # behind all that it said; what nobody holds open may lose its end
        return found

    ending = asyncio.create_task(ended())
    said, impatience = b"", 2
    while not said.endswith(_ENDED):
        said += await asyncio.to_thread(os.read, ours, 65536)
        if "×30,000".encode() in said and impatience:
            impatience -= 1
            with suppress(ProcessLookupError):  # it has ended, and what it said last is still to be read
                player.send_signal(sent)
    said = said.removesuffix(_ENDED)
    os.close(ours)
    os.close(theirs)
    assert await ending == code
    assert "▶handled 民办◀" in said.decode()
    assert said.count(b"\x1b[?25l") == said.count(b"\x1b[?25h") == 1
    assert said.rstrip().endswith(b"\x1b[?25h"), said[-200:]
    assert DomainClock(stage.system.clock).speed == 1.0


async def test_a_live_view_that_breaks_off_goes_on_where_it_was(stage: Stage) -> None:
    played = await stage.once("sewer")
    told: list[str] = []
    address = urlsplit(stage.system.url)
    assert address.port is not None
    async with breakable(address.port) as (port, cut):
        url = address._replace(netloc=f"{address.hostname}:{port}").geturl()
        committee = {"Authorization": f"Bearer {stage.district.token('street_committee')}"}
        updates = follow(stage.district.session, url, lambda: committee, played.petition)
        async with asyncio.timeout(PATIENCE), aclosing(updates):
            async for update in updates:
                told.append(update.entry.id)
                if len(told) % 10 == 0:
                    cut()
                if update.entry.type == "petition.closed":
                    break
    story = [edge["node"]["id"] for edge in played.world["timeline"]["edges"]]
    assert len(told) > 30
    assert told == story[: len(told)]


async def test_who_may_not_follow_is_told_so_in_a_sentence(stage: Stage) -> None:
    played = await stage.once("household", language=CHINESE)
    stranger = {"Authorization": f"Bearer {stage.district.token('street_committee')}"}
    updates = follow(stage.district.session, stage.system.url, lambda: stranger, played.petition)
    with pytest.raises(DemoError, match=r"the live view was refused: .* not yours"):
        await anext(updates)


async def test_several_cases_at_once_leave_each_other_alone(stage: Stage) -> None:
    together = await asyncio.gather(stage.play("sewer"), stage.play("late"), stage.play("household"))
    for played in together:
        assert played.types == [edge["node"]["type"] for edge in played.world["timeline"]["edges"]]
    assert [sum("clock.escalated" in type_ for type_ in played.types) for played in together] == [0, 3, 0]


async def test_an_order_waits_for_the_departments_own_program(stage: Stage) -> None:
    played = await stage.play("order")
    assert orders(played) == [(1, "housing", "ASSIGNED")]


async def test_two_departments_answer_by_their_own_programs_and_one_that_was_killed_catches_up(
    stage: Stage, tmp_path: Path
) -> None:
    servers, prefix = stage.district.servers, stage.district.prefix
    around = Around(servers.bootstrap, servers.departments, prefix, tmp_path, default_cache_folder())
    said = io.StringIO()
    console = Console(file=said, soft_wrap=True, highlight=False, color_system=None)
    last = await departments.play(stage.system, around, console, language=ENGLISH, pause=None)
    told = said.getvalue()
    assert told.count("[petition.closed]") == 3, told
    assert told.index("is killed (SIGKILL)") < told.index("It is started again") < told.rindex("[visit.scheduled]")
    assert told.count("ended at event") == 2
    for code, orders in (("water", 1), ("urban-management", 2)):
        query = "SELECT max(number) AS last FROM own.department_feed WHERE department = $1"
        [numbered] = await stage.district.dispatch.fetch(query, code)
        with closing(sqlite3.connect(tmp_path / f"{code}.sqlite")) as database:
            assert database.execute("SELECT last FROM place").fetchone() == (numbered["last"],)
            states = [state for (state,) in database.execute("SELECT state FROM work_order")]
            answers = dict(database.execute("SELECT outcome, count(*) FROM answer GROUP BY outcome").fetchall())
        assert states == ["REPLIED"] * orders
        assert answers == {"DONE": 3 * len(states)}
    world = (await stage.district.ask(WORLD, role="district_supervisor", id=last.id)).ok()["petition"]
    assert [entry["node"]["type"] for entry in world["timeline"]["edges"]].count("work_order.acknowledged") == 1
