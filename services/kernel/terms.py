"""The policy versions and the calendar that clocks are reckoned with, as one value that rules are given."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.reference import Limit, Policy
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit
from services.kernel.calendar import Calendar
from services.kernel.errors import Unavailable

WORKING_DAY = timedelta(days=1)
FIRST_VERSION = 1
"""Policies are numbered from here without gaps: a higher lowest number means that older ones are still to come."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Policies (any order, retired ones too: running clocks go by them) and calendar.

    A policy is fixed for a clock when the clock starts.
    """

    policies: tuple[Policy, ...]
    calendar: Calendar

    def in_force(self, at: datetime) -> Policy:
        """Return the policy version in force at an instant; what is dated before the first version goes by that one.

        :raises Unavailable: it has not arrived yet.
        """
        known = [p for p in self.policies if p.effective_from <= at and not p.retired]
        if known:
            return max(known, key=lambda p: (p.effective_from, p.version))
        earliest = min(self.policies, key=lambda p: p.version, default=None)
        if earliest is None or earliest.version > FIRST_VERSION:
            raise Unavailable(
                "No deadline policy is in force yet: the reference data has not arrived. Try again later."
            )
        return earliest

    def version(self, version: int) -> Policy:
        """Return a policy by its version.

        :raises Unavailable: the reference data has not arrived yet.
        """
        for policy in self.policies:
            if policy.version == version:
                return policy
        raise Unavailable(f"Deadline policy version {version} has not arrived here yet. Try again later.")

    def limit(self, policy: Policy, kind: ClockKind, deadline_class: DeadlineClass | None) -> Limit:
        """Return how long a clock may run under a policy.

        :raises LookupError: the policy has no limit for it.
        """
        for row in policy.limits:
            if row.kind is kind and row.deadline_class is deadline_class:
                return row.limit
        raise LookupError(f"policy {policy.version} has no limit for {kind} {deadline_class or ''}".strip())

    def add(self, start: datetime, span: timedelta, unit: LimitUnit) -> datetime:
        """Return `start` plus a span of working or of clock time."""
        return self.calendar.add(start, span) if unit is LimitUnit.WORKING_DAYS else start + span

    def between(self, start: datetime, end: datetime, unit: LimitUnit) -> timedelta:
        """Return the working or clock time from `start` to `end`."""
        return self.calendar.between(start, end) if unit is LimitUnit.WORKING_DAYS else max(end - start, timedelta(0))


def span_of(limit: Limit) -> timedelta:
    """Return a limit as a span of time in its own unit."""
    return WORKING_DAY * limit.amount if limit.unit is LimitUnit.WORKING_DAYS else timedelta(hours=limit.amount)
