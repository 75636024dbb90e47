"""When each event is written, by type: the acts of the trade, the states they lead to, the clocks they move."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OCCASIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "petition.submitted": "Anybody files it, or a representative or a station's staff for a resident; the petition "
        "is SUBMITTED. ACCEPTANCE starts, 1 working day.",
        "petition.accepted": "The street committee accepts it, with category and title: SUBMITTED → ACCEPTED. "
        "ACCEPTANCE ends, SCREENING starts, 5 working days.",
        "petition.rejected": "The street committee rejects it (SUBMITTED → REJECTED) or declines it at the end of "
        "screening (SCREENING → REJECTED), on a ground, with a reason for the resident. Final.",
        "petition.listened": "LISTEN, the first step, by representative, station or street committee: "
        "ACCEPTED → SCREENING.",
        "petition.looked": "LOOK, by these or the community, after LISTEN; the petition stays in SCREENING.",
        "petition.deliberated": "DELIBERATE, after LOOK; the petition stays in SCREENING.",
        "petition.step_skipped": "The street committee leaves out LOOK or DELIBERATE, on a ground; the petition stays "
        "in SCREENING.",
        "petition.readied": "HANDLE, handed over: SCREENING → READY. SCREENING ends. Dispatch opens a work order.",
        "petition.resolved_on_spot": "HANDLE, solved on the spot: SCREENING → RESOLVED_ON_SPOT. SCREENING ends. "
        "Feedback schedules a return visit.",
        "petition.screening_resumed": "By itself, when feedback reopens what was solved on the spot: "
        "RESOLVED_ON_SPOT → SCREENING. SCREENING starts.",
        "petition.followed": "A representative of the petition's takes on following it; its state stays.",
        "petition.information_added": "The resident adds something, asked or unasked; its state stays.",
        "petition.withdrawn": "The resident withdraws it, while intake knows of no reply: → WITHDRAWN. Final; all "
        "clocks end.",
        "petition.personal_data_erased": "An operator has the resident's words and contact data erased, in any state.",
        "work_order.opened": "By itself, after `petition.readied`, or after `petition.reopened` where there was an "
        "order: the order is PENDING. ASSIGNMENT starts, 2 working days.",
        "work_order.assigned": "Street committee or district supervisor assign it: PENDING → ASSIGNED. ASSIGNMENT "
        "ends, ACKNOWLEDGEMENT starts, 1 working day, and HANDLING, by class.",
        "work_order.acknowledged": "The department takes it: ASSIGNED → ACKNOWLEDGED. ACKNOWLEDGEMENT ends.",
        "work_order.declined": "The department declines it: ASSIGNED → PENDING the first time in a cycle, and "
        "ASSIGNED → UNDER_RULING the second. ACKNOWLEDGEMENT and HANDLING end.",
        "work_order.referred_for_ruling": "With the second decline in a cycle: ASSIGNED → UNDER_RULING. RULING starts, "
        "2 working days.",
        "work_order.ruled": "The district supervisor rules: UNDER_RULING → ASSIGNED. RULING ends, ACKNOWLEDGEMENT and "
        "HANDLING start.",
        "work_order.relieved": "The district supervisor rules that another department is responsible, or the petition "
        "was reopened and is assigned to another. Only in the feed of the one that was until then.",
        "work_order.started": "The department begins: ACKNOWLEDGED → IN_PROGRESS.",
        "work_order.information_requested": "The department asks the resident; the order stays IN_PROGRESS. HANDLING "
        "pauses, INFORMATION starts, 5 working days.",
        "work_order.resumed": "By itself, when the resident has answered or INFORMATION has run out; the order stays "
        "IN_PROGRESS. INFORMATION ends, HANDLING goes on.",
        "work_order.replied": "The department replies: IN_PROGRESS → REPLIED. HANDLING ends.",
        "petition.replied": "With the leading department's `work_order.replied`.",
        "work_order.reply_returned": "The street committee sends the reply back, while no visit is known: "
        "REPLIED → IN_PROGRESS. HANDLING goes on, at least 2 working days.",
        "work_order.cancelled": "By itself, after `petition.withdrawn`, unless it was replied to: → CANCELLED. Final.",
        "petition.pressed": "The district supervisor presses an open petition. INSTRUCTION starts, 2 working days.",
        "petition.instruction_answered": "Whoever was told to answers the instruction. INSTRUCTION ends.",
        "visit.scheduled": "By itself, after `petition.replied` or `petition.resolved_on_spot`, and when a ledger "
        "entry's review date is due: the evaluation is AWAITING_VISIT. RETURN_VISIT starts, 5 working days.",
        "visit.attempted": "A representative did not meet the resident; the evaluation stays AWAITING_VISIT.",
        "visit.recorded": "A representative other than the handler, or the resident, gives the three answers: "
        "AWAITING_VISIT → VISITED. RETURN_VISIT ends, CLOSING starts, 2 working days; LEDGER_APPROVAL instead where "
        "the ledger is proposed. Not solved: `petition.reopened` comes with it.",
        "petition.closed": "The street committee closes it, or CLOSING is due and nothing speaks against it: "
        "VISITED → CLOSED. Final.",
        "petition.reopened": "It was not solved (with `visit.recorded`), or a cause was found that can be acted on, or "
        "the ledger was refused or not answered for: → REOPENED, final for this cycle. All clocks of feedback end.",
        "petition.ledgered": "The street committee approves the ledger: VISITED → LEDGERED. LEDGER_REVIEW starts, "
        "until the review date.",
        "case.recalled": "By itself, after the leading department's `work_order.reply_returned`: → RECALLED. The next "
        "reply brings it back to AWAITING_VISIT.",
        "case.cancelled": "By itself, after `petition.withdrawn`: → CANCELLED. Final.",
        "clock.started": "With the event that the time is counted from.",
        "clock.reminded": "By itself, once for each clock, when 80 % of its time has passed (or what the policy says).",
        "clock.escalated": "By itself, once for each clock and level, while what it measures has not happened.",
        "clock.paused": "With `work_order.information_requested`.",
        "clock.resumed": "With `work_order.resumed`, and with whatever sends back to the one measured.",
        "clock.moved": "By itself, after an operator recorded a calendar day that lies in the clock's time.",
        "clock.stopped": "With the event that the clock was waiting for, or that leaves nothing to wait for.",
        "reference.recorded": "An operator records an entry, or a district's entries are set up. An entry that is not "
        "to be used any more comes again as `retired`; none is ever taken away.",
    }
)
