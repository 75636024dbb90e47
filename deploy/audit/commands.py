"""Commands that clients got an answer for: each took effect, once, where its answer said."""

import base64
import binascii
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from deploy.audit.dossier import Dossier
from deploy.audit.event import Told
from deploy.audit.findings import Finding, Kind, Notes
from deploy.audit.place import SERVICES, Connection
from deploy.audit.rules import BY_ITSELF, MAY_STAND_ALREADY, MUTATIONS, act_of

_STORED: Final = """
-- audit.answers: which petition each idempotency key was answered with, and how far that had come
SELECT subject, mutation, key,
       COALESCE(answer::jsonb #>> '{petition,head,id}', answer::jsonb ->> 'petition_id') AS petition,
       COALESCE(answer::jsonb #>> '{petition,head,sequence}', answer::jsonb ->> 'sequence')::integer AS sequence
FROM own.idempotency WHERE (subject, mutation, key) > ($1, $2, $3) ORDER BY subject, mutation, key LIMIT $4"""
_PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that was answered: the mutation, its idempotency key, and where the answer said that it stands."""

    mutation: str
    key: str
    service: str
    petition: UUID
    sequence: int

    @classmethod
    def of(cls, mutation: str, key: str, position: str) -> Self:
        """Return what an answer's `position` says: `source:aggregate:sequence`, in URL-safe base 64.

        :raises ValueError: it is no position.
        """
        try:
            plain = base64.b64decode(position + "=" * (-len(position) % 4), altchars=b"-_", validate=True).decode()
        except binascii.Error as error:
            raise ValueError(f"{position!r} is no position") from error
        service, petition, sequence = plain.split(",")[0].split(":")
        return cls(mutation, key, service, UUID(petition), int(sequence))


@dataclass(slots=True)
class _Answer:
    petition: UUID
    sequence: int


@dataclass(slots=True)
class Commands:
    """What was acknowledged, what was tried at all (if that is known), and what the services stored about it."""

    acknowledged: Mapping[UUID, Sequence[Acknowledged]]
    attempted: Collection[tuple[str, str]] | None
    _stored: dict[tuple[str, str, str], list[_Answer]] = field(
        default_factory=dict[tuple[str, str, str], list[_Answer]]
    )
    _ends: dict[tuple[str, UUID, int], tuple[str, str]] = field(
        default_factory=dict[tuple[str, UUID, int], tuple[str, str]]
    )

    @classmethod
    def known(cls, acknowledged: Iterable[Acknowledged], attempted: Collection[tuple[str, str]] | None) -> Self:
        """Sort acknowledged commands by petition; `attempted` names mutation and key of every command that was sent."""
        by_petition: dict[UUID, list[Acknowledged]] = defaultdict(list)
        for command in acknowledged:
            by_petition[command.petition].append(command)
        return cls(by_petition, None if attempted is None else frozenset(attempted))

    @property
    def asked_for(self) -> bool:
        """Whether anything is known of commands."""
        return bool(self.acknowledged) or self.attempted is not None

    async def read(self, connections: Mapping[str, Connection]) -> list[Finding]:
        """Read what is stored under idempotency keys, by pages; return keys that are stored twice."""
        findings: list[Finding] = []
        for service in SERVICES if self.asked_for else ():
            after = ("", "", "")
            while rows := await connections[service].fetch(_STORED, *after, _PAGE):
                for row in rows:
                    self._keep(service, row["mutation"], row["key"], row["petition"], row["sequence"])
                after = (rows[-1]["subject"], rows[-1]["mutation"], rows[-1]["key"])
                if len(rows) < _PAGE:
                    break
        for (service, mutation, key), answers in self._stored.items():
            if len(answers) > 1:
                petition = answers[0].petition
                sentence = f"the key {key} of {mutation} has {len(answers)} answers stored"
                findings.append(Finding(Kind.DOUBLED, service, petition, sentence))
        return findings

    def _keep(self, service: str, mutation: str, key: str, petition: str | None, sequence: int | None) -> None:
        if petition is None or sequence is None:
            return
        answer = _Answer(UUID(petition), sequence)
        self._stored.setdefault((service, mutation, key), []).append(answer)
        end = (service, answer.petition, sequence)
        # Who was answered that it stands already is told where another's decision ended.
        if mutation not in MAY_STAND_ALREADY or end not in self._ends:
            self._ends[end] = (mutation, key)

    def check(self, dossier: Dossier, note: Notes) -> None:
        """Check a petition's commands."""
        for command in self.acknowledged.get(dossier.petition, ()):
            self._check_acknowledged(command, dossier, note)
        if self.attempted is not None:
            self._check_all(dossier, note)

    def _check_acknowledged(self, command: Acknowledged, dossier: Dossier, note: Notes) -> None:
        service, of = command.service, f"acknowledged {command.mutation} at sequence {command.sequence}"
        decision = _decision(dossier.kept[service].history, command.sequence)
        if not decision:
            note(Kind.LOST, service, f"{of}: there is no such event")
        elif (known := MUTATIONS.get(command.mutation)) is not None:
            home, acts = known
            found = [act_of(event) for event in decision]
            times = sum(act in acts for act in found)
            stood = times == 0 and command.mutation in MAY_STAND_ALREADY and bool(decision[-1].followers)
            if service != home or not (times == 1 or stood):
                note(Kind.DISAGREE, service, f"{of}: what stands there is {', '.join(found)}")
        answers = self._stored.get((service, command.mutation, command.key), [])
        if not answers:
            note(Kind.LOST, service, f"{of}: its idempotency key is not stored")
        elif (answers[0].petition, answers[0].sequence) != (command.petition, command.sequence):
            stored = f"{answers[0].petition} at sequence {answers[0].sequence}"
            note(Kind.DISAGREE, service, f"{of}: its key is stored with {stored}")

    def _check_all(self, dossier: Dossier, note: Notes) -> None:
        """Check that each decision of a person is one of those that were sent, and each key was decided on once."""
        assert self.attempted is not None
        for service in SERVICES:
            decided: dict[tuple[str, str], int] = defaultdict(int)
            for decision in _decisions(dossier.kept[service].history):
                last = decision[-1]
                key = self._ends.get((service, dossier.petition, last.sequence))
                if key is None:
                    sentence = f"the decision that ends with {last} is answered under no idempotency key"
                    note(Kind.DOUBLED, service, sentence)
                    continue
                decided[key] += 1
                if key not in self.attempted:
                    note(Kind.FOREIGN, service, f"{key[0]} that ends with {last} was never sent")
            for (mutation, _), times in decided.items():
                if times > 1:
                    note(Kind.DOUBLED, service, f"one key of {mutation} was decided on {times} times")

    def missing(self, looked_at: Collection[UUID]) -> list[Finding]:
        """Return acknowledged commands about petitions that exist nowhere."""
        return [
            Finding(Kind.LOST, c.service, c.petition, f"acknowledged {c.mutation}: the petition exists nowhere")
            for petition, commands in self.acknowledged.items()
            if petition not in looked_at
            for c in commands
        ]

    @property
    def count(self) -> int:
        """How many commands were acknowledged."""
        return sum(len(commands) for commands in self.acknowledged.values())


def _by_person(event: Told) -> bool:
    return event.causation == event.correlation and not event.causation.startswith(BY_ITSELF)


def _decisions(history: Sequence[Told]) -> list[list[Told]]:
    """Return the decisions of people: each is one request's events, one after another."""
    decisions: dict[str, list[Told]] = {}
    for event in history:
        if _by_person(event):
            decisions.setdefault(event.causation, []).append(event)
    return list(decisions.values())


def _decision(history: Sequence[Told], sequence: int) -> list[Told]:
    """Return the events of the decision that ends with a sequence."""
    last = next((event for event in history if event.sequence == sequence), None)
    if last is None:
        return []
    return [event for event in history if event.causation == last.causation and event.sequence <= sequence]
