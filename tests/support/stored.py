"""What a service holds after some time, in SQL: petition n's columns are functions of n, the same in each service."""

from typing import Final

from deploy.audit import living
from services.kernel.relay import BATCH
from tests.support.plans import Full, Read

STREET: Final = "('street-' || n % 7)"
COMMUNITY: Final = "('community-' || n % 77)"
# By chance, but the same in each run: no category is one street's alone.
CATEGORY: Final = "('category-' || abs(hashint4(n)) % 20)"
DEPARTMENT: Final = "('department-' || abs(hashint4(n)) / 20 % 25)"
# Nearly half were recorded by one of three hundred representatives; one in ten is followed by a second one.
FOLLOWERS: Final = """
    CASE WHEN n % 10 = 1 THEN ARRAY['rep-' || n / 3 % 300, 'rep-' || n / 5 % 300]
         WHEN n % 2 = 0 THEN ARRAY['rep-' || abs(hashint4(n + 1)) % 300] ELSE '{}' END"""
AT: Final = "(timestamptz '2024-01-01 01:00+00' + n * interval '20 minutes')"


A_PAGE: Final = 1_200
"""More buffers than a page of a desk takes, with two filters and eight states, of three or four thousand in a table."""


def id_of(n: int, kind: int = 0) -> str:
    """Return the id of a petition, or of a thing of its own; like a UUIDv7 it ascends with time."""
    return f"01900000-0000-7000-{8000 + kind}-{n:012x}"


def id_sql(kind: int = 0) -> str:
    """Return the SQL of the same id."""
    return f"('01900000-0000-7000-{8000 + kind}-' || lpad(to_hex(n), 12, '0'))::uuid"


ID: Final = id_sql()


def history(*, petitions: int, events: int) -> str:
    """Return the SQL of each petition's events, as they are once they were published."""
    return f"""
INSERT INTO own.event
SELECT {ID}, k, md5(n || '-' || k)::uuid, 'petition.listened', 1, {AT}, {AT}, '{{"by": {{"role": "system"}}}}',
       CASE k WHEN 2 THEN repeat('水管', 20) END, 'intake:7', 'correlation', 'causation', {STREET}, {COMMUNITY},
       NULL, '{{}}', '{{}}'
FROM generate_series(1, {petitions}) AS n, generate_series(1, {events}) AS k;
"""


def clocks(*, petitions: int, kind: str, running: int) -> str:
    """Return the SQL of a clock for each petition, stopped but for the latest; those that run fire at shared times."""
    return f"""
INSERT INTO own.clock (petition_id, clock_id, kind, cycle, state, policy_version, unit, started_at, span_seconds,
                       due_at, guessed, level, fires_at, calendar, ledger, street)
SELECT {ID}, {id_sql(9)}, '{kind}', 1, CASE WHEN n > {petitions - running} THEN 'RUNNING' ELSE 'STOPPED' END,
       1, 'WORKING_DAYS', {AT}, 604800, {AT} + interval '7 days', false, 0,
       date_trunc('month', {AT}) + interval '60 days',
       CASE WHEN n > {petitions - running} THEN 2026 ELSE 0 END, '[]', {STREET}
FROM generate_series(1, {petitions}) AS n;
INSERT INTO own.progress
SELECT {ID}, source, 3, 3, 0
FROM generate_series(1, {petitions}) AS n, unnest(ARRAY['dispatch', 'feedback']) AS source;
"""


def is_bounded(read: Read, most: int) -> None:
    """Fail if a statement read a table from end to end, or more than `most` buffers.

    The sizes are such that a statement whose cost grows with what is stored reads more.
    """
    assert not read.scanned - {"outbox"}, read
    assert read.buffers <= most, read


async def scheduler_reads_a_page(full: Full, due: str, mode: str) -> None:
    """Check the scheduler's query, when all that runs is due and when nothing is."""
    for until in ("2100-01-01", "2000-01-01"):
        read = await full.read(due, until, "0001-01-01", id_of(0), 200, mode=mode)
        is_bounded(read, 450)
        assert all(node["Actual Rows"] <= 200 for node in read.nodes), read


async def reckoning_reads_a_page(full: Full, outdated: str, mode: str) -> None:
    """Check the query for clocks of an older calendar, when all that are open are and when none is."""
    for calendar in (12026, 2026):
        read = await full.read(outdated, calendar, -1, id_of(0), 200, mode=mode)
        is_bounded(read, 450)
        assert all(node["Actual Rows"] <= 200 for node in read.nodes), read


async def relay_reads_a_batch(full: Full, lowest: str, mode: str, waiting: int) -> None:
    """Check the relay's query with so many events unpublished, however many were when statistics were taken."""
    fill = f"""
    INSERT INTO own.outbox (aggregate_id, sequence, topic)
    SELECT aggregate_id, sequence, 'topic' FROM own.event ORDER BY aggregate_id DESC LIMIT {waiting}"""
    await full.connection.execute(fill)
    try:
        is_bounded(await full.read(lowest, BATCH, mode=mode), 9 * BATCH)
        await full.connection.execute("VACUUM ANALYZE own.outbox")
        read = await full.read(lowest, BATCH, mode=mode)
        is_bounded(read, 9 * BATCH)
        assert waiting < BATCH or not read.scanned, read
    finally:
        await full.connection.execute("TRUNCATE own.outbox")
        await full.connection.execute("ANALYZE own.outbox")


async def audit_reads_a_page(full: Full, mode: str, *statements: str, petitions: int) -> None:
    """Check the audit's queries on a range in the middle of what is stored: each range reads its own part alone."""
    page = 500
    for statement in (*statements, living._CLOCKS):
        given: tuple[object, ...] = (id_of(petitions // 2), id_of(petitions // 2 + page))
        given += (sorted(living.OPEN_ORDERS),) if "$3" in statement else ()
        is_bounded(await full.read(statement, *given, mode=mode), 8 * page)
