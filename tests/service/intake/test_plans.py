"""Intake with much stored: every list is read straight from an index, at a cost that does not grow with it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from deploy.audit import living
from services.contracts.vocabulary import PetitionState
from services.intake.queries import contact_looks, petitions
from services.intake.queries.petitions import Wanted
from services.intake.store import openings, originals
from services.kernel import relay, scheduler
from services.kernel.access import Reach
from services.kernel.ids import PetitionId
from tests.support import stored
from tests.support.plans import MODES, Full, full
from tests.support.servers import Servers

PETITIONS: Final = 50_000

# The latest are open, as it is in life; most of the others have been handed over.
OPEN: Final = PETITIONS // 50
# Half of the record keys have been wrapped anew.
REWRAPPED: Final = PETITIONS // 2
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
INSERT INTO own.contact_look (petition_id, look_id, looked_at, street, role, subject, purpose)
SELECT {stored.ID}, {stored.id_sql(8)}, {stored.AT}, {stored.STREET}, 'department', 'subject-' || n % 300, 'purpose'
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.original (petition_id, master_key, wrapped_key, words)
SELECT {stored.ID}, CASE WHEN n <= {REWRAPPED} THEN 'new' ELSE 'old' END, sha512(n::text::bytea), repeat('x', 90)::bytea
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.opening (latch, failures, failed_at, locked_until)
SELECT sha256(n::text::bytea), 1, now() - n * interval '1 second', now() FROM generate_series(1, {PETITIONS}) AS n;
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


MIDDLE: Final = datetime(2024, 12, 1, tzinfo=UTC)
LOOKS: Final[Mapping[str, tuple[contact_looks.Wanted, str]]] = {
    "all": (contact_looks.Wanted(first=100), "contact_look_by_time"),
    "further on": (contact_looks.Wanted(after=(MIDDLE, HALFWAY), first=100), "contact_look_by_time"),
    "of a day": (
        contact_looks.Wanted(since=MIDDLE, before=MIDDLE + timedelta(days=1), first=100),
        "contact_look_by_time",
    ),
    "street": (contact_looks.Wanted(street="street-3", first=100), "contact_look_by_street"),
    "street, before": (contact_looks.Wanted(street="street-3", before=MIDDLE, first=100), "contact_look_by_street"),
    "person": (contact_looks.Wanted(subject="subject-8", first=100), "contact_look_by_subject"),
    "person, since": (contact_looks.Wanted(subject="subject-8", since=MIDDLE, first=100), "contact_look_by_subject"),
    "person and street": (
        contact_looks.Wanted(subject="subject-8", street="street-3", first=100),
        "contact_look_by_subject_and_street",
    ),
    "petition": (contact_looks.Wanted(petition=PetitionId(HALFWAY), first=100), "contact_look_pkey"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LOOKS)
async def test_looks_are_read_from_the_end_of_an_index(intake: Full, name: str, mode: str) -> None:
    wanted, index = LOOKS[name]
    statement = contact_looks.PAGES[contact_looks.index_for(wanted)]
    read = await intake.read(statement, *contact_looks.arguments(wanted), mode=mode)
    stored.is_bounded(read, 300)
    # As long as one person's looks are few, reading them all costs no more than their own index of a street.
    either = {"contact_look_by_subject"} if name == "person and street" else {index}
    assert read.indexes in ({index}, either), read
    assert read.rows > 0


@pytest.mark.parametrize("mode", MODES)
async def test_a_page_of_record_keys_is_read_behind_those_that_were_wrapped_anew(intake: Full, mode: str) -> None:
    page = await intake.read(originals._UNDER, "old", stored.id_of(0), 500, mode=mode)
    assert page.rows == 500
    stored.is_bounded(page, 600)
    used = await intake.read(originals._MASTERS, mode=mode)
    assert used.rows == 2
    stored.is_bounded(used, 30)


@pytest.mark.parametrize("mode", MODES)
async def test_an_opening_reads_its_petition_and_its_door(intake: Full, mode: str) -> None:
    stored.is_bounded(await intake.read(openings._FIND, "T77", "\\x00", mode=mode), 30)
    forgotten = await intake.read(openings.FORGET, mode=mode)
    stored.is_bounded(forgotten, 30)
    assert forgotten.rows == 0


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
