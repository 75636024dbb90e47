"""own.petition, own.work_order, own.instruction: locking, loading, saving with history and clocks in one statement."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.contracts import catalogue
from services.contracts.vocabulary import Source, Urgency
from services.dispatch.domain.instruction import Instruction
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.kernel import history
from services.kernel.clocks import earliest_due
from services.kernel.db import Row
from services.kernel.errors import NotFound
from services.kernel.head import Decision, Fact
from services.kernel.ids import InstructionId, PetitionId, TrackingCode, WorkOrderId
from services.kernel.transaction import Transaction

TOPIC: Final = catalogue.petition_topic(Source.DISPATCH)

ORDERS_OF: Final = """
    (SELECT jsonb_agg(to_jsonb(work_order) || jsonb_build_object('id', work_order_id) ORDER BY cycle, work_order_id)
     FROM own.work_order WHERE work_order.petition_id = petition.petition_id) AS orders"""
"""Column for a SELECT from own.petition: its work orders, each as the rules know it."""

INSTRUCTIONS_OF: Final = """
    (SELECT jsonb_agg(to_jsonb(instruction) || jsonb_build_object('id', instruction_id) ORDER BY instruction_id)
     FROM own.instruction WHERE instruction.petition_id = petition.petition_id) AS instructions"""
"""Column for a SELECT from own.petition: the supervisor's instructions, each as the rules know it."""

COLUMNS: Final = f"""
    petition.petition_id, petition.tracking_code, petition.sequence, petition.cycle, petition.street,
    petition.community, petition.lead, petition.cohandlers, petition.followers, petition.title, petition.category,
    petition.urgency, petition.withdrawn, petition.visit_known, {ORDERS_OF}, {INSTRUCTIONS_OF}"""

_CLOCKS_OF: Final = """
    (SELECT jsonb_agg(clock) FROM own.clock WHERE clock.petition_id = petition.petition_id
     AND (clock.state <> 'STOPPED' OR (clock.kind = 'HANDLING' AND clock.cycle = petition.cycle))) AS clocks"""
"""Besides the open clocks those of handling in this cycle: a reply that is sent back lets its clock run on."""

_READ: Final = f"{COLUMNS}, {_CLOCKS_OF}, {history.SEEN_OF}"

_FIND: Final = history.Reading("petitions.find", _READ, "petition.petition_id = $1")
_FIND_BY_ORDER: Final = history.Reading(
    "petitions.find_by_order",
    _READ,
    "petition.petition_id = (SELECT petition_id FROM own.work_order WHERE work_order_id = $1 LIMIT 1)",
)
_FIND_BY_INSTRUCTION: Final = history.Reading(
    "petitions.find_by_instruction",
    _READ,
    "petition.petition_id = (SELECT petition_id FROM own.instruction WHERE instruction_id = $1 LIMIT 1)",
)

# Named, so that a column of a later version, which this one does not know, gets its default.
_STORED: Final = """
    petition_id, tracking_code, sequence, cycle, street, community, lead, cohandlers, followers, title, category,
    urgency, withdrawn, visit_known"""
_STORED_ORDER: Final = """
    petition_id, work_order_id, cycle, state, street, category, request, deadline_class, suggestion, opened_at,
    department, assigned_at, acknowledged_at, started_at, ruled, question, asked, asked_at, asked_sequence, reply,
    declines, returns, due_at"""
_STORED_INSTRUCTION: Final = """
    petition_id, instruction_id, words, pressed_by, pressed_at, department, answer, lapsed_at, street, lead"""

_SAVE: Final = f"""
-- petitions.save: a decision, whole: history, outbox, clocks, work orders, instructions, state
WITH held AS (
    INSERT INTO own.petition ({_STORED})
    SELECT {_STORED} FROM jsonb_populate_record(NULL::own.petition, ${history.FIRST_FREE}::jsonb)
    ON CONFLICT (petition_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, cycle = EXCLUDED.cycle, lead = EXCLUDED.lead, cohandlers = EXCLUDED.cohandlers,
        followers = EXCLUDED.followers, title = EXCLUDED.title, category = EXCLUDED.category,
        urgency = EXCLUDED.urgency, withdrawn = EXCLUDED.withdrawn, visit_known = EXCLUDED.visit_known
    WHERE {history.UNCHANGED}
    RETURNING 1
), {history.RECORD}, work_order AS (
    INSERT INTO own.work_order ({_STORED_ORDER})
    SELECT {_STORED_ORDER}
    FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.work_order, ${history.FIRST_FREE + 1}::jsonb)
    ON CONFLICT (petition_id, work_order_id) DO UPDATE SET
        state = EXCLUDED.state, deadline_class = EXCLUDED.deadline_class, department = EXCLUDED.department,
        assigned_at = EXCLUDED.assigned_at, acknowledged_at = EXCLUDED.acknowledged_at,
        started_at = EXCLUDED.started_at, ruled = EXCLUDED.ruled, question = EXCLUDED.question,
        asked = EXCLUDED.asked, asked_at = EXCLUDED.asked_at, asked_sequence = EXCLUDED.asked_sequence,
        reply = EXCLUDED.reply, declines = EXCLUDED.declines, returns = EXCLUDED.returns, due_at = EXCLUDED.due_at
), instruction AS (
    INSERT INTO own.instruction ({_STORED_INSTRUCTION})
    SELECT {_STORED_INSTRUCTION}
    FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.instruction, ${history.FIRST_FREE + 2}::jsonb)
    ON CONFLICT (petition_id, instruction_id) DO UPDATE SET
        answer = EXCLUDED.answer, lapsed_at = EXCLUDED.lapsed_at, lead = EXCLUDED.lead
)
{history.WRITTEN}"""

_ORDERS: Final = msgspec.json.Decoder(tuple[WorkOrder, ...])
_INSTRUCTIONS: Final = msgspec.json.Decoder(tuple[Instruction, ...])


async def find(tx: Transaction, petition_id: PetitionId) -> Petition | None:
    """Lock a petition and load it with its orders, instructions and clocks, or return None."""
    return await _locked(tx, _FIND, petition_id)


async def _locked(tx: Transaction, reading: history.Reading, wanted: UUID) -> Petition | None:
    row = await reading.row(tx, wanted)
    return None if row is None else petition_of(row)


async def lock_order(tx: Transaction, order_id: WorkOrderId) -> tuple[Petition, WorkOrder]:
    """Lock the petition of a work order and load both.

    :raises NotFound: there is no such order.
    """
    petition = await _locked(tx, _FIND_BY_ORDER, order_id)
    if petition is None:
        raise NotFound("This work order")
    return petition, petition.order(order_id)


async def lock_instruction(tx: Transaction, instruction_id: InstructionId) -> tuple[Petition, Instruction]:
    """Lock the petition of an instruction and load both.

    :raises NotFound: there is no such instruction.
    """
    petition = await _locked(tx, _FIND_BY_INSTRUCTION, instruction_id)
    if petition is None:
        raise NotFound("This instruction")
    return petition, petition.instruction(instruction_id)


def petition_of(row: Row) -> Petition:
    """Return a petition from a row with COLUMNS, clocks and SEEN_OF."""
    return Petition(
        head=history.head_of(row),
        tracking_code=TrackingCode(row["tracking_code"]),
        title=row["title"],
        category=row["category"],
        urgency=Urgency(row["urgency"]),
        withdrawn=row["withdrawn"],
        visit_known=row["visit_known"],
        orders=_ORDERS.decode(row["orders"]) if row["orders"] else (),
        instructions=_INSTRUCTIONS.decode(row["instructions"]) if row["instructions"] else (),
    )


def _stored(petition: Petition) -> Mapping[str, Any]:
    scope = petition.head.scope
    return {
        "petition_id": petition.head.id,
        "tracking_code": petition.tracking_code,
        "sequence": petition.head.sequence,
        "cycle": petition.head.cycle,
        "street": scope.street,
        "community": scope.community,
        "lead": scope.lead,
        "cohandlers": scope.cohandlers,
        "followers": scope.followers,
        "title": petition.title,
        "category": petition.category,
        "urgency": petition.urgency,
        "withdrawn": petition.withdrawn,
        "visit_known": petition.visit_known,
    }


def _stored_orders(petition: Petition) -> list[Mapping[str, Any]]:
    return [
        {
            **msgspec.to_builtins(order),
            "petition_id": petition.head.id,
            "work_order_id": order.id,
            "street": petition.head.scope.street,
            "category": petition.category,
            "due_at": earliest_due(tuple(c for c in petition.head.clocks if c.about == order.id)),
        }
        for order in petition.orders
    ]


def _stored_instructions(petition: Petition) -> list[Mapping[str, Any]]:
    scope = petition.head.scope
    return [
        {
            **msgspec.to_builtins(instruction),
            "petition_id": petition.head.id,
            "instruction_id": instruction.id,
            "street": scope.street,
            "lead": scope.lead,
        }
        for instruction in petition.instructions
    ]


async def save(tx: Transaction, before: Petition | None, decision: Decision[Petition], *, now: datetime) -> Petition:
    """Save a decision about a petition (`before` is absent for a new one) and return it as it now stands."""
    after = decision.state
    facts: tuple[Fact, ...] = decision.facts
    saved = replace(after, head=history.recorded(after.head, facts))
    orders = _changed(_stored_orders, before, saved)
    instructions = _changed(_stored_instructions, before, saved)
    given = [msgspec.json.encode(part).decode() for part in (_stored(saved), orders, instructions)]
    await history.write(tx, _SAVE, TOPIC, before.head if before else None, after.head, facts, now, given)
    return saved


def _changed(
    stored: Callable[[Petition], list[Mapping[str, Any]]], before: Petition | None, after: Petition
) -> list[Mapping[str, Any]]:
    known = stored(before) if before else []
    return [row for row in stored(after) if row not in known]
