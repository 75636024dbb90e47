"""own.petition, own.case, own.visit, own.rate: locking, loading, and saving with the history in one statement."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.contracts import catalogue
from services.contracts.event import Who
from services.contracts.vocabulary import CaseState, Source, VisitMeans
from services.feedback.domain import rates
from services.feedback.domain.case import Case, LedgerEntry, Outcome, Petition, Reopening, Visit
from services.kernel import history
from services.kernel.clocks import earliest_due
from services.kernel.db import Row
from services.kernel.errors import NotFound
from services.kernel.head import Decision, Fact
from services.kernel.ids import CaseId, PetitionId
from services.kernel.transaction import Transaction

TOPIC: Final = catalogue.petition_topic(Source.FEEDBACK)

COLUMNS: Final = f"""
    petition.petition_id, petition.sequence, petition.cycle, petition.street, petition.community, petition.lead,
    petition.cohandlers, petition.followers, petition.title, petition.category, petition.withdrawn, petition.reopened,
    {history.CLOCKS_OF}, {history.SEEN_OF},
    (SELECT jsonb_agg(found ORDER BY found.cycle) FROM own.case AS found
     WHERE found.petition_id = petition.petition_id) AS cases,
    (SELECT jsonb_agg(found ORDER BY found.visited_at, found.visit_id) FROM own.visit AS found
     WHERE found.petition_id = petition.petition_id) AS visits"""

_READING: Final = history.Reading("petitions.lock", COLUMNS, "petition_id = $1")


class _StoredCase(msgspec.Struct, frozen=True, kw_only=True):
    petition_id: PetitionId
    cycle: int
    case_id: CaseId
    state: CaseState
    street: str
    community: str
    department: str | None
    cohandlers: tuple[str, ...]
    followers: tuple[str, ...]
    handler: str
    opened_at: datetime
    round: int
    ledger: LedgerEntry | None
    reopening: Reopening | None
    ended_at: datetime | None
    due_at: datetime | None


class _StoredVisit(msgspec.Struct, frozen=True, kw_only=True):
    petition_id: PetitionId
    visit_id: UUID
    cycle: int
    round: int
    visited_at: datetime
    visited_by: Who
    means: VisitMeans
    outcome: Outcome
    representative: str | None
    responded: bool | None
    solved: bool | None
    satisfied: bool | None
    ledger_proposed: bool
    comment: str
    stands: bool


class _StoredCount(msgspec.Struct, frozen=True, kw_only=True):
    day: date
    street: str
    department: str
    shard: int
    reached: int
    not_reached: int
    responded: int
    solved: int
    satisfied: int


# Named, so that a column of a later version, which this one does not know, gets its default.
_CASE, _VISIT, _COUNT = (", ".join(stored.__struct_fields__) for stored in (_StoredCase, _StoredVisit, _StoredCount))
_STORED: Final = """
    petition_id, sequence, cycle, street, community, lead, cohandlers, followers, title, category, withdrawn,
    reopened"""

_CASES, _VISITS, _COUNTS, _PETITION = (history.FIRST_FREE + n for n in range(4))

_SAVE: Final = f"""
-- petitions.save: a decision, whole: history, outbox, clocks, the case, its visits, the rates, the petition
WITH held AS (
    INSERT INTO own.petition ({_STORED})
    SELECT {_STORED} FROM jsonb_populate_record(NULL::own.petition, ${_PETITION}::jsonb)
    ON CONFLICT (petition_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, cycle = EXCLUDED.cycle, lead = EXCLUDED.lead, cohandlers = EXCLUDED.cohandlers,
        followers = EXCLUDED.followers, title = EXCLUDED.title, category = EXCLUDED.category,
        withdrawn = EXCLUDED.withdrawn, reopened = EXCLUDED.reopened
    WHERE {history.UNCHANGED}
    RETURNING 1
), {history.RECORD}, evaluated AS (
    INSERT INTO own.case ({_CASE})
    SELECT {_CASE} FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.case, ${_CASES}::jsonb)
    ON CONFLICT (petition_id, cycle) DO UPDATE SET
        state = EXCLUDED.state, department = EXCLUDED.department, cohandlers = EXCLUDED.cohandlers,
        followers = EXCLUDED.followers, handler = EXCLUDED.handler, round = EXCLUDED.round, ledger = EXCLUDED.ledger,
        reopening = EXCLUDED.reopening, ended_at = EXCLUDED.ended_at, due_at = EXCLUDED.due_at
), visited AS (
    INSERT INTO own.visit ({_VISIT})
    SELECT {_VISIT} FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.visit, ${_VISITS}::jsonb)
    ON CONFLICT (petition_id, visit_id) DO UPDATE SET stands = EXCLUDED.stands
), counted AS (
    INSERT INTO own.rate AS known ({_COUNT})
    SELECT {_COUNT} FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.rate, ${_COUNTS}::jsonb)
    ON CONFLICT (day, street, department, shard) DO UPDATE SET
        reached = known.reached + EXCLUDED.reached, not_reached = known.not_reached + EXCLUDED.not_reached,
        responded = known.responded + EXCLUDED.responded, solved = known.solved + EXCLUDED.solved,
        satisfied = known.satisfied + EXCLUDED.satisfied
)
{history.WRITTEN}"""

_CASES_DECODER: Final = msgspec.json.Decoder(list[_StoredCase])
_VISITS_DECODER: Final = msgspec.json.Decoder(list[_StoredVisit])


async def lock(tx: Transaction, petition_id: PetitionId) -> Petition:
    """Lock a petition and load it with its cases, visits and open clocks.

    :raises NotFound: feedback has nothing to decide about it (yet).
    """
    if (petition := await find(tx, petition_id)) is None:
        raise NotFound("This petition")
    return petition


async def find(tx: Transaction, petition_id: PetitionId) -> Petition | None:
    """Lock a petition and load it, or return None."""
    row = await _READING.row(tx, petition_id)
    return None if row is None else petition_of(row)


def petition_of(row: Row) -> Petition:
    """Return a petition from a row with COLUMNS."""
    visits = _VISITS_DECODER.decode(row["visits"]) if row["visits"] else []
    cases = _CASES_DECODER.decode(row["cases"]) if row["cases"] else []
    return Petition(
        head=history.head_of(row),
        title=row["title"],
        category=row["category"],
        withdrawn=row["withdrawn"],
        reopened=row["reopened"],
        cases=tuple(_case_of(case, tuple(_visit_of(v) for v in visits if v.cycle == case.cycle)) for case in cases),
    )


def _case_of(stored: _StoredCase, visits: tuple[Visit, ...]) -> Case:
    return Case(
        id=stored.case_id,
        cycle=stored.cycle,
        state=stored.state,
        department=stored.department,
        handler=stored.handler,
        opened_at=stored.opened_at,
        round=stored.round,
        visits=visits,
        ledger=stored.ledger,
        reopening=stored.reopening,
        ended_at=stored.ended_at,
    )


def _visit_of(stored: _StoredVisit) -> Visit:
    return Visit(
        id=stored.visit_id,
        round=stored.round,
        at=stored.visited_at,
        by=stored.visited_by,
        means=stored.means,
        outcome=stored.outcome,
        representative=stored.representative,
        responded=stored.responded,
        solved=stored.solved,
        satisfied=stored.satisfied,
        ledger_proposed=stored.ledger_proposed,
        comment=stored.comment,
        stands=stored.stands,
    )


def _stored(petition: Petition) -> Mapping[str, Any]:
    scope = petition.head.scope
    return {
        "petition_id": petition.head.id,
        "sequence": petition.head.sequence,
        "cycle": petition.head.cycle,
        "street": scope.street,
        "community": scope.community,
        "lead": scope.lead,
        "cohandlers": scope.cohandlers,
        "followers": scope.followers,
        "title": petition.title,
        "category": petition.category,
        "withdrawn": petition.withdrawn,
        "reopened": petition.reopened,
    }


def _stored_case(petition: Petition, case: Case) -> _StoredCase:
    scope = petition.head.scope
    return _StoredCase(
        petition_id=petition.head.id,
        cycle=case.cycle,
        case_id=case.id,
        state=case.state,
        street=scope.street,
        community=scope.community,
        department=case.department,
        cohandlers=scope.cohandlers,
        followers=scope.followers,
        handler=case.handler,
        opened_at=case.opened_at,
        round=case.round,
        ledger=case.ledger,
        reopening=case.reopening,
        ended_at=case.ended_at,
        due_at=earliest_due(petition.head.clocks) if case is petition.case else None,
    )


def _stored_visit(petition: Petition, case: Case, visit: Visit) -> _StoredVisit:
    return _StoredVisit(
        petition_id=petition.head.id,
        visit_id=visit.id,
        cycle=case.cycle,
        round=visit.round,
        visited_at=visit.at,
        visited_by=visit.by,
        means=visit.means,
        outcome=visit.outcome,
        representative=visit.representative,
        responded=visit.responded,
        solved=visit.solved,
        satisfied=visit.satisfied,
        ledger_proposed=visit.ledger_proposed,
        comment=visit.comment,
        stands=visit.stands,
    )


def _stored_count(petition: Petition, place: rates.Place, count: rates.Count) -> _StoredCount:
    return _StoredCount(
        day=place.day,
        street=place.street,
        department=place.department,
        shard=rates.shard_of(petition.head.id),
        reached=count.reached,
        not_reached=count.not_reached,
        responded=count.responded,
        solved=count.solved,
        satisfied=count.satisfied,
    )


async def save(tx: Transaction, before: Petition | None, decision: Decision[Petition], *, now: datetime) -> Petition:
    """Save a decision about a petition (`before` is absent for a new one) and return it as it now stands."""
    after = decision.state
    facts: tuple[Fact, ...] = decision.facts
    saved = replace(after, head=history.recorded(after.head, facts))
    known_visits = {v for c in before.cases for v in c.visits} if before else set[Visit]()
    # The present case always: its due date moves with the clocks. All of them once somebody follows the petition anew.
    joined = before is not None and before.head.scope.followers != saved.head.scope.followers
    cases = [_stored_case(saved, case) for case in saved.cases if joined or case is saved.case]
    visits = [_stored_visit(saved, c, v) for c in saved.cases for v in c.visits if v not in known_visits]
    counts = [_stored_count(saved, place, count) for place, count in rates.changes(before, after).items()]
    given = [msgspec.json.encode(part).decode() for part in (cases, visits, counts, _stored(saved))]
    await history.write(tx, _SAVE, TOPIC, before.head if before else None, after.head, facts, now, given)
    return saved
