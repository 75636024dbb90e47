"""Replaying each service's history: every act from a state that allows it, every cause with its effect, once.

An event says what its producer had seen of the others (`seen`), and which event it answers (`causation`). So it is
known between which two of its own events a service applied another's event, and what must have come of it there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final
from uuid import UUID

from deploy.audit import rules
from deploy.audit.dossier import Dossier
from deploy.audit.event import Told
from deploy.audit.findings import Kind, Notes
from deploy.audit.machines import NOT_SOLVED, AtDispatch, AtFeedback, AtIntake, Due, Machine, Open
from deploy.audit.place import SERVICES, others
from deploy.audit.rules import act_of

_CLOCK_CAUSE: Final = "clock:"


@dataclass(frozen=True, slots=True)
class Replayed:
    """The three machines as the histories leave them."""

    intake: AtIntake
    dispatch: AtDispatch
    feedback: AtFeedback


@dataclass(slots=True)
class _Walk:
    """One service's history being walked."""

    service: str
    machine: Machine
    causes: Mapping[str, Sequence[Told]]
    note: Notes
    seen: dict[str, int] = field(default_factory=dict[str, int])
    open: dict[Open, str] = field(default_factory=dict[Open, str])
    clocks_told: bool = False
    followers_told: bool = False

    def group(self, events: Sequence[Told]) -> None:
        """Walk events that one cause had: a command, a clock, or another service's event."""
        first = events[0]
        direct = self._direct(first)
        before = dict(self.seen)
        self._apply(first.seen, but=direct)
        acts = [(act_of(e), _about(e)) for e in events if not e.of_clock and e.type not in rules.BESIDE]
        if direct is not None:
            self._answer(direct, acts, taken_before=direct.sequence <= before.get(direct.service, 0))
        for event in events:
            self._take(event)
            self._compare_followers(event)
        self._in_one_go(events)
        self._compare_clocks(events[-1])

    def _direct(self, event: Told) -> Told | None:
        for cause in (c for causes in self.causes.values() for c in causes):
            if str(cause.id) == event.causation:
                return cause
        if event.causation != event.correlation:
            self.note(Kind.DISAGREE, self.service, f"{event} answers an event that neither other service has recorded")
        return None

    def _apply(self, upto: Mapping[str, int], *, but: Told | None) -> None:
        """Let what was newly seen be applied; only the direct cause may have had an effect."""
        for cause in self._newly_seen(upto):
            if cause is not but:
                for act, _ in self.machine.react(cause):
                    self.note(Kind.LOST, self.service, f"{cause} was applied, and {act} did not come of it")

    def _newly_seen(self, upto: Mapping[str, int]) -> Iterator[Told]:
        """Yield events in an order in which they can have been applied: none before what its producer had seen."""
        waiting = {
            source: [c for c in self.causes[source] if self.seen.get(source, 0) < c.sequence <= upto.get(source, 0)]
            for source in others(self.service)
        }
        while any(waiting.values()):
            firsts = [causes[0] for causes in waiting.values() if causes]
            free = [c for c in firsts if all(self.seen.get(s, 0) >= c.seen.get(s, 0) for s in others(self.service))]
            cause = (free or firsts)[0]
            waiting[cause.service].pop(0)
            self.seen[cause.service] = cause.sequence
            yield cause
        for source, sequence in upto.items():
            self.seen[source] = max(self.seen.get(source, 0), sequence)

    def _answer(self, cause: Told, acts: Sequence[Due], *, taken_before: bool) -> None:
        if taken_before:
            self.note(Kind.DOUBLED, self.service, f"{cause} took effect a second time: {_named(acts)}")
            return
        due = self.machine.react(cause)
        if len(due) == len(acts) and all(d[0] == a[0] and d[1] in {None, a[1]} for d, a in zip(due, acts, strict=True)):
            return
        wanted, found = Counter(act for act, _ in due), Counter(act for act, _ in acts)
        for act in sorted((wanted - found).elements()):
            self.note(Kind.LOST, self.service, f"{cause} was applied, and {act} did not come of it")
        for act in sorted((found - wanted).elements()):
            kind, how = (
                (Kind.DOUBLED, "more than once") if act in wanted else (Kind.DISAGREE, "which is none of its own")
            )
            self.note(kind, self.service, f"{cause} had the effect {act}, {how}")
        if wanted == found:
            self.note(Kind.DISAGREE, self.service, f"{cause} had its effect on another order or case than the one due")

    def _take(self, event: Told) -> None:
        if event.of_clock:
            self._clock(event)
        elif event.type in rules.BESIDE:
            return
        elif (act := act_of(event)) not in rules.TABLES[self.service]:
            self.note(Kind.UNKNOWN, self.service, f"{event} has no row in the check's tables")
        else:
            self.machine.take(event, act, self.note)

    def _in_one_go(self, events: Sequence[Told]) -> None:
        """Note what must have followed at once, in the same decision, and did not."""
        for event, after in zip(events, [*events[1:], None], strict=True):
            must = rules.IN_ONE_GO.get(act_of(event))
            if (
                event.type == "visit.recorded"
                and event.data.get("solved") is False
                and not event.data.get("ledgerProposed")
            ):
                must = "petition.reopened"
            if must is not None and (after is None or after.type != must):
                self.note(Kind.LOST, self.service, f"{event} was not followed by {must}")
        for before, event in zip([None, *events[:-1]], events, strict=True):
            leads = {second: first for first, second in rules.IN_ONE_GO.items()}.get(event.type)
            if event.type == "petition.reopened" and event.data.get("cause") == NOT_SOLVED:
                leads = "visit.recorded"
            if leads is not None and (before is None or act_of(before) != leads):
                self.note(Kind.LOST, self.service, f"{event} does not follow {leads}")

    def _clock(self, event: Told) -> None:
        key = (event.data["kind"], event.data.get("about"))
        match event.type:
            case "clock.started":
                if key in self.open:
                    self.note(Kind.DOUBLED, self.service, f"{event} starts a second {key[0]} clock about one thing")
                self.open[key] = event.data["clockId"]
            case "clock.resumed":
                self.open.setdefault(key, event.data["clockId"])
            case "clock.stopped":
                if self.open.pop(key, None) is None:
                    self.note(Kind.DOUBLED, self.service, f"{event} stops a {key[0]} clock that did not run")
            case "clock.paused" | "clock.moved" | "clock.reminded" | "clock.escalated":
                if key not in self.open:
                    self.note(Kind.OUT_OF_ORDER, self.service, f"{event} is about a {key[0]} clock that did not run")
            case _:
                self.note(Kind.UNKNOWN, self.service, f"{event} has no row in the check's tables")

    def _compare_clocks(self, last: Told) -> None:
        """Compare the clocks that the events started and stopped with those that the state needs; once a service."""
        due, found = self.machine.clocks(), set(self.open)
        if due == found or self.clocks_told:
            return
        self.clocks_told = True
        for kind, _ in sorted(due - found, key=str):
            self.note(Kind.UNCLOCKED, self.service, f"after {last} a {kind} clock should run, and none was started")
        for kind, _ in sorted(found - due, key=str):
            self.note(Kind.DISAGREE, self.service, f"after {last} a {kind} clock still runs that nothing needs")

    def _compare_followers(self, event: Told) -> None:
        """Compare whom an event is carried to with those who follow the petition; once a service."""
        if event.followers != self.machine.followers and not self.followers_told:
            self.followers_told = True
            found, due = (", ".join(who) or "nobody" for who in (event.followers, self.machine.followers))
            self.note(Kind.DISAGREE, self.service, f"{event} is carried to {found}; the petition is followed by {due}")

    def finish(self, applied: Mapping[str, int]) -> None:
        """Let the rest be applied, of which nothing may have come."""
        self._apply(applied, but=None)


def _about(event: Told) -> str | None:
    return event.data.get("workOrderId") or event.data.get("caseId")


def _named(acts: Sequence[Due]) -> str:
    return ", ".join(act for act, _ in acts) or "nothing but clocks"


def _groups(history: Sequence[Told]) -> Iterator[list[Told]]:
    for _, events in groupby(history, key=lambda event: (event.causation, sorted(event.seen.items()))):
        yield list(events)


def replay(dossier: Dossier, note: Notes) -> Replayed:
    """Walk all three histories."""
    machines = Replayed(AtIntake(), AtDispatch(), AtFeedback())
    told = {service: dossier.told(service) for service in SERVICES}
    for service in SERVICES:
        kept = dossier.kept[service]
        causes = {
            source: [cause for cause in told[source] if (source, cause.sequence) not in kept.discarded]
            for source in others(service)
        }
        walk = _Walk(service, getattr(machines, service), causes, note)
        for events in _groups(kept.history):
            walk.group(events)
        walk.finish({source: row["applied"] or 0 for source, row in kept.progress.items()})
    return machines


def clock_of(event: Told) -> UUID | None:
    """Return the clock that an event was caused by, if one was."""
    return UUID(event.causation.removeprefix(_CLOCK_CAUSE)) if event.causation.startswith(_CLOCK_CAUSE) else None
