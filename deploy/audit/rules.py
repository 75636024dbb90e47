"""The state machines once more, transcribed from their tables and not from the services' code.

A new event gets a row here: in its service's table with the states that it may follow, or in BESIDE if it moves no
state. An event in neither is reported as UNKNOWN, so that nothing is passed over in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from deploy.audit.event import Told


@dataclass(frozen=True, slots=True)
class Step:
    """A row: the states that an act may follow, and the state that it leads to (none: it stays)."""

    origins: frozenset[str]
    to: str | None


def _from(*origins: str, to: str | None = None) -> Step:
    return Step(frozenset(origins), to)


NOTHING: Final = "-"
"""The state of what is not there yet."""

INTAKE: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "petition.submitted": _from(NOTHING, to="SUBMITTED"),
        "petition.accepted": _from("SUBMITTED", to="ACCEPTED"),
        "petition.rejected ACCEPTANCE": _from("SUBMITTED", to="REJECTED"),
        "petition.listened": _from("ACCEPTED", to="SCREENING"),
        "petition.looked": _from("SCREENING"),
        "petition.deliberated": _from("SCREENING"),
        "petition.step_skipped LOOK": _from("SCREENING"),
        "petition.step_skipped DELIBERATE": _from("SCREENING"),
        "petition.readied": _from("SCREENING", to="READY"),
        "petition.resolved_on_spot": _from("SCREENING", to="RESOLVED_ON_SPOT"),
        "petition.rejected SCREENING": _from("SCREENING", to="REJECTED"),
        "petition.screening_resumed": _from("RESOLVED_ON_SPOT", to="SCREENING"),
        "petition.information_added": _from("SUBMITTED", "ACCEPTED", "SCREENING", "READY"),
        "petition.withdrawn": _from("SUBMITTED", "ACCEPTED", "SCREENING", "READY", "MERGED", to="WITHDRAWN"),
        "petition.followed": _from("SUBMITTED", "ACCEPTED", "SCREENING", "READY", "RESOLVED_ON_SPOT", "MERGED"),
    }
)

MAKES: Final = MappingProxyType(
    {
        "petition.listened": "LISTEN",
        "petition.looked": "LOOK",
        "petition.step_skipped LOOK": "LOOK",
        "petition.deliberated": "DELIBERATE",
        "petition.step_skipped DELIBERATE": "DELIBERATE",
    }
)
"""The screening step that an act takes or skips, once a cycle."""

NEEDS: Final = MappingProxyType(
    {
        "petition.deliberated": "LOOK",
        "petition.step_skipped DELIBERATE": "LOOK",
        "petition.readied": "DELIBERATE",
        "petition.resolved_on_spot": "DELIBERATE",
        "petition.rejected SCREENING": "DELIBERATE",
    }
)
"""The screening step that must have been taken or skipped before."""

BEFORE_A_REPLY: Final = frozenset({"petition.withdrawn", "petition.information_added"})
"""What residents can do only while intake knows of no reply."""

BEFORE_CLOSING: Final = frozenset({*BEFORE_A_REPLY, "petition.followed"})
"""What can be done at intake only while it knows of no closing."""

DISPATCH: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "work_order.opened": _from(NOTHING, to="PENDING"),
        "work_order.assigned": _from("PENDING", to="ASSIGNED"),
        "work_order.acknowledged": _from("ASSIGNED", to="ACKNOWLEDGED"),
        "work_order.declined 1": _from("ASSIGNED", to="PENDING"),
        "work_order.declined 2": _from("ASSIGNED", to="UNDER_RULING"),
        "work_order.referred_for_ruling": _from("UNDER_RULING"),
        "work_order.ruled": _from("UNDER_RULING", to="ASSIGNED"),
        "work_order.started": _from("ACKNOWLEDGED", to="IN_PROGRESS"),
        "work_order.information_requested": _from("IN_PROGRESS"),
        "work_order.resumed": _from("IN_PROGRESS"),
        "work_order.replied": _from("IN_PROGRESS", to="REPLIED"),
        "petition.replied": _from("REPLIED"),
        "work_order.reply_returned": _from("REPLIED", to="IN_PROGRESS"),
        "work_order.cancelled": _from(
            "PENDING", "ASSIGNED", "UNDER_RULING", "ACKNOWLEDGED", "IN_PROGRESS", to="CANCELLED"
        ),
        "petition.pressed": _from(NOTHING, to="OPEN"),
        "petition.instruction_answered": _from("OPEN", to="ANSWERED"),
    }
)
"""The states are an order's; those of the last two rows an instruction's, which lapses when the petition ends."""

INSTRUCTIONS: Final = frozenset({"petition.pressed", "petition.instruction_answered"})

OPEN_ORDERS: Final = frozenset({"PENDING", "ASSIGNED", "UNDER_RULING", "ACKNOWLEDGED", "IN_PROGRESS"})

FEEDBACK: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "visit.scheduled": _from(NOTHING, "RECALLED", "LEDGERED", to="AWAITING_VISIT"),
        "visit.attempted": _from("AWAITING_VISIT"),
        "visit.recorded": _from("AWAITING_VISIT", to="VISITED"),
        "petition.closed": _from("VISITED", to="CLOSED"),
        "petition.reopened": _from("VISITED", to="REOPENED"),
        "petition.ledgered": _from("VISITED", to="LEDGERED"),
        "case.recalled": _from("AWAITING_VISIT", "VISITED", "LEDGERED", to="RECALLED"),
        "case.cancelled": _from(NOTHING, "AWAITING_VISIT", "VISITED", "LEDGERED", "RECALLED", to="CANCELLED"),
    }
)
"""A visit that reopens goes through VISITED: both events are one decision (`IN_ONE_GO`)."""

OPEN_CASES: Final = frozenset({"AWAITING_VISIT", "VISITED", "LEDGERED", "RECALLED"})
RECALLABLE: Final = frozenset({"AWAITING_VISIT", "VISITED", "LEDGERED"})
ATTEMPTS_BEFORE_NOT_REACHED: Final = 3
SUPERVISED_FROM: Final = 2

TABLES: Final = MappingProxyType({"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK})

BESIDE: Final = frozenset({"petition.personal_data_erased"})
"""Events that move no state of a petition, an order, an instruction or a case."""

IN_ONE_GO: Final = MappingProxyType(
    {"work_order.declined 2": "work_order.referred_for_ruling", "work_order.replied": "petition.replied"}
)
"""What must follow at the next sequence, being the same decision."""

OVER_AT_INTAKE: Final = frozenset({"REJECTED", "WITHDRAWN", "MERGED"})

CLOCKS_OF: Final[Mapping[str, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        "intake": {
            "SUBMITTED": frozenset({"ACCEPTANCE"}),
            "ACCEPTED": frozenset({"SCREENING"}),
            "SCREENING": frozenset({"SCREENING"}),
        },
        "dispatch": {
            "PENDING": frozenset({"ASSIGNMENT"}),
            "ASSIGNED": frozenset({"ACKNOWLEDGEMENT", "HANDLING"}),
            "UNDER_RULING": frozenset({"RULING"}),
            "ACKNOWLEDGED": frozenset({"HANDLING"}),
            "IN_PROGRESS": frozenset({"HANDLING"}),
            "IN_PROGRESS asked": frozenset({"HANDLING", "INFORMATION"}),
        },
        "feedback": {
            "AWAITING_VISIT": frozenset({"RETURN_VISIT"}),
            "VISITED": frozenset({"CLOSING"}),
            "VISITED proposed": frozenset({"LEDGER_APPROVAL"}),
            "LEDGERED": frozenset({"LEDGER_REVIEW"}),
        },
    }
)
"""Which clocks are open in which state; in any other, none. An instruction has one of its own."""

INSTRUCTION: Final = "INSTRUCTION"
"""The clock of an instruction that is open. It measures who was pressed, not the petition."""

ACTS_WHEN_DUE: Final = frozenset({"CLOSING", "LEDGER_APPROVAL", "LEDGER_REVIEW", "INFORMATION"})
"""Clocks at whose due date the product acts itself: these never escalate."""

OF_THE_DEPARTMENT: Final = frozenset({"ACKNOWLEDGEMENT", "HANDLING", INSTRUCTION})
"""Clocks that measure the responsible department, where there is one."""

LEADS: Final = frozenset({"work_order.assigned", "work_order.declined", "work_order.ruled"})
"""Events after which another department may be responsible."""

TELLS: Final[Mapping[bool, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        True: (("DEPARTMENT_HEAD",), ("STREET_LEADER",), ("DISTRICT_SUPERVISOR", "DISTRICT_LEADER")),
        False: (("STREET_COMMITTEE",), ("DISTRICT_SUPERVISOR",), ("DISTRICT_SUPERVISOR", "DISTRICT_LEADER")),
    }
)
"""Who hears of levels 1 to 3, of a clock that measures a department and of any other."""

REMINDED: Final = 1
ACTED: Final = 2
"""Levels as they are stored: 1 is the reminder, 2 to 4 are levels 1 to 3; acting when due counts as the first."""

INTAKE_STAGES: Final = MappingProxyType(
    {
        "petition.submitted": "RAISE",
        "petition.accepted": "DELIBERATE",
        "petition.screening_resumed": "DELIBERATE",
        "petition.rejected": "DECIDE",
        "petition.readied": "DECIDE",
        "petition.resolved_on_spot": "EVALUATE",
    }
)
DISPATCH_STAGES: Final = MappingProxyType(
    {
        "work_order.opened": "HANDLE",
        "petition.replied": "EVALUATE",
        "work_order.reply_returned": "HANDLE",
        "work_order.cancelled": "EVALUATE",
    }
)
"""The stage of the five-people method that a petition is in after an event; all others leave it."""

BY_ITSELF: Final = ("clock:", "calendar:")
"""What the causes of that begin with which the product decides by itself: a clock that fires, a changed calendar."""

MUTATIONS: Final[Mapping[str, tuple[str, frozenset[str]]]] = MappingProxyType(
    {
        "submitPetition": ("intake", frozenset({"petition.submitted"})),
        "acceptPetition": ("intake", frozenset({"petition.accepted"})),
        "rejectPetition": ("intake", frozenset({"petition.rejected ACCEPTANCE"})),
        "declinePetition": ("intake", frozenset({"petition.rejected SCREENING"})),
        "listenToPetition": ("intake", frozenset({"petition.listened"})),
        "lookAtPetition": ("intake", frozenset({"petition.looked"})),
        "deliberateOnPetition": ("intake", frozenset({"petition.deliberated"})),
        "skipScreeningStep": (
            "intake",
            frozenset({"petition.step_skipped LOOK", "petition.step_skipped DELIBERATE"}),
        ),
        "handOverPetition": ("intake", frozenset({"petition.readied"})),
        "resolvePetitionOnSpot": ("intake", frozenset({"petition.resolved_on_spot"})),
        "withdrawPetition": ("intake", frozenset({"petition.withdrawn"})),
        "addInformation": ("intake", frozenset({"petition.information_added"})),
        "followPetition": ("intake", frozenset({"petition.followed"})),
        "erasePersonalData": ("intake", frozenset({"petition.personal_data_erased"})),
        "assignWorkOrder": ("dispatch", frozenset({"work_order.assigned"})),
        "acknowledgeWorkOrder": ("dispatch", frozenset({"work_order.acknowledged"})),
        "declineWorkOrder": ("dispatch", frozenset({"work_order.declined 1", "work_order.declined 2"})),
        "ruleOnWorkOrder": ("dispatch", frozenset({"work_order.ruled"})),
        "startWorkOrder": ("dispatch", frozenset({"work_order.started"})),
        "askResident": ("dispatch", frozenset({"work_order.information_requested"})),
        "replyToWorkOrder": ("dispatch", frozenset({"work_order.replied"})),
        "sendBackReply": ("dispatch", frozenset({"work_order.reply_returned"})),
        "pressPetition": ("dispatch", frozenset({"petition.pressed"})),
        "answerInstruction": ("dispatch", frozenset({"petition.instruction_answered"})),
        "recordVisitAttempt": ("feedback", frozenset({"visit.attempted"})),
        "recordVisit": ("feedback", frozenset({"visit.recorded"})),
        "closePetition": ("feedback", frozenset({"petition.closed"})),
        "reopenPetition": ("feedback", frozenset({"petition.reopened"})),
        "approveLedger": ("feedback", frozenset({"petition.ledgered"})),
        "refuseLedger": ("feedback", frozenset({"petition.reopened"})),
    }
)
"""Which service does a mutation, and the act that its decision begins with."""

MAY_STAND_ALREADY: Final = frozenset({"followPetition"})
"""Mutations that find done what they ask for: the answer then says where the petition stood, whatever stands there."""


def act_of(event: Told) -> str:
    """Return the name of an event's row: its type, told apart by what decides between two rows."""
    match event.type:
        case "petition.rejected":
            return f"{event.type} {event.data.get('phase')}"
        case "petition.step_skipped":
            return f"{event.type} {event.data.get('step')}"
        case "work_order.declined":
            return f"{event.type} {min(2, int(event.data.get('nth', 0)))}"
        case _:
            return event.type
