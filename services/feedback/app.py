"""Feedback, wired: what it consumes, how it reacts, what it serves."""

from collections.abc import Sequence

from services.contracts.reference import AnyEntry
from services.contracts.vocabulary import Source
from services.feedback import handlers
from services.feedback.commands import clocks
from services.feedback.schema import schema
from services.kernel.scheduler import ClockCommands
from services.kernel.service import Wiring


def no_entries() -> Sequence[AnyEntry]:
    """Return nothing: feedback owns no reference data."""
    return ()


WIRING = Wiring(
    source=Source.FEEDBACK,
    package="services.feedback",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    clocks=ClockCommands(clocks.fire_clock, clocks.reckon_clocks),
    seed=no_entries,
    petitions_live=True,
)
