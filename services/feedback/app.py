"""Feedback, wired: what it consumes, how it reacts, what it serves."""

from services.contracts.vocabulary import Source
from services.feedback import handlers
from services.feedback.commands import clocks
from services.feedback.schema import schema
from services.kernel.scheduler import ClockCommands
from services.kernel.service import Wiring

WIRING = Wiring(
    source=Source.FEEDBACK,
    package="services.feedback",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    clocks=ClockCommands(clocks.fire_clock, clocks.reckon_clocks),
    petitions_live=True,
)
