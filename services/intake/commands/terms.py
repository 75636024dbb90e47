"""Recording a deadline policy or calendar days: for every service, from one place."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.contracts.reference import Holiday, Policy
from services.contracts.vocabulary import Source
from services.intake.domain import access, terms
from services.kernel import reference
from services.kernel.access import Actor, require
from services.kernel.transaction import Transaction


class PolicyRecorded(msgspec.Struct, frozen=True):
    """The new version."""

    policy: Policy


class DaysRecorded(msgspec.Struct, frozen=True):
    """How many of the days changed anything."""

    changed: int


@dataclass(frozen=True, slots=True)
class RecordPolicy:
    """What the next version changes, and from when on."""

    changes: terms.PolicyChanges
    effective_from: datetime


async def record_policy(tx: Transaction, cmd: RecordPolicy, *, by: Actor, now: datetime) -> PolicyRecorded:
    """Record the next version of the deadline policy.

    :raises InvalidInput: it would take effect too soon, changes nothing, or has a figure that cannot be.
    """
    who = require(by, access.RECORD_TERMS)
    policies = [entry for entry in await reference.lock_own(tx) if isinstance(entry, Policy)]
    policy = terms.next_policy(policies, cmd.changes, cmd.effective_from, now)
    await reference.record(tx, Source.INTAKE, [policy], by=who, now=now)
    return PolicyRecorded(policy)


@dataclass(frozen=True, slots=True)
class RecordDays:
    """Days that differ from the official calendar, or no longer do."""

    days: tuple[terms.CalendarDay, ...]


async def record_days(tx: Transaction, cmd: RecordDays, *, by: Actor, now: datetime) -> DaysRecorded:
    """Record days of the calendar; every service moves its open clocks when it hears of them.

    :raises InvalidInput: a day that is past, too far away, given twice, or was never recorded and would be taken back.
    """
    who = require(by, access.RECORD_TERMS)
    known = [entry for entry in await reference.lock_own(tx) if isinstance(entry, Holiday)]
    entries = terms.holidays(cmd.days, known, now)
    return DaysRecorded(await reference.record(tx, Source.INTAKE, entries, by=who, now=now))
