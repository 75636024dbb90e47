"""One effect in each view: progress, timeline, and what each service keeps of the others, made anew from the topics."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from deploy.audit import rules
from deploy.audit.dossier import Dossier
from deploy.audit.event import Told, parse_seen
from deploy.audit.findings import Kind, Notes
from deploy.audit.place import SERVICES, others
from deploy.audit.states import differing

_CASE_STATES = {
    "visit.scheduled": "AWAITING_VISIT",
    "visit.recorded": "VISITED",
    "petition.closed": "CLOSED",
    "petition.reopened": "REOPENED",
    "petition.ledgered": "LEDGERED",
    "case.recalled": "RECALLED",
    "case.cancelled": "CANCELLED",
}
_ORDER_STATES = {
    "work_order.opened": "PENDING",
    "work_order.assigned": "ASSIGNED",
    "work_order.acknowledged": "ACKNOWLEDGED",
    "work_order.declined": "PENDING",
    "work_order.referred_for_ruling": "UNDER_RULING",
    "work_order.ruled": "ASSIGNED",
    "work_order.started": "IN_PROGRESS",
    "petition.replied": "REPLIED",
    "work_order.reply_returned": "IN_PROGRESS",
    "work_order.cancelled": "CANCELLED",
}
_PETITION_STATES = {
    "petition.submitted": "SUBMITTED",
    "petition.accepted": "ACCEPTED",
    "petition.rejected": "REJECTED",
    "petition.listened": "SCREENING",
    "petition.readied": "READY",
    "petition.resolved_on_spot": "RESOLVED_ON_SPOT",
    "petition.screening_resumed": "SCREENING",
    "petition.withdrawn": "WITHDRAWN",
}


def check_views(dossier: Dossier, foreign: Collection[UUID], note: Notes) -> None:
    """Check what each service keeps of the other two."""
    for service in SERVICES:
        _check_progress(service, dossier, foreign, note)
        _check_view(service, dossier, note)
    _check_timeline(dossier, note)
    _check_board(dossier, note)


def _check_progress(service: str, dossier: Dossier, foreign: Collection[UUID], note: Notes) -> None:
    kept = dossier.kept[service]
    for row in kept.parked:
        if _id_of_parked(row["headers"]) not in foreign:
            what = f"{row['source']}:{row['sequence']}"
            note(Kind.PARKED, service, f"{what} is parked as {row['reason']}")
    for source in others(service):
        last = max((told.sequence for told in dossier.published(source)), default=0)
        row = kept.progress.get(source)
        received, applied, viewed, parked = (
            (row["received"] or 0, row["applied"] or 0, row["viewed"] or 0, row["parked"] or 0)
            if row is not None
            else (0, 0, 0, 0)
        )
        of = f"{source}'s events"
        if applied != last:
            kind = Kind.BEHIND if applied < last else Kind.DOUBLED
            note(kind, service, f"{of} are applied to {applied}; the topic has come to {last}")
        if received != last:
            kind = Kind.BEHIND if received < last else Kind.DOUBLED
            note(kind, service, f"{of} are received to {received}; the topic has come to {last}")
        if viewed != applied:
            note(Kind.DISAGREE, service, f"{of} are in the views to {viewed}, applied to {applied}")
        if parked != sum(p["source"] == source for p in kept.parked):
            note(Kind.DISAGREE, service, f"{of}: {parked} are said to be parked, {len(kept.parked)} are")


def _id_of_parked(headers: str) -> UUID | None:
    try:
        return UUID(dict(json.loads(headers))["ce_id"])
    except (KeyError, ValueError, TypeError):
        return None


def _check_timeline(dossier: Dossier, note: Notes) -> None:
    rows = {(row["source"], row["sequence"]): row for row in dossier.kept["feedback"].timeline}
    ids: dict[UUID, tuple[str, int]] = {}
    for key, row in rows.items():
        if row["event_id"] in ids:
            twice = ids[row["event_id"]]
            note(Kind.DOUBLED, "feedback", f"the timeline has one event twice, as {twice} and as {key}")
        ids[row["event_id"]] = key
    for source in others("feedback"):
        for told in dossier.taken_in("feedback", source):
            row = rows.pop((source, told.sequence), None)
            if row is None:
                note(Kind.LOST, "feedback", f"the timeline lacks {told}")
                continue
            stored = (
                *(row["event_id"], row["type"], row["cycle"], row["happened_at"], row["recorded_at"]),
                *(parse_seen(row["seen"]), json.loads(row["data"])),
            )
            if stored != (told.id, told.type, told.cycle, told.at, told.recorded, told.seen, told.data):
                note(Kind.DISAGREE, "feedback", f"the timeline tells {told} otherwise than its topic")
    for source, sequence in rows:
        note(Kind.DOUBLED, "feedback", f"the timeline has {source}:{sequence}, which the topic does not have")


def _check_board(dossier: Dossier, note: Notes) -> None:
    rows = {str(row["clock_id"]): row for row in dossier.kept["feedback"].board}
    for source in others("feedback"):
        for clock_id, expected in _late(source, dossier.taken_in("feedback", source)).items():
            row = rows.pop(clock_id, None)
            if row is None:
                note(Kind.LOST, "feedback", f"the board lacks the {expected['kind']} clock {clock_id}, which is late")
                continue
            for wrong in differing(row, expected):
                note(Kind.DISAGREE, "feedback", f"the board's {expected['kind']} clock {clock_id}: {wrong}")
    for clock_id in rows:
        note(Kind.DOUBLED, "feedback", f"the board has the clock {clock_id}, which has reached no level")


def _late(source: str, events: list[Told]) -> dict[str, dict[str, Any]]:
    """Return the clocks of a source that have reached a level, as they stand after its events."""
    states = {"clock.paused": "PAUSED", "clock.resumed": "RUNNING", "clock.stopped": "STOPPED"}
    late: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.type in rules.LEADS:
            for clock in late.values():
                if clock["kind"] in rules.OF_THE_DEPARTMENT and clock["state"] != "STOPPED":
                    clock |= {"sequence": event.sequence, "department": event.lead}
        if not event.of_clock:
            continue
        clock = late.get(event.data["clockId"])
        if event.type == "clock.escalated":
            clock = late.setdefault(event.data["clockId"], {"source": source, "street": event.street})
            clock |= {"level": event.data["level"], "tells": event.data.get("tells", []), "state": "RUNNING"}
            clock |= {"kind": event.data["kind"], "paused_at": None}
        if clock is None:
            continue
        clock |= {"sequence": event.sequence, "due_at": datetime.fromisoformat(event.data["dueAt"])}
        clock["department"] = event.lead if clock["kind"] in rules.OF_THE_DEPARTMENT else None
        if event.type in states:
            clock |= {"state": states[event.type], "paused_at": event.at if event.type == "clock.paused" else None}
    return late


def _check_view(service: str, dossier: Dossier, note: Notes) -> None:
    taken_in = {source: dossier.taken_in(service, source) for source in others(service)}
    row = dossier.kept[service].view
    if not any(taken_in.values()):
        if row is not None:
            note(Kind.DOUBLED, service, "the view has the petition, of which nothing was published")
        return
    if row is None:
        note(Kind.LOST, service, "the view lacks the petition")
        return
    expected: dict[str, Any] = {}
    for source, events in taken_in.items():
        expected |= _recomputed(service, source, events)
    if service == "feedback":
        stage = expected["dispatch_stage"] or expected["intake_stage"] or "RAISE"
        expected["stage"] = "RAISE" if expected["withdrawn"] else stage
    for wrong in differing(row, expected):
        note(Kind.DISAGREE, service, f"the view: {wrong}")


def _last(events: list[Told], states: Mapping[str, str]) -> str | None:
    return next((states[e.type] for e in reversed(events) if e.type in states), None)


def _word(events: list[Told], name: str, *types: str) -> Any:
    return next((e.data.get(name) for e in reversed(events) if e.type in types), None)


def _recomputed(service: str, source: str, events: list[Told]) -> dict[str, Any]:
    """Return the columns of a service's view that one source's events decide."""
    last = events[-1] if events else None
    sequence = last.sequence if last else 0
    if source == "feedback":
        return {"feedback_sequence": sequence, "feedback_state": _last(events, _CASE_STATES)}
    if source == "dispatch":
        scope = {"lead": last.lead if last else None, "cohandlers": last.cohandlers if last else ()}
        told = {"dispatch_sequence": sequence, **scope}
        if service == "intake":
            return told | {"dispatch_state": _last(events, _ORDER_STATES)}
        return told | {
            "dispatch_at": last.at if last else None,
            "dispatch_stage": _last(events, rules.DISPATCH_STAGES),
        }
    place = {
        "intake_sequence": sequence,
        "street": last.street if last else None,
        "community": last.community if last else None,
        "followers": last.followers if last else (),
    }
    if service == "dispatch":
        named = ("petition.accepted", "petition.readied")
        return place | {
            "intake_state": _last(events, _PETITION_STATES),
            "tracking_code": _word(events, "trackingCode", "petition.submitted", "petition.readied"),
            "title": _word(events, "title", *named),
            "category": _word(events, "category", *named),
        }
    return place | {
        "intake_at": last.at if last else None,
        "intake_stage": _last(events, rules.INTAKE_STAGES),
        "withdrawn": any(e.type == "petition.withdrawn" for e in events),
        "tracking_code": _word(events, "trackingCode", "petition.submitted"),
        "title": _word(events, "title", "petition.accepted"),
    }


def check_mirrors(dossier: Dossier, note: Notes) -> None:
    """Check that what each service keeps of another's state is that state."""
    intake, dispatch, feedback = (dossier.kept[service] for service in SERVICES)
    order = dispatch.orders[-1]["state"] if dispatch.orders else None
    case = feedback.cases[-1]["state"] if feedback.cases else None
    state = intake.state["state"] if intake.state is not None else None
    for service, kept, column, value in (
        ("intake", intake, "dispatch_state", order),
        ("intake", intake, "feedback_state", case),
        ("dispatch", dispatch, "intake_state", state),
        ("dispatch", dispatch, "feedback_state", case),
    ):
        mirrored = None if kept.view is None else kept.view[column]
        if mirrored != value:
            note(Kind.DISAGREE, service, f"keeps {mirrored} as {column}; there it is {value}")
