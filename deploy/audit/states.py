"""What each service stores about a petition, against what its own history and the others' make of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from deploy.audit import rules
from deploy.audit.dossier import Dossier
from deploy.audit.findings import Kind, Notes
from deploy.audit.machines import AtDispatch, AtFeedback, AtIntake
from deploy.audit.place import Row
from deploy.audit.replay import Replayed

Expected = Mapping[str, Any]

LISTS: Final = frozenset({"steps", "cohandlers", "followers", "tells"})


def differing(row: Row, expected: Expected) -> Iterator[str]:
    """Yield what is wrong with a row, column by column; values only where they are codes."""
    for column, value in expected.items():
        stored: Any = row[column]
        same = list(stored) == list(value) if column in LISTS else stored == value
        if not same:
            shown = f"{stored!r}, not {value!r}" if _is_code(stored) and _is_code(value) else "not what follows"
            yield f"{column} is {shown}"


def _is_code(value: Any) -> bool:
    return value is None or isinstance(value, int) or (isinstance(value, str) and value.isascii() and len(value) <= 40)


def check_states(dossier: Dossier, replayed: Replayed, note: Notes) -> None:
    """Check the stored state of all three services."""
    if (row := dossier.kept["intake"].state) is not None:
        _compare(note, "intake", "the petition", row, _intake(dossier, replayed.intake))
    _check_dispatch(dossier, replayed.dispatch, note)
    _check_feedback(dossier, replayed.feedback, note)


def _compare(note: Notes, service: str, what: str, row: Row, expected: Expected) -> None:
    for wrong in differing(row, expected):
        note(Kind.DISAGREE, service, f"{what}: {wrong}")


def _earliest(dossier: Dossier, service: str, about: Any = None) -> datetime | None:
    """Return when the first of the running clocks is due, of all or of those about one thing."""
    return min(
        (
            clock["due_at"]
            for clock in dossier.kept[service].clocks
            if clock["state"] == "RUNNING" and (about is None or clock["about"] == about)
        ),
        default=None,
    )


def _intake(dossier: Dossier, at: AtIntake) -> Expected:
    said = at.said
    return {
        "state": at.state,
        "cycle": at.cycle,
        "steps": at.steps,
        "reply_known": at.reply_known,
        "closed": at.closed,
        "lead": at.lead,
        "followers": at.followers,
        "tracking_code": said.get("trackingCode"),
        "kind": said.get("kind"),
        "channel": said.get("channel"),
        "estate": said.get("estate"),
        "representative": said.get("representative"),
        "title": said.get("title"),
        "category": said.get("category"),
        "urgency": said.get("urgency"),
        "extent": said.get("extent"),
        "department": said.get("department"),
        "deadline_class": said.get("deadlineClass"),
        "ground": said.get("ground"),
        "referral": said.get("referral"),
        "due_at": _earliest(dossier, "intake"),
    }


def _check_dispatch(dossier: Dossier, at: AtDispatch, note: Notes) -> None:
    kept = dossier.kept["dispatch"]
    if (kept.state is not None) != at.exists:
        there = "is stored" if kept.state is not None else "is not stored"
        kind = Kind.LOST if at.exists else Kind.DOUBLED
        note(kind, "dispatch", f"the petition {there}, which does not follow from what was handed over")
    if kept.state is not None:
        expected = {
            "cycle": at.cycle,
            "withdrawn": at.withdrawn,
            "visit_known": at.visit_known,
            "lead": at.lead,
            "followers": at.followers,
        }
        _compare(note, "dispatch", "the petition", kept.state, expected)
    rows = {str(row["work_order_id"]): row for row in kept.orders}
    for order in at.orders.values():
        if (row := rows.pop(order.id, None)) is None:
            note(Kind.LOST, "dispatch", f"the work order of cycle {order.cycle} was opened, and is not stored")
            continue
        expected = {
            "cycle": order.cycle,
            "state": order.state,
            "department": order.department,
            "deadline_class": order.deadline_class,
            "ruled": order.ruled,
            "asked": order.asked,
            "asked_sequence": order.asked_sequence or None,
            "declines": len(order.declined_by),
            "returns": order.returns,
            "replied": order.state == "REPLIED",
            "due_at": _earliest(dossier, "dispatch", row["work_order_id"]),
        }
        _compare(note, "dispatch", f"the work order of cycle {order.cycle}", row, expected)
    for row in rows.values():
        note(Kind.DOUBLED, "dispatch", f"a work order of cycle {row['cycle']} is stored, and no event opened it")
    _check_instructions(dossier, at, note)


def _check_instructions(dossier: Dossier, at: AtDispatch, note: Notes) -> None:
    rows = {str(row["instruction_id"]): row for row in dossier.kept["dispatch"].instructions}
    for instruction_id, instruction in at.instructions.items():
        if (row := rows.pop(instruction_id, None)) is None:
            note(Kind.LOST, "dispatch", f"the instruction {instruction_id} was given, and is not stored")
            continue
        expected = {
            "department": instruction.department,
            "lead": at.lead,
            "answered": instruction.state == "ANSWERED",
            "lapsed": instruction.state == "LAPSED",
        }
        _compare(note, "dispatch", f"the instruction {instruction_id}", row, expected)
    for instruction_id in rows:
        note(Kind.DOUBLED, "dispatch", f"the instruction {instruction_id} is stored, and nobody gave it")


def _check_feedback(dossier: Dossier, at: AtFeedback, note: Notes) -> None:
    kept = dossier.kept["feedback"]
    if (kept.state is not None) != (at.cycle is not None):
        there = "is stored" if kept.state is not None else "is not stored"
        kind = Kind.LOST if at.cycle is not None else Kind.DOUBLED
        note(kind, "feedback", f"the petition {there}, which does not follow from results, followers and withdrawals")
    if kept.state is not None:
        expected = {
            "cycle": at.cycle,
            "withdrawn": at.withdrawn,
            "reopened": at.reopened,
            "followers": at.followers,
        }
        _compare(note, "feedback", "the petition", kept.state, expected)
    rows = {str(row["case_id"]): row for row in kept.cases}
    for case in at.cases:
        if (row := rows.pop(case.id, None)) is None:
            note(Kind.LOST, "feedback", f"the case of cycle {case.cycle} was opened, and is not stored")
            continue
        expected = {
            "cycle": case.cycle,
            "state": case.state,
            "department": case.department,
            "round": case.round,
            "cause": case.cause,
            "followers": at.followers,
            "ended": case.state in {"CLOSED", "REOPENED", "CANCELLED"},
            "due_at": _earliest(dossier, "feedback", row["case_id"]),
        }
        _compare(note, "feedback", f"the case of cycle {case.cycle}", row, expected)
    for row in rows.values():
        note(Kind.DOUBLED, "feedback", f"a case of cycle {row['cycle']} is stored, and no event opened it")
    _check_visits(dossier, at, note)


def _check_visits(dossier: Dossier, at: AtFeedback, note: Notes) -> None:
    """Compare attempts and visits as a whole: they have no number of their own in the events."""
    told = Counter(
        (v.cycle, v.round, v.outcome, v.means, v.responded, v.solved, v.satisfied, v.proposed, v.stands)
        for case in at.cases
        for v in case.visits
    )
    stored = Counter(
        (
            *(v["cycle"], v["round"], v["outcome"], v["means"], v["responded"], v["solved"], v["satisfied"]),
            *(v["ledger_proposed"], v["stands"]),
        )
        for v in dossier.kept["feedback"].visits
    )
    for visit in (told - stored).elements():
        note(Kind.LOST, "feedback", f"a visit of cycle {visit[0]}, round {visit[1]} ({visit[2]}) is not stored as told")
    for visit in (stored - told).elements():
        note(Kind.DOUBLED, "feedback", f"a visit of cycle {visit[0]}, round {visit[1]} ({visit[2]}) is stored untold")


def check_agreement(replayed: Replayed, note: Notes) -> None:
    """Check that the three services are in one place once everything has arrived (decision 15)."""
    intake, dispatch, feedback = replayed.intake, replayed.dispatch, replayed.feedback
    case = feedback.case
    open_orders = [o for o in dispatch.orders.values() if o.state in rules.OPEN_ORDERS]
    withdrawn = intake.state == "WITHDRAWN"

    def disagree(service: str, sentence: str) -> None:
        note(Kind.DISAGREE, service, sentence)

    if dispatch.exists and dispatch.withdrawn != withdrawn:
        disagree("dispatch", f"withdrawn is {dispatch.withdrawn}; intake is {intake.state}")
    if feedback.withdrawn != withdrawn:
        disagree("feedback", f"withdrawn is {feedback.withdrawn}; intake is {intake.state}")
    closed = case is not None and case.state == "CLOSED"
    if intake.state in {*rules.OVER_AT_INTAKE, rules.NOTHING} or closed:
        for order in open_orders:
            disagree("dispatch", f"the petition is over, and its work order of cycle {order.cycle} is {order.state}")
        if any(instruction.state == "OPEN" for instruction in dispatch.instructions.values()):
            disagree("dispatch", "the petition is over, and an instruction is still to be answered")
        if case is not None and case.state in rules.OPEN_CASES:
            disagree("feedback", f"the petition is over, and its case of cycle {case.cycle} is {case.state}")
        return
    if case is None or case.state == "REOPENED":
        cycle = 1 if case is None else case.cycle + 1
        if intake.cycle != cycle:
            disagree("intake", f"it is in cycle {intake.cycle}; feedback has come to {cycle}")
        if intake.state == "READY" and [o.cycle for o in open_orders] != [cycle]:
            disagree("dispatch", f"cycle {cycle} has begun; the open orders are of {[o.cycle for o in open_orders]}")
    elif case.state == "RECALLED":
        if [(o.cycle, o.state) for o in open_orders] != [(case.cycle, "IN_PROGRESS")]:
            disagree("dispatch", f"the case of cycle {case.cycle} is RECALLED, and no order of it is IN_PROGRESS")
    elif open_orders or intake.cycle != case.cycle:
        disagree("feedback", f"the case is {case.state} in cycle {case.cycle}; elsewhere the petition is not that far")
