"""own.department_feed: each department's events, numbered by the relay as it takes them out of the outbox.

Commands commit in any order, and a counter that they share would be a lock that they share. The relay is alone, and
takes every row out once, whatever becomes of it. Whoever has read up to a number has missed nothing before it.
"""

from typing import Final

# OFFSET 0 has each event looked up by its key, as where the relay reads them.
PUBLISHED: Final = """
-- department_feed.published: take away what the broker has acknowledged, and number it for the departments it concerns
WITH gone AS (
    DELETE FROM own.outbox WHERE position = ANY($1) RETURNING position, aggregate_id, sequence
), concerned AS (
    SELECT DISTINCT gone.position, gone.aggregate_id, gone.sequence, department.code
    FROM gone CROSS JOIN LATERAL (
        SELECT lead, cohandlers, data FROM own.event
        WHERE event.aggregate_id = gone.aggregate_id AND event.sequence = gone.sequence OFFSET 0
    ) AS event
    CROSS JOIN LATERAL unnest(event.cohandlers || event.lead || (event.data ->> 'department')) AS department (code)
    WHERE department.code IS NOT NULL
), numbered AS (
    INSERT INTO own.department_feed (department, number, aggregate_id, sequence)
    SELECT code,
           COALESCE((SELECT max(number) FROM own.department_feed WHERE department = concerned.code), 0)
               + row_number() OVER (PARTITION BY code ORDER BY position),
           aggregate_id, sequence
    FROM concerned
    RETURNING department
)
SELECT DISTINCT department AS key FROM numbered"""
