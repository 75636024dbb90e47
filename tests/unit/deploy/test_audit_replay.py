"""The check's own state machines against the services' rules: whatever people do and whatever order events arrive in,
both come to the same place, and the check finds nothing wrong with what is right.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.audit.dossier import Dossier, Kept
from deploy.audit.event import Told
from deploy.audit.findings import Kind, Notes
from deploy.audit.replay import Replayed, replay
from deploy.audit.states import check_agreement
from services.contracts import catalogue
from services.contracts.vocabulary import DeadlineClass, Extent, PetitionKind, Source, Urgency
from services.intake.domain import acceptance, screening
from services.intake.domain.acceptance import Submission
from services.intake.domain.screening import HandingOver
from services.kernel.errors import Refusal
from services.kernel.head import Decision
from services.kernel.ids import PetitionId, new_tracking_code
from tests.support.terms import TERMS
from tests.unit.test_convergence import NOW, STEPS, STREET, World, oldest, work

Step = Callable[[World], object]


@dataclass
class Recorded(World):
    """The three services' rules, with the histories that they would have recorded."""

    told: dict[Source, list[Told]] = field(default_factory=lambda: {source: [] for source in Source})
    answering: UUID | None = None

    def deliver(self, at: Source, source: Source) -> bool:
        arrived = self.told[source][self.applied[at][source] :]
        self.answering = arrived[0].id if arrived else None
        try:
            return super().deliver(at, source)
        finally:
            self.answering = None

    def take(self, at: Source, decision: Decision[Any] | None) -> None:
        known = len(self.sent[at])
        super().take(at, decision)
        request = uuid4()
        for sequence, sent in enumerate(self.sent[at][known:], known + 1):
            self.told[at].append(
                Told(
                    service=at.value,
                    subject=str(self.intake.head.id),
                    sequence=sequence,
                    id=uuid4(),
                    type=sent.event.TYPE,
                    cycle=sent.cycle,
                    at=NOW,
                    recorded=NOW,
                    seen={source.value: n for source, n in sent.seen.items() if n},
                    correlation=str(request),
                    causation=str(self.answering or request),
                    street="huangtupo",
                    community="community-73",
                    lead=None,
                    cohandlers=(),
                    followers=sent.scope.followers,
                    data=json.loads(catalogue.encode(sent.event)),
                )
            )

    def replayed(self) -> tuple[Replayed, Notes]:
        """Return what the check makes of the histories, and what it finds wrong with them."""
        kept = {
            at.value: Kept(
                history=self.told[at],
                progress={source.value: {"applied": n} for source, n in self.applied[at].items()},
            )
            for at in Source
        }
        note = Notes(self.intake.head.id)
        replayed = replay(Dossier(self.intake.head.id, kept), note)
        check_agreement(replayed, note)
        return replayed, note


def begin(on_the_spot: bool, replied: bool) -> Recorded:
    """Return a petition that was just handed over or solved on the spot, or has a reply that all know."""
    said = Submission(
        PetitionId(uuid4()), new_tracking_code(), PetitionKind.DEMAND, "visit", "huangtupo", "community-73", None,
        None, "下水道堵了",
    )  # fmt: skip
    common: dict[str, Any] = {"terms": TERMS, "by": STREET, "now": NOW}
    submitted = acceptance.submit(said, **common)
    world = Recorded(submitted.state)
    world.take(Source.INTAKE, submitted)
    named: dict[str, Any] = {"title": "堵", "category": "drainage", "urgency": Urgency.NORMAL}
    world.take(Source.INTAKE, acceptance.accept(world.intake, **named, extent=Extent.COMMUNITY, **common))
    world.take(Source.INTAKE, screening.listen(world.intake, said="听", by=STREET))
    world.take(Source.INTAKE, screening.look(world.intake, findings="看", by=STREET))
    world.take(Source.INTAKE, screening.deliberate(world.intake, outcome="议", participants=3, by=STREET))
    if on_the_spot:
        world.take(Source.INTAKE, screening.resolve_on_spot(world.intake, measures="通", **common))
        return world
    asked = HandingOver("请疏通", "housing", DeadlineClass.SIMPLE)
    world.take(Source.INTAKE, screening.hand_over(world.intake, asked, **common))
    for _ in range(4 if replied else 0):
        world.settle(oldest)
        work(world)
    return world


def play(on_the_spot: bool, replied: bool, steps: list[Step], chance: Random) -> Recorded:
    world = begin(on_the_spot, replied)
    for step in steps:
        try:
            step(world)
        except Refusal:
            continue  # a person was told that it is not possible now
    world.settle(lambda n: chance.randrange(n))
    return world


LIVES = (st.booleans(), st.booleans(), st.lists(st.sampled_from(STEPS), max_size=60), st.randoms(use_true_random=False))


@settings(max_examples=400, deadline=None)
@given(*LIVES)
def test_nothing_is_found_wrong_with_what_the_rules_allow(
    on_the_spot: bool, replied: bool, steps: list[Step], chance: Random
) -> None:
    world = play(on_the_spot, replied, steps, chance)
    replayed, note = world.replayed()
    assert note.findings == []
    assert (replayed.intake.state, replayed.intake.cycle) == (world.intake.state, world.intake.head.cycle)
    assert replayed.intake.reply_known == world.intake.reply_known
    assert replayed.intake.followers == world.intake.head.scope.followers
    orders = world.dispatch.orders if world.dispatch else ()
    assert [(o.cycle, o.state) for o in replayed.dispatch.orders.values()] == [(o.cycle, o.state) for o in orders]
    cases = world.feedback.cases if world.feedback else ()
    assert [(c.cycle, c.state) for c in replayed.feedback.cases] == [(c.cycle, c.state) for c in cases]
    for at, machine in ((Source.DISPATCH, replayed.dispatch), (Source.FEEDBACK, replayed.feedback)):
        petition = getattr(world, at.value)
        assert petition is None or machine.followers == petition.head.scope.followers
        running = {(c.kind.value, str(c.about)) for c in petition.head.clocks if c.is_open} if petition else set[Any]()
        assert machine.clocks() == running


@settings(max_examples=200, deadline=None)
@given(*LIVES)
def test_an_effect_that_did_not_happen_or_happened_twice_is_found(
    on_the_spot: bool, replied: bool, steps: list[Step], chance: Random
) -> None:
    world = play(on_the_spot, replied, steps, chance)
    effects = [
        (at, told.causation)
        for at in Source
        for told in world.told[at]
        if told.causation != told.correlation and not told.of_clock
    ]
    if not effects:
        return
    at, cause = chance.choice(effects)
    history = world.told[at]
    effect = [told for told in history if told.causation == cause]
    if chance.random() < 0.5:
        world.told[at] = [told for told in history if told.causation != cause]
        _, note = world.replayed()
        assert Kind.LOST in {finding.kind for finding in note.findings}, effect
    else:
        world.told[at] = [*history, *effect]
        _, note = world.replayed()
        assert Kind.DOUBLED in {finding.kind for finding in note.findings}, effect


@settings(max_examples=200, deadline=None)
@given(*LIVES)
def test_an_event_that_a_follower_does_not_see_is_found(
    on_the_spot: bool, replied: bool, steps: list[Step], chance: Random
) -> None:
    world = play(on_the_spot, replied, steps, chance)
    carried = [(at, nth) for at in Source for nth, told in enumerate(world.told[at]) if told.followers]
    if not carried:
        return
    at, nth = chance.choice(carried)
    world.told[at][nth] = replace(world.told[at][nth], followers=world.told[at][nth].followers[:-1])
    _, note = world.replayed()
    assert any("is carried to" in finding.sentence for finding in note.findings)
