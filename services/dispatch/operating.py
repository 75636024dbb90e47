"""An operator's commands at dispatch: the reference data that it owns. `python -m services.dispatch reference …`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cyclopts import App

from services.contracts.vocabulary import Source
from services.dispatch.commands.reference import record_entries
from services.dispatch.domain import reference
from services.kernel import recording


def commands() -> App:
    """Return the commands."""
    app = App(name="python -m services.dispatch", help="Operate dispatch.")
    app.command(recording.commands(Source.DISPATCH, reference.OWNED, record_entries))
    return app


COMMANDS: Final[Mapping[str, Callable[[], App]]] = MappingProxyType({"reference": commands})
"""The command lines that only dispatch's operator has, by their first word."""
