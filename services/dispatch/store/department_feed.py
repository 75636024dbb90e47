"""own.department_feed: each department's events, numbered by the relay as it takes them out of the outbox.

Commands commit in any order, and a counter that they share would be a lock that they share. The relay is alone, and
takes every row out once, whatever becomes of it. Whoever has read up to a number has missed nothing before it.

What is numbered waits in own.department_outbox until it is on the department's own topic.
"""

from typing import Final

from services.contracts.clocks import ClockStopped
from services.dispatch.domain.department_feed import CLOCKS, NAMING, TOLD


def _listed(names: frozenset[str]) -> str:
    """Return names of ours as a list in a statement."""
    return ", ".join(f"'{name}'" for name in sorted(names))


# OFFSET 0 has each event looked up by its key, as where the relay reads them.
PUBLISHED: Final = f"""
-- department_feed.published: take away what the broker has acknowledged, and number it for the departments it concerns
WITH gone AS (
    DELETE FROM own.outbox WHERE position = ANY($1) RETURNING position, aggregate_id, sequence
), concerned AS (
    SELECT DISTINCT gone.position, gone.aggregate_id, gone.sequence, department.code
    FROM gone CROSS JOIN LATERAL (
        SELECT type, lead, cohandlers, data FROM own.event
        WHERE event.aggregate_id = gone.aggregate_id AND event.sequence = gone.sequence OFFSET 0
    ) AS event
    CROSS JOIN LATERAL unnest(
        CASE WHEN event.type IN ({_listed(NAMING)})
             THEN ARRAY[event.data ->> 'department', event.data ->> 'relieved']
             WHEN event.type = '{ClockStopped.TYPE}' AND event.data ->> 'department' IS NOT NULL
             THEN ARRAY[event.data ->> 'department']
             ELSE event.cohandlers || event.lead
        END) AS department (code)
    WHERE department.code IS NOT NULL AND event.type IN ({_listed(TOLD)})
      AND (event.type NOT LIKE 'clock.%' OR event.data ->> 'kind' IN ({_listed(frozenset(CLOCKS))}))
), numbered AS (
    INSERT INTO own.department_feed (department, number, aggregate_id, sequence)
    SELECT code,
           COALESCE((SELECT max(number) FROM own.department_feed WHERE department = concerned.code), 0)
               + row_number() OVER (PARTITION BY code ORDER BY position),
           aggregate_id, sequence
    FROM concerned
    RETURNING department, number
), outbox AS (
    INSERT INTO own.department_outbox (department, number)
    SELECT department, number FROM numbered ORDER BY department, number
)
SELECT DISTINCT department AS key FROM numbered"""

_EVENT: Final = """
CROSS JOIN LATERAL (
    SELECT * FROM own.event WHERE event.aggregate_id = feed.aggregate_id AND event.sequence = feed.sequence OFFSET 0
) AS event"""

UNPUBLISHED: Final = f"""
-- department_feed.unpublished: the oldest that are not on their departments' topics yet
SELECT outbox.position, feed.department, feed.number, event.aggregate_id, event.event_id, event.type, event.cycle,
       event.happened_at, event.recorded_at, event.data, event.street, event.community
FROM (SELECT * FROM own.department_outbox ORDER BY position LIMIT $1) AS outbox
CROSS JOIN LATERAL (
    SELECT * FROM own.department_feed AS feed
    WHERE feed.department = outbox.department AND feed.number = outbox.number OFFSET 0
) AS feed{_EVENT}
ORDER BY outbox.position"""

WAITING: Final = """
-- department_feed.waiting: how many are not on their departments' topics yet, and for how long the oldest is not
SELECT (SELECT count(*) FROM (SELECT FROM own.department_outbox ORDER BY position LIMIT $1) AS counted) AS messages,
       COALESCE((
           SELECT EXTRACT(epoch FROM clock_timestamp() - event.recorded_at)
           FROM (SELECT * FROM own.department_outbox ORDER BY position LIMIT 1) AS oldest
           JOIN own.department_feed AS feed USING (department, number)
           JOIN own.event ON event.aggregate_id = feed.aggregate_id AND event.sequence = feed.sequence
       ), 0)::float8 AS seconds"""

DELIVERED: Final = """
-- department_feed.delivered: what the broker has acknowledged
DELETE FROM own.department_outbox WHERE position = ANY($1)"""
