"""Clocks: what their events tell, what is stored, and which levels were reached, held against each other."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.audit import rules
from deploy.audit.dossier import Dossier
from deploy.audit.event import Told
from deploy.audit.findings import Kind, Notes
from deploy.audit.place import SERVICES, Row
from deploy.audit.replay import Replayed, clock_of

_LONGEST_TO_THE_LAST_LEVEL: Final = timedelta(days=30)
"""Five working days are over by then, whatever the calendar."""
_LAST_LEVEL: Final = 4


@dataclass(slots=True)
class _Life:
    """A clock as its events tell it."""

    kind: str
    about: str | None
    open: bool = False
    paused: bool = False
    pauses_told: bool = False
    level: int = 0
    due_at: datetime | None = None
    levels: list[int] = field(default_factory=list[int])


def check_clocks(dossier: Dossier, note: Notes) -> None:
    """Check each clock's events against its row, and its row against the levels it reached."""
    for service in SERVICES:
        kept = dossier.kept[service]
        lives = _lives(service, kept.history, note)
        rows = {row["clock_id"]: row for row in kept.clocks}
        firings: dict[UUID, list[int]] = defaultdict(list)
        for row in kept.firings:
            firings[row["clock_id"]].append(row["level"])
        for clock_id, life in lives.items():
            if (row := rows.get(clock_id)) is None:
                note(Kind.LOST, service, f"the {life.kind} clock {clock_id} was started, and is not stored")
            else:
                _compare(service, life, row, note)
                _levels(service, clock_id, life, firings.get(clock_id, []), note)
        for clock_id in rows.keys() - lives.keys():
            note(Kind.DOUBLED, service, f"the clock {clock_id} is stored, and no event started it")
        for clock_id in firings.keys() - rows.keys():
            note(Kind.LOST, service, f"the clock {clock_id} reached a level, and is not stored")


def _lives(service: str, history: Sequence[Told], note: Notes) -> dict[UUID, _Life]:
    lives: dict[UUID, _Life] = {}
    for event in history:
        if event.of_clock:
            clock_id = UUID(event.data["clockId"])
            life = lives.get(clock_id)
            if life is None:
                life = lives[clock_id] = _Life(event.data["kind"], event.data.get("about"))
                if event.type != "clock.started":
                    note(Kind.LOST, service, f"{event} is about a {life.kind} clock that no event started")
            _live(service, life, event, note)
        elif (clock_id := clock_of(event)) is not None and clock_id in lives:
            if lives[clock_id].kind not in rules.ACTS_WHEN_DUE:
                note(Kind.DISAGREE, service, f"{event} was done by a {lives[clock_id].kind} clock, which never acts")
            elif rules.ACTED not in lives[clock_id].levels:
                lives[clock_id].levels.append(rules.ACTED)
        if event.type == "work_order.resumed":
            for life in lives.values():
                if life.open and life.kind == "HANDLING" and life.about == event.data["workOrderId"]:
                    life.due_at, life.paused = datetime.fromisoformat(event.data["handlingDueAt"]), False
    return lives


def _live(service: str, life: _Life, event: Told, note: Notes) -> None:
    match event.type:
        case "clock.started":
            life.open, life.paused = True, False
        case "clock.paused":
            life.paused = life.pauses_told = True
        case "clock.resumed":
            life.open, life.paused = True, False
        case "clock.stopped":
            life.open = life.paused = False
        case "clock.reminded" | "clock.escalated":
            _press(service, life, event, note)
        case _:
            pass
    life.due_at = datetime.fromisoformat(event.data["dueAt"])


def _press(service: str, life: _Life, event: Told, note: Notes) -> None:
    level = rules.REMINDED + event.data.get("level", 0)
    what = f"level {level - 1}" if level > rules.REMINDED else "the reminder"
    if level in life.levels:
        note(Kind.DOUBLED, service, f"{event} reaches {what} of a {life.kind} clock a second time")
    elif level != life.level + 1:
        note(
            Kind.OUT_OF_ORDER, service, f"{event} reaches {what} of a {life.kind} clock right after level {life.level}"
        )
    if life.kind in rules.ACTS_WHEN_DUE and level > rules.REMINDED:
        note(Kind.DISAGREE, service, f"{event} escalates a {life.kind} clock, which acts instead")
    if level > rules.REMINDED:
        led = event.lead is not None and life.kind in rules.OF_THE_DEPARTMENT
        if tuple(event.data.get("tells", ())) != rules.TELLS[led][level - rules.ACTED]:
            note(Kind.DISAGREE, service, f"{event} tells others than those who must hear of {what}")
    life.level = max(life.level, level)
    life.levels.append(level)


def _compare(service: str, life: _Life, row: Row, note: Notes) -> None:
    of = f"the {row['kind']} clock {row['clock_id']}"
    about = None if row["about"] is None else str(row["about"])
    if (row["kind"], about) != (life.kind, life.about):
        note(Kind.DISAGREE, service, f"{of} is about another thing than its events say")
    if (row["state"] != "STOPPED") != life.open:
        note(Kind.DISAGREE, service, f"{of} is {row['state']}; its events left it {'open' if life.open else 'stopped'}")
    elif life.pauses_told and life.open and (row["state"] == "PAUSED") != life.paused:
        note(Kind.DISAGREE, service, f"{of} is {row['state']}; its events left it otherwise")
    if row["level"] != life.level:
        note(Kind.DISAGREE, service, f"{of} has reached level {row['level']}; its events say {life.level}")
    if row["due_at"] != life.due_at:
        note(Kind.DISAGREE, service, f"{of} is due at another instant than its last event said")


def _levels(service: str, clock_id: UUID, life: _Life, fired: Sequence[int], note: Notes) -> None:
    told = sorted(set(life.levels))
    if missing := [level for level in told if level not in fired]:
        note(Kind.LOST, service, f"the {life.kind} clock {clock_id} has no firing stored for level {missing}")
    if more := [level for level in fired if level not in told]:
        note(Kind.DISAGREE, service, f"the {life.kind} clock {clock_id} has a firing for {more} and no event for it")


def check_running(dossier: Dossier, replayed: Replayed, now: datetime, tick: timedelta, note: Notes) -> None:
    """Check that an open petition has a running clock, and that none has run out unheard.

    :param tick: how long a clock may be overdue, in the domain's time.
    """
    clocks = {service: dossier.kept[service].clocks for service in SERVICES}
    orders = [order.state for order in replayed.dispatch.orders.values()]
    case = replayed.feedback.case
    state = replayed.intake.state
    where = open_in(None if state == rules.NOTHING else state, orders, case and case.state)
    unclocked(where, clocks, note)
    for service in SERVICES:
        unheard(service, clocks[service], now, tick, note)
    asked = {(c["kind"], c["about"]) for c in clocks["dispatch"] if c["state"] == "RUNNING"}
    if any(("INFORMATION", about) in asked for kind, about in asked if kind == "HANDLING"):
        note(Kind.DISAGREE, "dispatch", "a HANDLING clock runs while the resident is asked")


def overdue(clock: Row, now: datetime, tick: timedelta) -> str | None:
    """Return how a running clock was neglected, if it was."""
    if clock["state"] != "RUNNING":
        return None
    late, level, fires_at = now - tick, clock["level"], clock["fires_at"]
    if fires_at is None and level < _LAST_LEVEL:
        return f"will never fire and stands at level {level}"
    if fires_at is not None and fires_at < late:
        return f"should have fired and stands at level {level}"
    if clock["due_at"] < late and level < rules.ACTED:
        return f"is overdue and stands at level {level}"
    if clock["due_at"] + _LONGEST_TO_THE_LAST_LEVEL < late and level < _LAST_LEVEL:
        return f"is long overdue and stands at level {level}"
    return None


def open_in(intake: str | None, orders: Collection[str], case: str | None) -> list[str]:
    """Return the services in which a petition is open.

    :param intake: its state at intake, None where intake does not know it.
    :param orders: the states of its work orders.
    :param case: the state of its last case, None without one.
    """
    over = intake is None or intake in rules.OVER_AT_INTAKE or case == "CLOSED"
    where: list[str] = [] if over else ["intake"]
    if any(state in rules.OPEN_ORDERS for state in orders):
        where.append("dispatch")
    if case in rules.OPEN_CASES:
        where.append("feedback")
    return where


def unheard(service: str, clocks: Iterable[Row], now: datetime, tick: timedelta, note: Notes) -> None:
    """Note each of a petition's clocks that ran out and was not pressed, and each pause without an end."""
    open_clocks = [clock for clock in clocks if clock["state"] != "STOPPED"]
    running = {(c["kind"], c["about"]) for c in open_clocks if c["state"] == "RUNNING"}
    for clock in open_clocks:
        if (why := overdue(clock, now, tick)) is not None:
            note(Kind.UNFIRED, service, f"the {clock['kind']} clock {clock['clock_id']} {why}")
        if clock["state"] == "PAUSED" and ("INFORMATION", clock["about"]) not in running:
            note(Kind.UNCLOCKED, service, f"a {clock['kind']} clock is paused, and no INFORMATION clock ends the pause")


def unclocked(where: Sequence[str], clocks: Mapping[str, Sequence[Row]], note: Notes) -> None:
    """Note it if a petition is open somewhere and no clock runs anywhere, but for those of instructions."""
    if where and not any(
        clock["state"] == "RUNNING" and clock["kind"] != rules.INSTRUCTION for of in clocks.values() for clock in of
    ):
        note(Kind.UNCLOCKED, where[0], f"open in {', '.join(where)}, and no clock runs in any service")
