"""The board, on real servers: what intake and dispatch say of their clocks, feedback's own, and who sees what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.contracts import catalogue
from services.contracts import clocks as c
from services.contracts import dispatch as d
from services.contracts import intake as i
from services.contracts.event import SYSTEM, Event
from services.contracts.reference import Department, Name, Street
from services.contracts.vocabulary import (
    Audience,
    ClockKind,
    DeadlineClass,
    Extent,
    PetitionKind,
    Source,
    Urgency,
)
from services.feedback.store import view_clock
from services.kernel.envelope import Envelope
from services.kernel.transaction import Cause, Transaction
from tests.support.district import MORNING, Answer, District, eventually
from tests.support.matter import MATTER
from tests.support.plans import full
from tests.support.publish import Voice, heard
from tests.support.servers import Servers

DAY = timedelta(days=1)
K = ClockKind
BOARD = """query($levels: [Int!], $street: ID, $department: ID, $kind: ClockKind, $first: Int! = 100, $behind: String) {
  lateClocks(levels: $levels, street: $street, department: $department, kind: $kind, first: $first, after: $behind) {
    edges { node { id petition { id } service kind label(locale: "en") cycle state level tells
      responsible responsibleLabel(locale: "en") department { id } street { id }
      dueAt lateForWorkingDays lateForHours } }
    pageInfo { hasNextPage endCursor } } }"""
FIGURES = """query($levels: [Int!], $street: ID, $department: ID) {
  lateFigures(levels: $levels, street: $street, department: $department) {
    street { id } responsible department { id } level count oldestDueAt oldestLateForWorkingDays } }"""


@pytest.fixture
def world(feedback_alone: District) -> District:
    return feedback_alone


class Clock:
    """A clock of another service, and what is said of it."""

    def __init__(self, kind: ClockKind, due_at: datetime, about: UUID | None = None) -> None:
        self.id, self.kind, self.due_at, self.about = uuid4(), kind, due_at, about

    def said(self, event: type[Event], **other: Any) -> Any:
        given: dict[str, Any] = {
            "by": SYSTEM,
            "clock_id": self.id,
            "kind": self.kind,
            "about": self.about,
            "due_at": self.due_at,
            **other,
        }
        return event(**given)

    def started(self) -> Event:
        return self.said(c.ClockStarted, policy_version=1)

    def escalated(self, level: int, *tells: Audience) -> Event:
        return self.said(c.ClockEscalated, level=level, tells=tells or (Audience.DEPARTMENT_HEAD,))


class Place:
    """A street of its own for each test, with a department of its own: others' late clocks are elsewhere."""

    def __init__(self, world: District) -> None:
        self.world = world
        self.street, self.department = f"street-{uuid4().hex[:8]}", f"department-{uuid4().hex[:8]}"
        self.intake, self.dispatch = Voice(world, Source.INTAKE), Voice(world, Source.DISPATCH)

    async def submitted(self) -> str:
        petition = str(uuid4())
        said = i.PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
        accepted = i.PetitionAccepted(
            by=SYSTEM, title="堵塞", category="drainage", urgency=Urgency.NORMAL, extent=Extent.COMMUNITY
        )
        await self.intake.say(petition, said, accepted, street=self.street)
        return petition

    async def say(self, voice: Voice, petition: str, *events: Event, lead: str | None = None, **other: Any) -> None:
        sequence = await voice.say(petition, *events, street=self.street, lead=lead, **other)
        applied = "SELECT applied FROM view.progress WHERE aggregate_id = $1 AND source = $2"

        async def known() -> bool:
            rows = await self.world.feedback.fetch(applied, petition, voice.source.value)
            return bool(rows) and rows[0]["applied"] == sequence

        await eventually(known)

    async def late(
        self, kind: ClockKind, level: int, due_at: datetime, *, led: bool = False, tells: Sequence[Audience] = ()
    ) -> tuple[str, Clock]:
        """Let a petition have one late clock."""
        clock, petition = Clock(kind, due_at), await self.submitted()
        voice = self.intake if kind in {K.ACCEPTANCE, K.SCREENING} else self.dispatch
        levels = [clock.escalated(n, *tells) for n in range(1, level + 1)]
        await self.say(voice, petition, clock.started(), *levels, lead=self.department if led else None)
        return petition, clock

    async def ask(self, role: str = "street_committee", query: str = BOARD, **variables: Any) -> Answer:
        claims: dict[str, Any] = {"street": self.street} if role == "street_committee" else {}
        if role.startswith("department"):
            claims = {"department": self.department}
        token = self.world.token(role, **claims)
        return await self.world.ask(query, token=token, url=self.world.feedback.url, **variables)

    async def board(self, role: str = "street_committee", **variables: Any) -> list[dict[str, Any]]:
        """Return what a role sees, page by page."""
        found, behind = list[dict[str, Any]](), None
        while True:
            page = (await self.ask(role, **variables, behind=behind)).ok()["lateClocks"]
            found += [edge["node"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            behind = page["pageInfo"]["endCursor"]

    async def ids(self, role: str = "street_committee", **variables: Any) -> list[str]:
        return [node["id"] for node in await self.board(role, **variables)]


@pytest.fixture
async def place(world: District) -> Place:
    made = Place(world)
    name = Name(zh="某处", en="Somewhere")
    entries = (Street(id=made.street, name=name), Department(id=made.department, name=name))
    await heard(world, world.feedback, *entries)
    return made


async def test_a_clock_stands_on_the_board_with_who_is_late_and_how_long(place: Place) -> None:
    due = place.world.time.now - DAY
    petition, clock = await place.late(K.HANDLING, 1, due, led=True)
    [shown] = await place.board()
    assert shown == {
        "id": str(clock.id),
        "petition": {"id": petition},
        "service": "DISPATCH",
        "kind": "HANDLING",
        "label": "Handling",
        "cycle": 1,
        "state": "RUNNING",
        "level": 1,
        "tells": ["DEPARTMENT_HEAD"],
        "responsible": "DEPARTMENT",
        "responsibleLabel": "The department",
        "department": {"id": place.department},
        "street": {"id": place.street},
        "dueAt": due.isoformat(),
        "lateForWorkingDays": 1.0,
        "lateForHours": 24.0,
    }


@pytest.mark.parametrize(
    ("kind", "led", "responsible"),
    [
        (K.ACCEPTANCE, False, "STREET_COMMITTEE"),
        (K.SCREENING, True, "STREET_COMMITTEE"),
        (K.ASSIGNMENT, False, "STREET_COMMITTEE"),
        (K.ACKNOWLEDGEMENT, True, "DEPARTMENT"),
        (K.RULING, True, "DISTRICT_SUPERVISOR"),
        (K.INSTRUCTION, True, "DEPARTMENT"),
        (K.INSTRUCTION, False, "STREET_COMMITTEE"),
    ],
)
async def test_it_says_whom_a_clock_measures(place: Place, kind: ClockKind, *, led: bool, responsible: str) -> None:
    await place.late(kind, 2, place.world.time.now - DAY, led=led)
    [shown] = await place.board()
    assert shown["responsible"] == responsible
    assert (shown["department"] is not None) == (responsible == "DEPARTMENT")
    assert len(await place.board("department")) == (responsible == "DEPARTMENT")


async def test_the_gravest_first_and_in_each_level_the_longest_late(place: Place) -> None:
    now = place.world.time.now
    expected = [
        str((await place.late(K.ASSIGNMENT, level, now - days * DAY))[1].id)
        for level, days in ((3, 9), (3, 8), (2, 30), (2, 3), (1, 40), (1, 2), (1, 1))
    ]
    assert await place.ids() == expected
    for size in (1, 2, 3):
        assert await place.ids(first=size) == expected
    assert await place.ids("district_supervisor", street=place.street, first=2) == expected
    assert await place.ids(levels=[1, 3]) == [*expected[:2], *expected[4:]]
    assert await place.ids(levels=[2], first=1) == expected[2:4]
    assert await place.ids(levels=[]) == []
    assert await place.ids(kind="HANDLING") == []
    assert await place.ids(kind="ASSIGNMENT", first=3) == expected


async def test_what_moves_a_clock_moves_it_on_the_board(place: Place) -> None:
    now = place.world.time.now
    petition, clock = await place.late(K.HANDLING, 1, now - DAY, led=True)

    async def say(event: type[Event], **other: Any) -> list[dict[str, Any]]:
        await place.say(place.dispatch, petition, clock.said(event, **other), lead=place.department)
        return await place.board("department")

    [paused] = await say(c.ClockPaused)
    place.world.time.advance(days=2)
    [still] = await place.board("department")
    assert (paused["state"], still["lateForWorkingDays"]) == ("PAUSED", paused["lateForWorkingDays"])
    clock.due_at = now + DAY
    [running] = await say(c.ClockResumed)
    assert (running["state"], running["dueAt"]) == ("RUNNING", clock.due_at.isoformat())
    clock.due_at = place.world.time.now + DAY
    assert await say(c.ClockMoved, was_due_at=now) == []
    clock.due_at = now + DAY
    assert len(await say(c.ClockMoved, was_due_at=now)) == 1
    [second] = await say(c.ClockEscalated, level=2, tells=(Audience.STREET_LEADER,))
    assert (second["level"], second["tells"]) == (2, ["STREET_LEADER"])
    assert await say(c.ClockStopped, overdue=True) == []
    [again] = await say(c.ClockResumed)
    assert again["level"] == 2


async def test_an_instructions_clock_follows_whoever_leads(place: Place) -> None:
    petition, clock = await place.late(K.INSTRUCTION, 1, place.world.time.now - DAY, led=True)
    order = uuid4()
    other = f"department-{uuid4().hex[:8]}"
    declined = d.WorkOrderDeclined(
        by=SYSTEM, work_order_id=order, department=place.department, ground="NOT_OURS", nth=1
    )
    assigned = d.WorkOrderAssigned(
        by=SYSTEM,
        work_order_id=order,
        department=other,
        deadline_class=DeadlineClass.SIMPLE,
        suggested=False,
        matter=MATTER,
    )
    await place.say(place.dispatch, petition, declined, lead=None)
    assert await place.ids("department") == []
    [shown] = await place.board()
    assert (shown["responsible"], shown["department"]) == ("STREET_COMMITTEE", None)
    await place.say(place.dispatch, petition, assigned, lead=other)
    place.department = other
    assert await place.ids("department") == [str(clock.id)]


async def test_its_own_clocks_are_on_it_too(place: Place) -> None:
    petition = await place.submitted()
    solved = i.PetitionResolvedOnSpot(by=SYSTEM, title="堵塞", category="drainage")
    await place.say(place.intake, petition, solved)
    place.world.time.advance(days=30)

    async def late() -> list[dict[str, Any]]:
        return [node for node in await place.board() if node["level"] == 3]

    [shown] = await eventually(late)
    assert (shown["service"], shown["kind"], shown["responsible"]) == ("FEEDBACK", "RETURN_VISIT", "STREET_COMMITTEE")
    assert (shown["petition"], shown["state"], shown["cycle"]) == ({"id": petition}, "RUNNING", 1)
    assert shown["tells"] == ["DISTRICT_SUPERVISOR", "DISTRICT_LEADER"]
    assert await place.ids(kind="RETURN_VISIT", levels=[3], first=1) == [shown["id"]]
    [figure] = (await place.ask(query=FIGURES)).ok()["lateFigures"]
    assert (figure["level"], figure["count"], figure["responsible"]) == (3, 1, "STREET_COMMITTEE")


async def test_each_role_sees_its_own_and_leaders_what_is_published(place: Place) -> None:
    now = place.world.time.now
    _, mine = await place.late(K.HANDLING, 3, now - DAY, led=True)
    _, streets = await place.late(K.SCREENING, 1, now - DAY)
    both = [str(mine.id), str(streets.id)]
    assert await place.ids("street_committee") == both
    assert await place.ids("department") == both[:1]
    assert await place.ids("department_head") == both[:1]
    assert await place.ids("district_supervisor", street=place.street) == both
    assert await place.ids("district_supervisor", department=place.department) == both[:1]
    assert await place.ids("department", street="dewu") == []
    assert await place.ids("street_committee", department="water") == []
    assert await place.ids("street_committee", department=place.department) == both[:1]
    [published] = await place.board("district_leader", street=place.street)
    assert (published["id"], published["petition"]) == (both[0], None)
    assert await place.ids("district_leader", street=place.street, levels=[1, 2]) == []
    for role in ("representative", "station_staff", "community", "expert", "integrator", "operator"):
        (await place.ask(role)).refused("FORBIDDEN")
        (await place.ask(role, FIGURES)).refused("FORBIDDEN")
    anonymous = await place.world.ask(BOARD, url=place.world.feedback.url)
    anonymous.refused("UNAUTHENTICATED")


async def test_a_page_costs_two_statements_however_long_it_is(place: Place) -> None:
    now, feedback = place.world.time.now, place.world.feedback
    for days in range(1, 6):
        await place.late(K.HANDLING, 1, now - days * DAY, led=True)

    async def sent(first: int) -> list[str]:
        start = len(feedback.statements)
        assert len((await place.ask(first=first)).ok()["lateClocks"]["edges"]) == first
        names = [s.strip().splitlines()[0].removeprefix("-- ") for s in feedback.statements[start:]]
        return [name.split(":")[0] for name in names if name.startswith(("late.", "petitions."))]

    assert await sent(1) == await sent(5) == ["late.by_street", "petitions.by_ids"]


async def test_figures_count_by_street_who_is_responsible_and_level(place: Place) -> None:
    now = place.world.time.now
    for level, days in ((1, 1), (1, 3), (2, 4)):
        await place.late(K.HANDLING, level, now - days * DAY, led=True)
    await place.late(K.RULING, 1, now - DAY)
    await place.late(K.ASSIGNMENT, 1, now - DAY)

    async def figures(role: str = "street_committee", **variables: Any) -> list[tuple[str, int, int]]:
        shown = (await place.ask(role, FIGURES, **variables)).ok()["lateFigures"]
        assert {one["street"]["id"] for one in shown} <= {place.street}
        return [(one["responsible"], one["level"], one["count"]) for one in shown]

    everything = [
        ("DEPARTMENT", 2, 1),
        ("DEPARTMENT", 1, 2),
        ("DISTRICT_SUPERVISOR", 1, 1),
        ("STREET_COMMITTEE", 1, 1),
    ]
    assert await figures() == everything
    assert await figures("district_leader", street=place.street) == everything
    assert await figures("district_supervisor", street=place.street) == everything
    assert await figures("department") == everything[:2]
    assert await figures(levels=[2]) == everything[:1]
    assert await figures("district_supervisor", street=place.street, department=place.department) == everything[:2]
    [_, older, *_] = (await place.ask(query=FIGURES)).ok()["lateFigures"]
    assert older["department"] == {"id": place.department}
    assert older["oldestDueAt"] == (now - 3 * DAY).isoformat()
    assert older["oldestLateForWorkingDays"] > 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"levels": [0]}, "levels"),
        ({"levels": [1, 4]}, "levels"),
        ({"first": 0}, "first"),
        ({"behind": "nonsense"}, "after"),
        ({"behind": "NHwyMDI2LTExLTI0VDAyOjAwOjAwKzAwOjAwfDE"}, "after"),
    ],
)
async def test_bad_input_is_named(place: Place, given: dict[str, Any], field: str) -> None:
    assert (await place.ask(**given)).refused("INVALID_INPUT")["field"] == field


def _story(chance: Random) -> list[tuple[Event, str | None]]:
    """Return what dispatch may say of a petition, and who leads then: clocks that are late, pause, run on, stop."""
    found: list[tuple[Event, str | None]] = []
    clocks = [Clock(kind, MORNING) for kind in (K.HANDLING, K.INSTRUCTION, K.RULING)]
    levels = {clock.id: 0 for clock in clocks}
    lead: str | None = None
    for _ in range(chance.randrange(1, 30)):
        clock = chance.choice(clocks)
        clock.due_at += chance.randrange(3) * DAY
        match chance.choice(["level", "level", "pause", "resume", "move", "remind", "stop", "assign"]):
            case "level" if levels[clock.id] < 3:
                levels[clock.id] += 1
                event = clock.escalated(levels[clock.id])
            case "pause":
                event = clock.said(c.ClockPaused)
            case "resume":
                event = clock.said(c.ClockResumed)
            case "move":
                event = clock.said(c.ClockMoved, was_due_at=MORNING)
            case "stop":
                event = clock.said(c.ClockStopped, overdue=True)
            case "assign":
                lead = chance.choice(["housing", "water"])
                event = d.WorkOrderAssigned(
                    by=SYSTEM,
                    work_order_id=uuid4(),
                    department=lead,
                    deadline_class=DeadlineClass.SIMPLE,
                    suggested=True,
                    matter=MATTER,
                )
            case _:
                event = clock.said(c.ClockReminded)
        found.append((event, lead))
    return found


def _envelope(petition: str, event: Event, sequence: int, lead: str | None) -> Envelope:
    return Envelope(
        id=uuid4(),
        source=Source.DISPATCH,
        type=event.TYPE,
        subject=petition,
        time=MORNING + sequence * timedelta(hours=1),
        recorded=MORNING,
        dataschema=catalogue.dataschema(Source.DISPATCH, event.TYPE),
        sequence=sequence,
        seen={},
        correlation="test",
        causation="test",
        cycle=1 + sequence // 5,  # a reopening lets instructions live on
        street="huangtupo",
        community="community-73",
        lead=lead,
    )


async def test_whatever_batches_the_events_come_in_the_board_is_the_same(servers: Servers) -> None:
    chance, petition, kept = Random(7), str(uuid4()), 0
    async with full(servers, "feedback", "SELECT 1") as there:
        tx = Transaction(there.connection, Cause("test", "test"))
        for _ in range(60):
            story = _story(chance)
            events = [(e, _envelope(petition, e, sequence, lead)) for sequence, (e, lead) in enumerate(story, 1)]
            rows: list[Any] = []
            for most in (1, 3, 10, len(events)):
                for start in range(0, len(events), most):
                    await view_clock.project_many(tx, events[start : start + most])
                again = chance.randrange(len(events))
                await view_clock.project_many(tx, events[again : again + 1])
                found = await there.connection.fetch("DELETE FROM view.clock RETURNING *")
                rows.append(sorted((tuple(row.items()) for row in found), key=str))
            assert all(one == rows[0] for one in rows), events
            kept += len(rows[0])
    assert kept > 60
