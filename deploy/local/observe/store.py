"""The traces of the last while, in memory: so many, and of each so many spans; the oldest go.

Nothing here outlives the run: what must be kept of a petition is its history, and that is in the databases.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MOST_TRACES: Final = 2_000
MOST_SPANS: Final = 500
"""Of one trace."""

Value = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was received; times are nanoseconds since 1970."""

    trace: str
    id: str
    parent: str | None
    service: str
    name: str
    kind: str
    began: int
    ended: int
    failed: bool
    attributes: Mapping[str, Value]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0, self.ended - self.began) / 1e9

    @property
    def petitions(self) -> tuple[str, ...]:
        """The petitions that it is about."""
        named = self.attributes.get("through_train.petition_id", ())
        return named if isinstance(named, tuple) else (str(named),)


@dataclass(slots=True)
class Trace:
    """The spans of one trace, in the order of their beginnings."""

    id: str
    spans: dict[str, Span] = field(default_factory=dict[str, Span])

    @property
    def ordered(self) -> list[Span]:
        """The spans by their beginning."""
        return sorted(self.spans.values(), key=lambda span: (span.began, span.id))

    @property
    def root(self) -> Span:
        """The span that it began with, as far as it has come."""
        known = self.spans
        return min(known.values(), key=lambda span: (span.parent in known, span.began))

    @property
    def began(self) -> int:
        """When it began, in nanoseconds since 1970."""
        return min(span.began for span in self.spans.values())

    @property
    def seconds(self) -> float:
        """From its beginning to its last end."""
        return (max(span.ended for span in self.spans.values()) - self.began) / 1e9

    @property
    def services(self) -> list[str]:
        """Which services took part, in the order in which they did."""
        return list(dict.fromkeys(span.service for span in self.ordered))

    @property
    def petitions(self) -> set[str]:
        """The petitions that it is about."""
        return {petition for span in self.spans.values() for petition in span.petitions}


class Store:
    """Traces by their ids, and by the petitions that they are about."""

    def __init__(self, *, traces: int = MOST_TRACES, spans: int = MOST_SPANS) -> None:
        self._most_traces = traces
        self._most_spans = spans
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._of: dict[str, OrderedDict[str, None]] = {}

    def add(self, spans: Iterable[Span]) -> None:
        """Keep spans; one that came before changes nothing."""
        for span in spans:
            trace = self._traces.setdefault(span.trace, Trace(span.trace))
            if span.id in trace.spans or len(trace.spans) >= self._most_spans:
                continue
            trace.spans[span.id] = span
            for petition in span.petitions:
                self._of.setdefault(petition, OrderedDict())[trace.id] = None
        while len(self._traces) > self._most_traces:
            _, gone = self._traces.popitem(last=False)
            self._forget(gone)

    def _forget(self, gone: Trace) -> None:
        for petition in gone.petitions:
            self._of[petition].pop(gone.id, None)
            if not self._of[petition]:
                del self._of[petition]

    def find(self, trace_id: str) -> Trace | None:
        """Return a trace, if it is still there."""
        return self._traces.get(trace_id)

    def about(self, petition: str) -> list[Trace]:
        """Return the traces of a petition, the first one first."""
        return sorted((self._traces[id_] for id_ in self._of.get(petition, ())), key=lambda trace: trace.began)

    def latest(self, most: int) -> list[Trace]:
        """Return the traces that began last, the newest first."""
        return sorted(self._traces.values(), key=lambda trace: -trace.began)[:most]

    def __len__(self) -> int:
        """Return how many traces there are."""
        return len(self._traces)


def tree(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """Return spans with their depths, each beneath its parent; one whose parent has not come stands at the top."""
    known = {span.id for span in spans}
    beneath: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.began, span.id)):
        beneath.setdefault(span.parent if span.parent in known else None, []).append(span)
    found: list[tuple[int, Span]] = []
    open_ = [(0, span) for span in reversed(beneath.get(None, []))]
    while open_:
        depth, span = open_.pop()
        found.append((depth, span))
        open_.extend((depth + 1, child) for child in reversed(beneath.get(span.id, [])))
    return found
