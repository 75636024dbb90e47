"""Acknowledging, starting, asking, replying, and sending a reply back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.dispatch.commands.answers import Changed
from services.dispatch.commands.assignment import LONGEST_REASON
from services.dispatch.commands.lookup import own_order
from services.dispatch.domain import access, handling
from services.dispatch.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.grounds import known_ground
from services.kernel.ids import WorkOrderId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_QUESTION: Final = 2_000
LONGEST_REPLY: Final = 4_000


@dataclass(frozen=True, slots=True)
class AcknowledgeWorkOrder:
    """The department takes the order."""

    work_order_id: WorkOrderId


async def acknowledge_work_order(
    tx: Transaction, cmd: AcknowledgeWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Take an order; from here it cannot be declined.

    :raises NotFound: it is not the department's.
    :raises InvalidState: it is not ASSIGNED.
    """
    who = require(by, access.HANDLE)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.HANDLE)
    decision = handling.acknowledge(petition, order, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)


@dataclass(frozen=True, slots=True)
class StartWorkOrder:
    """Work begins."""

    work_order_id: WorkOrderId


async def start_work_order(
    tx: Transaction, cmd: StartWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Begin to work on an order.

    :raises NotFound: it is not the department's.
    :raises InvalidState: it is not ACKNOWLEDGED.
    """
    who = require(by, access.HANDLE)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.HANDLE)
    decision = handling.start(petition, order, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)


@dataclass(frozen=True, slots=True)
class AskResident:
    """What the department has to know before it can go on."""

    work_order_id: WorkOrderId
    question: str


async def ask_resident(
    tx: Transaction, cmd: AskResident, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Ask the resident something; handling pauses.

    :raises InvalidInput: the question is missing or too long.
    :raises NotFound: it is not the department's.
    :raises InvalidState: it is not IN_PROGRESS, or a question is open.
    """
    who = require(by, access.HANDLE)
    question = text.required(cmd.question, "question", longest=LONGEST_QUESTION)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.HANDLE)
    decision = handling.ask(petition, order, question=question, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)


@dataclass(frozen=True, slots=True)
class ReplyToWorkOrder:
    """The answer: plain words for the resident, and what was done."""

    work_order_id: WorkOrderId
    words: str
    measures: str


async def reply_to_work_order(
    tx: Transaction, cmd: ReplyToWorkOrder, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Answer the petition; the return visit follows.

    :raises InvalidInput: words or measures are missing or too long.
    :raises NotFound: it is not the department's.
    :raises InvalidState: it is not IN_PROGRESS.
    """
    who = require(by, access.HANDLE)
    words = text.required(cmd.words, "words", longest=LONGEST_REPLY)
    measures = text.required(cmd.measures, "measures", longest=LONGEST_REPLY)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.HANDLE)
    decision = handling.reply(petition, order, words=words, measures=measures, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)


@dataclass(frozen=True, slots=True)
class SendBackReply:
    """Ground from the list, and what the department has to add or do."""

    work_order_id: WorkOrderId
    ground: str
    reason: str


async def send_back_reply(
    tx: Transaction, cmd: SendBackReply, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Send a reply back to its department, while no return visit is known.

    :raises InvalidInput: a ground that is not for this, or a missing reason.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: it is not REPLIED, or has been visited, withdrawn or reopened.
    """
    who = require(by, access.SEND_BACK)
    reason = text.required(cmd.reason, "reason", longest=LONGEST_REASON)
    ground = known_ground(cmd.ground, "RETURN_REPLY", references)
    petition, order = await own_order(tx, cmd.work_order_id, by, access.SEND_BACK)
    decision = handling.send_back(
        petition, order, ground=ground.id, reason=reason, terms=references.terms, by=who, now=now
    )
    return Changed(await petitions.save(tx, petition, decision, now=now), order.id)
