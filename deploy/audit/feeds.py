"""The departments' feeds: what concerns a department is in its feed, once, and lies on its topic in order."""

from typing import Final

from deploy.audit.findings import Finding, Kind
from deploy.audit.place import Connection, Row
from deploy.audit.topics import Numbered, Topics

_PAGE: Final = 1_000
_MOST: Final = 20

# What a department is told of, in the trade's words: of its own orders (to whom one is given, who gives it back, who is
# relieved of it), of instructions to it, and of the clocks that measure its work or stop it.
_DIFFERENCES: Final = """
-- audit.feeds: what concerns a department and is not in its feed, or is there more often, or does not concern it
WITH named AS (
    SELECT aggregate_id, sequence, data ->> 'department' AS department FROM own.event
    WHERE type IN ('work_order.assigned', 'work_order.acknowledged', 'work_order.declined', 'work_order.ruled',
                   'work_order.replied', 'work_order.reply_returned', 'work_order.cancelled', 'petition.pressed')
    UNION ALL
    SELECT aggregate_id, sequence, data ->> 'relieved' FROM own.event
    WHERE type IN ('work_order.assigned', 'work_order.ruled')
    UNION ALL
    SELECT aggregate_id, sequence, lead FROM own.event
    WHERE type IN ('work_order.started', 'work_order.information_requested', 'work_order.resumed',
                   'work_order.referred_for_ruling', 'petition.instruction_answered')
    UNION ALL
    SELECT aggregate_id, sequence, COALESCE(data ->> 'department', lead) FROM own.event
    WHERE type LIKE 'clock.%' AND data ->> 'kind' IN ('ACKNOWLEDGEMENT', 'HANDLING', 'INFORMATION', 'INSTRUCTION')
), concerned AS (
    SELECT department, aggregate_id, sequence FROM named
    WHERE department IS NOT NULL
      AND NOT EXISTS (SELECT FROM own.outbox WHERE outbox.aggregate_id = named.aggregate_id
                                               AND outbox.sequence = named.sequence)
), fed AS (
    SELECT department, aggregate_id, sequence FROM own.department_feed
    WHERE NOT EXISTS (SELECT FROM own.outbox WHERE outbox.aggregate_id = department_feed.aggregate_id
                                               AND outbox.sequence = department_feed.sequence)
)
(SELECT 'LOST' AS kind, * FROM (SELECT * FROM concerned EXCEPT ALL SELECT * FROM fed) AS missing LIMIT $1)
UNION ALL
(SELECT 'DOUBLED', * FROM (SELECT * FROM fed EXCEPT ALL SELECT * FROM concerned) AS more LIMIT $1)"""

_GAPS: Final = """
-- audit.feed_gaps: feeds whose numbers do not run from 1 to their count
SELECT department, count(*) AS events, max(number) AS last FROM own.department_feed
GROUP BY department HAVING count(*) <> max(number) OR min(number) <> 1"""

_DEPARTMENTS: Final = """
-- audit.fed_departments: how far each feed is, and how much of it waits to be published
SELECT department, max(number) AS last,
       (SELECT count(DISTINCT number) FROM own.department_outbox
        WHERE department_outbox.department = department_feed.department) AS waiting
FROM own.department_feed GROUP BY department ORDER BY department"""

_NUMBERED: Final = """
-- audit.numbered: the next events of a feed
SELECT feed.number, event.event_id, event.type, feed.aggregate_id
FROM (SELECT * FROM own.department_feed WHERE department = $1 AND number > $2 ORDER BY number LIMIT $3) AS feed
JOIN own.event ON event.aggregate_id = feed.aggregate_id AND event.sequence = feed.sequence
ORDER BY feed.number"""


async def check_feeds(dispatch: Connection, topics: Topics) -> list[Finding]:
    """Check all departments' feeds, first in dispatch's database, then on their topics."""
    findings: list[Finding] = []
    for row in await dispatch.fetch(_DIFFERENCES, _MOST):
        kind = Kind(row["kind"])
        wrong = "concerns it, and is not in its feed" if kind is Kind.LOST else "is in its feed, and should not be"
        findings.append(_finding(kind, row, f"event {row['sequence']} {wrong}"))
    for row in await dispatch.fetch(_GAPS):
        numbers = f"its feed has {row['events']} events, and numbers up to {row['last']}"
        findings.append(_finding(Kind.LOST, row, numbers))
    for row in await dispatch.fetch(_DEPARTMENTS):
        findings += await _check_topic(row, dispatch, topics)
    return findings


async def _check_topic(feed: Row, dispatch: Connection, topics: Topics) -> list[Finding]:
    """Compare a feed with its topic: first times only, for what follows a crash may repeat what was there."""
    findings: list[Finding] = []
    reached = 0
    page: dict[int, Row] = {}
    async for told in topics.feed(feed["department"]):
        if told.sequence <= reached:
            continue
        if told.sequence > reached + 1:
            findings.append(
                _finding(Kind.LOST, feed, f"its topic goes from number {reached} to {told.sequence} at {told.place}")
            )
        if told.sequence not in page:
            rows = await dispatch.fetch(_NUMBERED, feed["department"], told.sequence - 1, _PAGE)
            page = {row["number"]: row for row in rows}
        recorded = page.get(told.sequence)
        if recorded is None or not _same(told, recorded):
            sentence = f"number {told.sequence} on its topic ({told.place}) is not what its feed has there"
            findings.append(_finding(Kind.DISAGREE, feed, sentence))
        reached = told.sequence
        if len(findings) >= _MOST:
            return findings
    if reached < feed["last"] - feed["waiting"]:
        findings.append(_finding(Kind.LOST, feed, f"its topic ends at number {reached}, its feed at {feed['last']}"))
    return findings


def _same(told: Numbered, recorded: Row) -> bool:
    # What gives an order to one department relieves another of it, and is told there as that.
    types = {recorded["type"]}
    if recorded["type"] in {"work_order.assigned", "work_order.ruled"}:
        types.add("work_order.relieved")
    known = (recorded["event_id"], recorded["aggregate_id"])
    return (told.id, told.subject) == known and told.type in types


def _finding(kind: Kind, row: Row, sentence: str) -> Finding:
    return Finding(kind, "dispatch", row.get("aggregate_id"), f"department {row['department']}: {sentence}")
