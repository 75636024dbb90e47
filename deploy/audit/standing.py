"""What does not belong to one petition: reference entries, departments' feeds, what is no event, counters."""

import json
from collections.abc import Collection, Mapping
from typing import Final

from deploy.audit.feeds import check_feeds
from deploy.audit.findings import Finding, Kind
from deploy.audit.place import REFERENCES, SERVICES, Connection, others
from deploy.audit.topics import Topics

_OWN: Final = """
-- audit.references: the entries that a service owns, and how many events recorded each
SELECT kind || ':' || id AS key, sequence, entry,
       (SELECT count(*) FROM own.event WHERE event.aggregate_id = reference.reference_id) AS events,
       (SELECT max(event.sequence) FROM own.event WHERE event.aggregate_id = reference.reference_id) AS last
FROM own.reference"""

_KEPT: Final = """
-- audit.kept_references: the entries of others that a service keeps
SELECT kind || ':' || id AS key, sequence, entry FROM view.reference"""

_RATES: Final = """
-- audit.rates: counters that are not the sum of the visits that stand
WITH counted AS (
    SELECT day, street, department, sum(reached) AS reached, sum(not_reached) AS not_reached,
           sum(responded) AS responded, sum(solved) AS solved, sum(satisfied) AS satisfied
    FROM own.rate GROUP BY day, street, department
), made AS (
    SELECT (visit.visited_at AT TIME ZONE 'Asia/Shanghai')::date AS day, petition.street,
           COALESCE(found.department, '') AS department,
           count(*) FILTER (WHERE outcome = 'REACHED') AS reached,
           count(*) FILTER (WHERE outcome = 'NOT_REACHED') AS not_reached,
           count(*) FILTER (WHERE outcome = 'REACHED' AND responded) AS responded,
           count(*) FILTER (WHERE outcome = 'REACHED' AND solved) AS solved,
           count(*) FILTER (WHERE outcome = 'REACHED' AND satisfied) AS satisfied
    FROM own.visit JOIN own.case AS found USING (petition_id, cycle) JOIN own.petition USING (petition_id)
    WHERE stands AND outcome <> 'MISSED' GROUP BY 1, 2, 3
)
SELECT day, street, department,
       ARRAY[counted.reached, counted.not_reached, counted.responded, counted.solved, counted.satisfied] AS counted,
       ARRAY[made.reached, made.not_reached, made.responded, made.solved, made.satisfied] AS made
FROM counted FULL JOIN made USING (day, street, department)
WHERE (COALESCE(counted.reached, 0), COALESCE(counted.not_reached, 0), COALESCE(counted.responded, 0),
       COALESCE(counted.solved, 0), COALESCE(counted.satisfied, 0))
    <> (COALESCE(made.reached, 0), COALESCE(made.not_reached, 0), COALESCE(made.responded, 0),
        COALESCE(made.solved, 0), COALESCE(made.satisfied, 0))
LIMIT 100"""


_WORDS: Final = """
-- audit.words: petitions without the words that they were submitted with (or with them, though they were erased), or
-- with more or fewer additions than events
SELECT petition_id, original.petition_id IS NOT NULL AS kept, erasure.petition_id IS NOT NULL AS erased,
       COALESCE(added, 0) AS added, COALESCE(told, 0) AS told
FROM own.petition LEFT JOIN own.original USING (petition_id) LEFT JOIN own.erasure USING (petition_id)
LEFT JOIN (SELECT petition_id, count(*) AS added FROM own.addition GROUP BY 1) AS additions USING (petition_id)
LEFT JOIN (SELECT aggregate_id AS petition_id, count(*) AS told FROM own.event
           WHERE type = 'petition.information_added' GROUP BY 1) AS events USING (petition_id)
WHERE (original.petition_id IS NULL) <> (erasure.petition_id IS NOT NULL) OR COALESCE(added, 0) <> COALESCE(told, 0)
LIMIT 100"""

_LEFT: Final = """
-- audit.left: what an erasure should have taken and did not, and erasures that were not told exactly once
SELECT petition_id, COALESCE(told, 0) AS told,
       (SELECT count(*) FROM own.contact WHERE contact.petition_id = erasure.petition_id) AS contacts,
       (SELECT count(*) FROM own.addition
        WHERE addition.petition_id = erasure.petition_id AND words <> '') AS additions
FROM own.erasure LEFT JOIN (SELECT aggregate_id AS petition_id, count(*) AS told FROM own.event
                            WHERE type = 'petition.personal_data_erased' GROUP BY 1) AS events USING (petition_id)"""

_UNSAID: Final = """
-- audit.unsaid: acts whose words are not kept (a remark is what somebody wrote at them)
SELECT aggregate_id AS petition_id, type, sequence FROM own.event
WHERE type = ANY($1) AND COALESCE(remark, '') = '' LIMIT 100"""

_SAID: Final = {
    "intake": ("petition.listened", "petition.looked", "petition.deliberated", "petition.rejected"),
    "dispatch": (
        "work_order.declined",
        "work_order.ruled",
        "work_order.information_requested",
        "work_order.replied",
        "work_order.reply_returned",
    ),
}
"""Acts at which somebody must write something."""


async def check(connections: Mapping[str, Connection], topics: Topics, foreign: Collection[str]) -> list[Finding]:
    """Check reference entries, feeds, unreadable messages and counters."""
    findings = [
        Finding(Kind.DOUBLED, "topics", None, f"the event id {event_id} is carried by more than one event")
        for event_id in topics.spool.shared_ids()
    ]
    for owner in REFERENCES:
        findings += await _references(owner, connections, topics)
    findings += _unreadable(topics, foreign)
    findings += await check_feeds(connections["dispatch"], topics)
    findings += await _words(connections)
    for row in await connections["feedback"].fetch(_RATES):
        where = f"{row['day']}, {row['street']}, {row['department'] or 'on the spot'}"
        sentence = f"the rates of {where} count {row['counted']}; the visits that stand are {row['made']}"
        findings.append(Finding(Kind.DISAGREE, "feedback", None, sentence))
    return findings


async def _words(connections: Mapping[str, Connection]) -> list[Finding]:
    """Check that what people said is there; what it says is nobody's business here."""
    findings: list[Finding] = []
    for row in await connections["intake"].fetch(_WORDS):
        if row["kept"] and row["erased"]:
            findings.append(Finding(Kind.DISAGREE, "intake", row["petition_id"], "its words are there, though erased"))
            continue
        sentence = (
            f"{row['added']} additions are kept, {row['told']} were acknowledged"
            if row["kept"] or row["erased"]
            else "its words are gone"
        )
        findings.append(Finding(Kind.LOST, "intake", row["petition_id"], sentence))
    for row in await connections["intake"].fetch(_LEFT):
        if row["told"] != 1:
            sentence = f"its erasure was told {row['told']} times"
            findings.append(Finding(Kind.DISAGREE, "intake", row["petition_id"], sentence))
        if row["contacts"] or row["additions"]:
            sentence = f"{row['contacts']} contacts and {row['additions']} additions are there, though erased"
            findings.append(Finding(Kind.DISAGREE, "intake", row["petition_id"], sentence))
    for service, acts in _SAID.items():
        for row in await connections[service].fetch(_UNSAID, list(acts)):
            sentence = f"{row['type']} #{row['sequence']} has no words"
            findings.append(Finding(Kind.LOST, service, row["petition_id"], sentence))
    return findings


async def _references(owner: str, connections: Mapping[str, Connection], topics: Topics) -> list[Finding]:
    findings: list[Finding] = []
    published = topics.references[owner]

    def note(kind: Kind, service: str, sentence: str) -> None:
        findings.append(Finding(kind, service, None, sentence))

    own = {row["key"]: row for row in await connections[owner].fetch(_OWN)}
    for key, row in own.items():
        if not row["events"] == row["last"] == row["sequence"]:
            note(Kind.LOST, owner, f"{key} is at sequence {row['sequence']}, {row['events']} events recorded it")
        newest = published.get(key)
        if newest is None or (newest.sequence, newest.entry) != (row["sequence"], json.loads(row["entry"])):
            note(Kind.DISAGREE, owner, f"{key} is published otherwise than it is recorded")
    for key in published.keys() - own.keys():
        note(Kind.FOREIGN, owner, f"{key} is published, and not recorded")
    for service in others(owner):
        kept = {row["key"]: row for row in await connections[service].fetch(_KEPT)}
        for key, newest in published.items():
            row = kept.get(key)
            if row is None or (row["sequence"], json.loads(row["entry"])) != (newest.sequence, newest.entry):
                note(Kind.BEHIND if row is None else Kind.DISAGREE, service, f"keeps {key} otherwise than published")
    return findings


def _unreadable(topics: Topics, foreign: Collection[str]) -> list[Finding]:
    findings: list[Finding] = []
    for message in topics.unreadable:
        if message.place not in foreign:
            sentence = f"the message at {message.place} is no event: {message.why}"
            findings.append(Finding(Kind.FOREIGN, message.service, None, sentence))
        for service in SERVICES:
            follows = service != message.service
            if follows and message.place not in topics.buried[service]:
                sentence = f"the unreadable message at {message.place} is not among the dead letters"
                findings.append(Finding(Kind.LOST, service, None, sentence))
    return findings
