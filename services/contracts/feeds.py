"""What departments hear in the examples: of the cases that stories.py tells, and a little more of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.contracts import departments
from services.contracts.departments import DepartmentEvent
from services.contracts.dispatch import OpenInstruction
from services.contracts.stories import (
    CLOCK,
    ESTATE,
    HOUSEHOLD,
    HOUSEHOLD_MATTER,
    HOUSEHOLD_ORDER,
    INSTRUCTION,
    LAMP,
    LAMP_ORDER,
    SEWER,
    SEWER_MATTER,
    SEWER_ORDER,
    at,
)
from services.contracts.vocabulary import ClockKind, DeadlineClass, Role


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a department's feed: which department, its number there, when (UTC), of which petition, what."""

    department: str
    number: int
    when: str
    petition: UUID
    event: DepartmentEvent


_HANDLING: Final[dict[str, Any]] = {"clock_id": CLOCK, "kind": ClockKind.HANDLING, "about": SEWER_ORDER}
_FIRST: Final = at("2026-12-16T09:00")
_MOVED: Final = at("2026-12-17T09:00")
_COMMITTEE: Final = Role.STREET_COMMITTEE
_SUPERVISOR: Final = Role.DISTRICT_SUPERVISOR
_OWN: Final = Role.DEPARTMENT
_ITSELF: Final = Role.SYSTEM


def _of_the_sewer(number: int, when: str, event: DepartmentEvent) -> Told:
    return Told("housing", number, when, SEWER.petition, event)


def _of_the_household(department: str, number: int, when: str, event: DepartmentEvent) -> Told:
    return Told(department, number, when, HOUSEHOLD.petition, event)


TOLD: Final[Sequence[Told]] = (
    _of_the_sewer(
        118,
        "2026-11-25T09:00",
        departments.OrderAssigned(
            by_role=_COMMITTEE,
            work_order_id=SEWER_ORDER,
            deadline_class=DeadlineClass.ORDINARY,
            street="huangtupo",
            community="community-73",
            matter=SEWER_MATTER,
        ),
    ),
    _of_the_sewer(120, "2026-11-25T09:00", departments.ClockStarted(by_role=_COMMITTEE, due_at=_FIRST, **_HANDLING)),
    _of_the_sewer(123, "2026-11-26T00:40", departments.OrderAcknowledged(by_role=_OWN, work_order_id=SEWER_ORDER)),
    _of_the_sewer(127, "2026-11-26T01:30", departments.OrderStarted(by_role=_OWN, work_order_id=SEWER_ORDER)),
    _of_the_sewer(
        130, "2026-11-27T02:00", departments.OrderInformationRequested(by_role=_OWN, work_order_id=SEWER_ORDER)
    ),
    _of_the_sewer(131, "2026-11-27T02:00", departments.ClockPaused(by_role=_OWN, due_at=_FIRST, **_HANDLING)),
    _of_the_sewer(
        135,
        "2026-11-27T10:12",
        departments.OrderResumed(by_role=_ITSELF, work_order_id=SEWER_ORDER, expired=False, handling_due_at=_FIRST),
    ),
    _of_the_sewer(137, "2026-11-27T10:12", departments.ClockResumed(by_role=_ITSELF, due_at=_FIRST, **_HANDLING)),
    _of_the_sewer(
        141,
        "2026-12-01T01:00",
        departments.ClockMoved(by_role=_ITSELF, was_due_at=_FIRST, due_at=_MOVED, **_HANDLING),
    ),
    _of_the_sewer(158, "2026-12-14T09:00", departments.ClockReminded(by_role=_ITSELF, due_at=_MOVED, **_HANDLING)),
    _of_the_sewer(
        166, "2026-12-17T09:00", departments.ClockEscalated(by_role=_ITSELF, level=1, due_at=_MOVED, **_HANDLING)
    ),
    _of_the_sewer(170, "2026-12-18T02:00", departments.OrderReplied(by_role=_OWN, work_order_id=SEWER_ORDER)),
    _of_the_sewer(
        171, "2026-12-18T02:00", departments.ClockStopped(by_role=_OWN, overdue=True, due_at=_MOVED, **_HANDLING)
    ),
    _of_the_household(
        "public-security",
        35,
        "2026-11-20T02:15",
        departments.OrderDeclined(by_role=_OWN, work_order_id=HOUSEHOLD_ORDER, ground="NOT_OURS"),
    ),
    _of_the_household(
        "housing",
        96,
        "2026-11-20T02:15",
        departments.OrderReferredForRuling(by_role=_OWN, work_order_id=HOUSEHOLD_ORDER),
    ),
    _of_the_household(
        "housing",
        104,
        "2026-11-23T01:40",
        departments.OrderRelieved(by_role=_SUPERVISOR, work_order_id=HOUSEHOLD_ORDER),
    ),
    _of_the_household(
        "civil-affairs",
        61,
        "2026-11-23T01:40",
        departments.OrderRuled(
            by_role=_SUPERVISOR,
            work_order_id=HOUSEHOLD_ORDER,
            deadline_class=DeadlineClass.ORDINARY,
            street="fenghuang",
            community="maan",
            matter=HOUSEHOLD_MATTER,
            instructions=(
                OpenInstruction(
                    instruction_id=UUID("01a21f4c-2c80-7a3e-8d15-6f0b9c2e4a71"),
                    clock_id=UUID("01a21f4c-2c80-7b52-9e64-2d7c8f1a3b95"),
                    due_at=at("2026-11-24T01:20"),
                ),
            ),
        ),
    ),
    _of_the_household(
        "civil-affairs",
        74,
        "2026-12-02T07:05",
        departments.OrderReplyReturned(by_role=_COMMITTEE, work_order_id=HOUSEHOLD_ORDER),
    ),
    Told(
        "housing",
        139,
        "2026-11-30T01:15",
        ESTATE.petition,
        departments.Pressed(by_role=_SUPERVISOR, instruction_id=INSTRUCTION),
    ),
    Told(
        "housing",
        143,
        "2026-12-01T06:50",
        ESTATE.petition,
        departments.InstructionAnswered(by_role=_OWN, instruction_id=INSTRUCTION),
    ),
    Told(
        "urban-management",
        52,
        "2026-11-26T04:30",
        LAMP.petition,
        departments.OrderCancelled(by_role=_ITSELF, work_order_id=LAMP_ORDER),
    ),
)
