"""What clients are told of errors: refusals as they are, everything unexpected as INTERNAL with an id to look up."""

import traceback
from collections.abc import Iterator, Mapping

import structlog
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from services.kernel.db import UNREACHABLE, UNSTORABLE, describe
from services.kernel.errors import Refusal
from services.kernel.ids import new_uuid

log = structlog.get_logger()


class Masked(SchemaExtension):
    """Masks unexpected errors, and gives every error a code from the documented list."""

    def on_operation(self) -> Iterator[None]:
        """Replace the errors of the result once it is there."""
        yield
        result = self.execution_context.result
        if result is not None and result.errors:
            result.errors = [masked(error) for error in result.errors]


def masked(error: GraphQLError) -> GraphQLError:
    """Return the error as a client may see it; what is unexpected goes to the log under an id."""
    original = error.original_error
    if isinstance(original, Refusal):
        return error
    if original is None or isinstance(original, GraphQLError):
        extensions = {"code": "INVALID_INPUT", **(error.extensions or {})}
        return _replaced(error, error.message, extensions)
    if isinstance(original, UNREACHABLE):
        log.warning("unreachable", error=describe(original))
        text = "The database cannot be reached for the moment; try again later."
        return _replaced(error, text, {"code": "UNAVAILABLE"})
    if isinstance(original, UNSTORABLE):
        text = "A value in the request cannot be stored: a character, a number or a date out of range."
        return _replaced(error, text, {"code": "INVALID_INPUT"})
    error_id = str(new_uuid())
    # Type and place only: messages of database errors quote the row, and rows hold what residents wrote.
    frames = traceback.format_tb(original.__traceback__)
    log.error("unexpected", error_id=error_id, error=type(original).__name__, frames=frames)
    return _replaced(error, "Something went wrong here.", {"code": "INTERNAL", "id": error_id})


def _replaced(error: GraphQLError, message: str, extensions: Mapping[str, object]) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=dict(extensions))
