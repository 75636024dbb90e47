"""Everything that is kept about one petition: each service's history and state, and what the topics say."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from deploy.audit.event import Heard, Told, from_row
from deploy.audit.place import SERVICES, Connection, Row, snapshot

_IDS: Final = """
-- audit.ids: the next petitions that anything is kept about, by id
SELECT DISTINCT id FROM (
    (SELECT petition_id AS id FROM own.petition WHERE petition_id > $1 ORDER BY 1 LIMIT $2)
    UNION ALL
    (SELECT DISTINCT aggregate_id FROM own.event WHERE aggregate_id > $1 AND type <> 'reference.recorded'
     ORDER BY 1 LIMIT $2)
    UNION ALL
    (SELECT DISTINCT petition_id FROM own.clock WHERE petition_id > $1 ORDER BY 1 LIMIT $2)
    UNION ALL
    (SELECT DISTINCT aggregate_id FROM own.progress WHERE aggregate_id > $1 ORDER BY 1 LIMIT $2)
    UNION ALL
    (SELECT DISTINCT aggregate_id FROM own.parked WHERE aggregate_id > $1 ORDER BY 1 LIMIT $2)
    UNION ALL
    (SELECT petition_id FROM view.petition WHERE petition_id > $1 ORDER BY 1 LIMIT $2)
) AS known ORDER BY id LIMIT $2"""

_HISTORY: Final = """
-- audit.history: what happened, in order
SELECT aggregate_id, sequence, event_id, type, cycle, happened_at, recorded_at, data, seen, correlation_id,
       causation_id, street, community, lead, cohandlers, followers
FROM own.event WHERE aggregate_id = ANY($1) ORDER BY aggregate_id, sequence"""

_OUTBOX: Final = """
-- audit.outbox: what is still to be published
SELECT aggregate_id, sequence FROM own.outbox WHERE aggregate_id = ANY($1)"""

_CLOCKS: Final = """
-- audit.clocks: all clocks, the stopped ones too
SELECT petition_id, clock_id, kind, about, state, due_at, level, fires_at FROM own.clock
WHERE petition_id = ANY($1) ORDER BY petition_id, clock_id"""

_FIRINGS: Final = """
-- audit.firings: the levels that clocks have reached
SELECT petition_id, clock_id, level FROM own.clock_firing WHERE petition_id = ANY($1)
ORDER BY petition_id, clock_id, level"""

_PROGRESS: Final = """
-- audit.progress: how far each other service has been followed, as the reactions and as the views know it
SELECT aggregate_id, source, received, own.applied, parked, viewed.applied AS viewed
FROM own.progress AS own FULL JOIN view.progress AS viewed USING (aggregate_id, source)
WHERE aggregate_id = ANY($1)"""

_PARKED: Final = """
-- audit.parked: what waits, with its headers (never its data)
SELECT aggregate_id, source, sequence, reason, headers FROM own.parked WHERE aggregate_id = ANY($1)"""

_DISCARDED: Final = """
-- audit.discarded: what an operator passed over, so that nothing may have come of it
SELECT aggregate_id, source, sequence FROM own.discarded WHERE aggregate_id = ANY($1)"""

_STATE: Final[Mapping[str, str]] = {
    "intake": """
-- audit.state: the petition at intake, without what people wrote
SELECT petition_id, tracking_code, sequence, cycle, state, kind, channel, street, community, estate, lead, cohandlers,
       followers, representative, title, category, urgency, extent, steps, department, deadline_class, ground,
       referral, reply_known, closed, due_at
FROM own.petition WHERE petition_id = ANY($1)""",
    "dispatch": """
-- audit.state: the petition at dispatch
SELECT petition_id, tracking_code, sequence, cycle, street, community, lead, cohandlers, followers, title, category,
       urgency, withdrawn, visit_known
FROM own.petition WHERE petition_id = ANY($1)""",
    "feedback": """
-- audit.state: the petition at feedback
SELECT petition_id, sequence, cycle, street, community, lead, cohandlers, followers, title, category, withdrawn,
       reopened
FROM own.petition WHERE petition_id = ANY($1)""",
}

_VIEW: Final[Mapping[str, str]] = {
    "intake": """
-- audit.view: what intake keeps of the others
SELECT petition_id, dispatch_sequence, dispatch_state, lead, cohandlers, feedback_sequence, feedback_state
FROM view.petition WHERE petition_id = ANY($1)""",
    "dispatch": """
-- audit.view: what dispatch keeps of the others
SELECT petition_id, intake_sequence, intake_state, tracking_code, street, community, followers, title, category,
       feedback_sequence, feedback_state
FROM view.petition WHERE petition_id = ANY($1)""",
    "feedback": """
-- audit.view: what feedback keeps of the others
SELECT petition_id, intake_sequence, intake_stage, intake_at, withdrawn, tracking_code, title, street, community,
       followers, dispatch_sequence, dispatch_stage, dispatch_at, lead, cohandlers, stage
FROM view.petition WHERE petition_id = ANY($1)""",
}

_ORDERS: Final = """
-- audit.orders: work orders, without what people wrote
SELECT petition_id, work_order_id, cycle, state, street, category, deadline_class, department, ruled, asked,
       asked_sequence, jsonb_array_length(declines) AS declines, jsonb_array_length(returns) AS returns,
       reply IS NOT NULL AS replied, due_at
FROM own.work_order WHERE petition_id = ANY($1) ORDER BY petition_id, cycle, work_order_id"""

_INSTRUCTIONS: Final = """
-- audit.instructions: what the supervisor demanded, without the words
SELECT petition_id, instruction_id, department, lead, street, answer IS NOT NULL AS answered,
       lapsed_at IS NOT NULL AS lapsed
FROM own.instruction WHERE petition_id = ANY($1)"""

_CASES: Final = """
-- audit.cases: cases
SELECT petition_id, cycle, case_id, state, street, community, department, cohandlers, followers, round,
       ledger IS NOT NULL AS ledgered, reopening ->> 'cause' AS cause, ended_at IS NOT NULL AS ended, due_at
FROM own.case WHERE petition_id = ANY($1) ORDER BY petition_id, cycle"""

_VISITS: Final = """
-- audit.visits: attempts and visits, without what was noted
SELECT petition_id, cycle, round, outcome, means, responded, solved, satisfied, ledger_proposed, stands
FROM own.visit WHERE petition_id = ANY($1)"""

_TIMELINE: Final = """
-- audit.timeline: the other services' events as feedback tells them
SELECT petition_id, source, sequence, event_id, type, cycle, happened_at, recorded_at, seen, data
FROM view.event WHERE petition_id = ANY($1) ORDER BY petition_id, source, sequence"""


_BOARD: Final = """
-- audit.board: the other services' clocks that have reached a level, as feedback shows them
SELECT petition_id, clock_id, source, sequence, kind, state, paused_at, due_at, level, tells, street, department
FROM view.clock WHERE petition_id = ANY($1)"""


@dataclass(slots=True)
class Kept:
    """What one service keeps about one petition."""

    history: list[Told] = field(default_factory=list[Told])
    outbox: set[int] = field(default_factory=set[int])
    state: Row | None = None
    clocks: list[Row] = field(default_factory=list[Row])
    firings: list[Row] = field(default_factory=list[Row])
    progress: dict[str, Row] = field(default_factory=dict[str, Row])
    parked: list[Row] = field(default_factory=list[Row])
    discarded: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    view: Row | None = None
    orders: list[Row] = field(default_factory=list[Row])
    instructions: list[Row] = field(default_factory=list[Row])
    cases: list[Row] = field(default_factory=list[Row])
    visits: list[Row] = field(default_factory=list[Row])
    timeline: list[Row] = field(default_factory=list[Row])
    board: list[Row] = field(default_factory=list[Row])


@dataclass(slots=True)
class Dossier:
    """One petition in all three services and on the topics."""

    petition: UUID
    kept: Mapping[str, Kept]
    heard: Mapping[str, Sequence[Heard]] = field(default_factory=dict[str, Sequence[Heard]])

    def published(self, service: str) -> list[Told]:
        """Return what the topic tells of the petition, each sequence once, in order."""
        by_sequence: dict[int, Told] = {}
        for heard in self.heard.get(service, ()):
            by_sequence.setdefault(heard.told.sequence, heard.told)
        return [by_sequence[n] for n in sorted(by_sequence)]

    def taken_in(self, service: str, source: str) -> list[Told]:
        """Return what a service has to have taken in of a source: all that is published and was not passed over."""
        passed_over = self.kept[service].discarded
        return [told for told in self.published(source) if (source, told.sequence) not in passed_over]

    def told(self, service: str) -> list[Told]:
        """Return what the service recorded, and what only its topic still tells, in order."""
        by_sequence = {e.sequence: e for e in self.published(service)} | {
            e.sequence: e for e in self.kept[service].history
        }
        return [by_sequence[n] for n in sorted(by_sequence)]


async def next_ids(connection: Connection, after: UUID, most: int) -> list[UUID]:
    """Return the next petitions that a service keeps anything about, by id."""
    return [UUID(str(row["id"])) for row in await connection.fetch(_IDS, after, most)]


async def load(service: str, connection: Connection, petitions: Sequence[UUID]) -> Mapping[UUID, Kept]:
    """Return what a service keeps about petitions, all of it at one moment."""
    kept: dict[UUID, Kept] = defaultdict(Kept)
    async with snapshot(connection):
        for row in await connection.fetch(_HISTORY, petitions):
            kept[row["aggregate_id"]].history.append(from_row(service, row))
        for row in await connection.fetch(_OUTBOX, petitions):
            kept[row["aggregate_id"]].outbox.add(row["sequence"])
        for row in await connection.fetch(_STATE[service], petitions):
            kept[row["petition_id"]].state = row
        for row in await connection.fetch(_VIEW[service], petitions):
            kept[row["petition_id"]].view = row
        for row in await connection.fetch(_CLOCKS, petitions):
            kept[row["petition_id"]].clocks.append(row)
        for row in await connection.fetch(_FIRINGS, petitions):
            kept[row["petition_id"]].firings.append(row)
        for row in await connection.fetch(_PROGRESS, petitions):
            kept[row["aggregate_id"]].progress[row["source"]] = row
        for row in await connection.fetch(_PARKED, petitions):
            kept[row["aggregate_id"]].parked.append(row)
        for row in await connection.fetch(_DISCARDED, petitions):
            kept[row["aggregate_id"]].discarded.add((row["source"], row["sequence"]))
        if service == "dispatch":
            for row in await connection.fetch(_ORDERS, petitions):
                kept[row["petition_id"]].orders.append(row)
            for row in await connection.fetch(_INSTRUCTIONS, petitions):
                kept[row["petition_id"]].instructions.append(row)
        if service == "feedback":
            for row in await connection.fetch(_CASES, petitions):
                kept[row["petition_id"]].cases.append(row)
            for row in await connection.fetch(_VISITS, petitions):
                kept[row["petition_id"]].visits.append(row)
            for row in await connection.fetch(_TIMELINE, petitions):
                kept[row["petition_id"]].timeline.append(row)
            for row in await connection.fetch(_BOARD, petitions):
                kept[row["petition_id"]].board.append(row)
    return kept


def dossier(petition: UUID, kept: Mapping[str, Mapping[UUID, Kept]], heard: Mapping[str, Sequence[Heard]]) -> Dossier:
    """Put one petition's parts together."""
    return Dossier(petition, {s: kept[s].get(petition, Kept()) for s in SERVICES}, heard)
