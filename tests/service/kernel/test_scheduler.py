"""The scheduler on a real server: each level once with several replicas, to the end of the list, after any outage."""

import asyncio
from uuid import UUID

import pytest

from services.contracts.vocabulary import Source
from services.intake.app import WIRING
from services.intake.commands.clocks import fire_clock
from services.kernel.ids import ClockId, PetitionId
from services.kernel.pulse import Pulse
from services.kernel.scheduler import Scheduler
from services.kernel.transaction import Cause
from tests.support.district import District, eventually
from tests.support.people import People


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


def replica(people: People) -> Scheduler:
    """Return one more scheduler beside the service's own."""
    runtime = people.district.intake.runtime
    assert runtime is not None
    return Scheduler(
        Source.INTAKE,
        runtime.database,
        WIRING.clocks,
        references=runtime.references,
        now=people.district.time,
        poll=0.1,
        committed=Pulse(),
    )


async def _levels(people: People, petitions: list[str]) -> dict[str, list[str]]:
    rows = await people.district.intake.fetch(
        "SELECT aggregate_id, type, data ->> 'level' AS level FROM own.event "
        "WHERE aggregate_id = ANY($1) AND type IN ('clock.reminded', 'clock.escalated') "
        "ORDER BY aggregate_id, sequence",
        [UUID(petition) for petition in petitions],
    )
    found: dict[str, list[str]] = {petition: [] for petition in petitions}
    for row in rows:
        found[str(row["aggregate_id"])].append(row["level"] or "reminder")
    return found


async def test_several_replicas_and_an_outage_of_weeks_press_each_level_once(people: People) -> None:
    petitions = [(await people.file()).id for _ in range(12)]
    people.district.time.advance(days=40)
    replicas = [replica(people) for _ in range(4)]

    async def all_pressed() -> bool:
        await asyncio.gather(*(one.tick() for one in replicas))
        return all(len(levels) == 4 for levels in (await _levels(people, petitions)).values())

    await eventually(all_pressed)
    await asyncio.gather(*(one.tick() for one in replicas))
    assert set(map(tuple, (await _levels(people, petitions)).values())) == {("reminder", "1", "2", "3")}


async def test_a_clock_that_cannot_be_fired_does_not_hide_the_others(people: People) -> None:
    bad, good = (await people.file()).id, (await people.file()).id
    await people.district.intake.execute("UPDATE own.clock SET policy_version = 99 WHERE petition_id = $1", UUID(bad))
    people.district.time.advance(days=40)

    async def pressed() -> bool:
        return len((await _levels(people, [good]))[good]) == 4

    await eventually(pressed)
    assert (await _levels(people, [bad]))[bad] == []
    await people.district.intake.execute("UPDATE own.clock SET policy_version = 1 WHERE petition_id = $1", UUID(bad))

    async def healed() -> bool:
        return len((await _levels(people, [bad]))[bad]) == 4

    await eventually(healed)


async def test_a_clock_that_was_stopped_meanwhile_is_left_alone(people: People) -> None:
    filed = await people.file()
    (await people.accept(filed)).ok()
    people.district.time.advance(days=40)
    [acceptance] = await people.district.intake.fetch(
        "SELECT clock_id FROM own.clock WHERE petition_id = $1 AND kind = 'ACCEPTANCE'", UUID(filed.id)
    )
    runtime = people.district.intake.runtime
    assert runtime is not None
    async with runtime.database.transaction(Cause("test", "test")) as tx:
        petition, clock = PetitionId(UUID(filed.id)), ClockId(acceptance["clock_id"])
        references = runtime.references.current
        assert await fire_clock(tx, petition, clock, references, now=people.district.time()) is False
