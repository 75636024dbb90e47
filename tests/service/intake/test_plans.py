"""Intake with much stored: every list is read straight from an index, at a cost that does not grow with it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest

from deploy.audit import living
from services.contracts.vocabulary import PetitionState
from services.intake.queries import petitions
from services.intake.queries.petitions import Wanted
from services.kernel import relay, scheduler
from services.kernel.access import Reach
from tests.support import stored
from tests.support.plans import MODES, Full, full
from tests.support.servers import Servers

PETITIONS: Final = 50_000

# The latest are open, as it is in life; most of the others have been handed over.
OPEN: Final = PETITIONS // 50
FILLING: Final = f"""
INSERT INTO own.petition
    (petition_id, tracking_code, sequence, cycle, state, kind, channel, street, community, cohandlers, followers,
     submitted_at, submitted_by, working_text, title, category, urgency, extent, steps, reply_known, closed,
     lead, due_at)
SELECT {stored.ID}, 'T' || n, 6, 1,
       CASE WHEN n > {PETITIONS - OPEN} THEN (ARRAY['SUBMITTED', 'ACCEPTED', 'SCREENING'])[1 + n % 3]
            ELSE (ARRAY['READY', 'READY', 'READY', 'READY', 'READY', 'READY', 'RESOLVED_ON_SPOT', 'REJECTED', 'MERGED',
                        'WITHDRAWN'])[1 + n % 10] END,
       'DEMAND', 'web', {stored.STREET}, {stored.COMMUNITY}, '{{}}', {stored.FOLLOWERS},
       {stored.AT}, '{{"role": "anyone", "subject": "anyone"}}', repeat('水管', 40), 'title',
       {stored.CATEGORY}, 'NORMAL', 'BUILDING', '{{LISTEN,LOOK}}', false, false,
       CASE WHEN n % 10 < 6 THEN {stored.DEPARTMENT} END,
       CASE WHEN n > {PETITIONS - OPEN} THEN {stored.AT} + interval '7 days' END
FROM generate_series(1, {PETITIONS}) AS n;
{stored.history(petitions=PETITIONS, events=2)}
{stored.clocks(petitions=PETITIONS, kind="SCREENING", running=OPEN)}
"""


@pytest.fixture(scope="module")
async def intake(servers: Servers) -> AsyncIterator[Full]:
    async with full(servers, "intake", FILLING) as database:
        yield database


LATE: Final = datetime(2026, 6, 1, tzinfo=UTC)
HALFWAY: Final = UUID(stored.id_of(PETITIONS // 2))

WANTED: Final[Mapping[str, tuple[Wanted, str]]] = {
    "district": (Wanted(), "petition_by_state"),
    "district, halfway": (Wanted(after=HALFWAY), "petition_by_state"),
    "to accept": (Wanted([PetitionState.SUBMITTED]), "petition_by_state"),
    "due": (Wanted(due_before=LATE), "petition_by_state"),
    "category": (Wanted(category="category-3"), "petition_by_category"),
    "street": (Wanted(street="street-3"), "petition_by_street"),
    "street, to screen, halfway": (
        Wanted([PetitionState.ACCEPTED, PetitionState.SCREENING], street="street-3", after=HALFWAY),
        "petition_by_street",
    ),
    "street, due": (Wanted(street="street-3", due_before=LATE), "petition_by_street"),
    "street, category": (Wanted(street="street-3", category="category-3"), "petition_by_category"),
    "community": (Wanted(community="community-10"), "petition_by_community"),
    "community, due": (Wanted(community="community-10", due_before=LATE), "petition_by_community"),
    "nothing there": (Wanted(community="nowhere"), "petition_by_community"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("desk", WANTED)
async def test_a_desk_reads_a_page_from_each_state(intake: Full, desk: str, mode: str) -> None:
    wanted, index = WANTED[desk]
    statement = petitions.PAGES[petitions.index_for(wanted)]
    read = await intake.read(statement, *petitions.arguments(wanted), mode=mode)
    stored.is_bounded(read, stored.A_PAGE)
    assert index in read.indexes, read
    assert (read.rows == 0) == (desk == "nothing there")


PLACED: Final[Mapping[str, tuple[Wanted, Reach]]] = {
    "representative": (Wanted(), Reach(False, (), ("community-10", "community-11"), "rep-8", ())),
    "representative, halfway": (Wanted(after=HALFWAY), Reach(False, (), ("community-10",), "rep-8", ())),
    "representative, due": (Wanted(due_before=LATE), Reach(False, (), ("community-10",), "rep-8", ())),
    "representative, category": (Wanted(category="category-3"), Reach(False, (), ("community-10",), "rep-8", ())),
    "only a follower": (Wanted(), Reach(False, (), (), "rep-8", ())),
    "station": (Wanted(), Reach(False, (), ("community-10", "community-11"), None, ())),
    "integrator of a department": (Wanted(), Reach(False, (), (), None, ("department-3",))),
    "of a street and placed elsewhere": (Wanted(), Reach(False, ("street-3",), ("community-10",), "rep-8", ())),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", PLACED)
async def test_a_page_is_read_from_each_place_that_is_ones_own(intake: Full, who: str, mode: str) -> None:
    wanted, reach = PLACED[who]
    arguments: tuple[Any, ...] = (*petitions.arguments(wanted), *petitions.own(reach, wanted))
    read = await intake.read(petitions.OWN, *arguments, mode=mode)
    stored.is_bounded(read, stored.A_PAGE)
    assert read.rows > 0


@pytest.mark.parametrize("mode", MODES)
async def test_twenty_petitions_are_read_by_their_keys(intake: Full, mode: str) -> None:
    ids = [stored.id_of(n) for n in range(1, PETITIONS, PETITIONS // 20)]
    for statement in (petitions._BY_IDS, petitions._REMARKS):
        stored.is_bounded(await intake.read(statement, ids, mode=mode), 400)
    stored.is_bounded(await intake.read(petitions._BY_CODE, "T77", mode=mode), 30)


@pytest.mark.parametrize("mode", MODES)
async def test_the_scheduler_reads_what_is_due(intake: Full, mode: str) -> None:
    await stored.scheduler_reads_a_page(intake, scheduler._DUE, mode)
    await stored.reckoning_reads_a_page(intake, scheduler._OUTDATED, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("waiting", [3, 2 * PETITIONS])
async def test_the_relay_reads_the_lowest(intake: Full, mode: str, waiting: int) -> None:
    await stored.relay_reads_a_batch(intake, relay._LOWEST, mode, waiting)


@pytest.mark.parametrize("mode", MODES)
async def test_the_audit_reads_range_by_range(intake: Full, mode: str) -> None:
    await stored.audit_reads_a_page(intake, mode, living._PETITIONS, petitions=PETITIONS)
    upper = await intake.read(living._UPPER, stored.id_of(PETITIONS // 2), 499, mode=mode)
    stored.is_bounded(upper, 500)
