"""Dispatch, wired: what it consumes, how it reacts, what it serves."""

from services.contracts.vocabulary import Source
from services.dispatch import handlers, operating, outlets
from services.dispatch.commands import clocks
from services.dispatch.schema import schema
from services.kernel.scheduler import ClockCommands
from services.kernel.service import Wiring

WIRING = Wiring(
    source=Source.DISPATCH,
    package="services.dispatch",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    clocks=ClockCommands(clocks.fire_clock, clocks.reckon_clocks),
    outlets=outlets.OUTLETS,
    operator=operating.COMMANDS,
)
