"""What the check finds: one sentence each, about codes, numbers and states; never what people wrote."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID


class Kind(StrEnum):
    """What is wrong."""

    LOST = "LOST"
    DOUBLED = "DOUBLED"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    DISAGREE = "DISAGREE"
    UNCLOCKED = "UNCLOCKED"
    UNFIRED = "UNFIRED"
    PARKED = "PARKED"
    BEHIND = "BEHIND"
    FOREIGN = "FOREIGN"
    UNKNOWN = "UNKNOWN"
    UNSETTLED = "UNSETTLED"


MEANINGS: Final = {
    Kind.LOST: "something that happened is missing where it should be",
    Kind.DOUBLED: "something happened, or took effect, more often than once",
    Kind.OUT_OF_ORDER: "something stands where its turn has not come or is over",
    Kind.DISAGREE: "two places that should say the same do not",
    Kind.UNCLOCKED: "an open petition without a running clock",
    Kind.UNFIRED: "a clock that ran out, and nobody was told",
    Kind.PARKED: "an event that waits for a person or for another event",
    Kind.BEHIND: "published events that have not been taken in",
    Kind.FOREIGN: "a message on a topic that no service of ours recorded",
    Kind.UNKNOWN: "an event that the check has no rule for",
    Kind.UNSETTLED: "the system did not come to rest",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, about which petition, and what was expected and what is there."""

    kind: Kind
    service: str
    petition: UUID | None
    sentence: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.kind.value:12} {self.service:8} {self.petition or '-'!s:36} {self.sentence}"


@dataclass(slots=True)
class Report:
    """What a check came to."""

    findings: list[Finding] = field(default_factory=list[Finding])
    settled: bool = True
    petitions: int = 0
    events: int = 0
    messages: int = 0
    republished: int = 0
    unreadable: int = 0
    passed_over: int = 0
    acknowledged: int = 0
    happened: Counter[str] = field(default_factory=Counter[str])
    """How many events there are of each type."""
    _seen: set[Finding] = field(default_factory=set[Finding], repr=False)

    def add(self, findings: Sequence[Finding]) -> None:
        """Take findings in, each once."""
        for finding in findings:
            if finding not in self._seen:
                self._seen.add(finding)
                self.findings.append(finding)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def counts(self) -> Counter[Kind]:
        """Return how many findings there are of each kind."""
        return Counter(finding.kind for finding in self.findings)

    def __str__(self) -> str:
        """Return a summary and the findings, a line each."""
        looked = (
            f"{self.petitions} petitions, {self.events} events, {self.messages} messages "
            f"({self.republished} republished, {self.unreadable} unreadable, {self.passed_over} passed over), "
            f"{self.acknowledged} acknowledged commands"
        )
        if self.clean:
            return f"{looked}: nothing wrong"
        found = ", ".join(f"{count} {kind.value}" for kind, count in sorted(self.counts().items()))
        return "\n".join((f"{looked}: {found}", *(str(finding) for finding in self.findings)))


class Notes:
    """Findings about one petition, as they are made."""

    def __init__(self, petition: UUID) -> None:
        self.petition = petition
        self.findings: list[Finding] = []

    def __call__(self, kind: Kind, service: str, sentence: str) -> None:
        """Note what is wrong in a service."""
        self.findings.append(Finding(kind, service, self.petition, sentence))
