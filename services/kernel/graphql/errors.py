"""What clients are told of errors: refusals as they are, everything unexpected as INTERNAL with an id to look up."""

import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from graphql import FieldNode, GraphQLError

from services.kernel.db import UNREACHABLE, UNSTORABLE, describe
from services.kernel.errors import Refusal
from services.kernel.graphql.places import Asked
from services.kernel.ids import new_uuid
from services.kernel.masking import sayable

log = structlog.get_logger()


_NAMED: Final = 10
"""For so many errors of an answer the field is looked for: each costs a walk through the document."""


def all_masked(errors: Sequence[GraphQLError], asked: Asked) -> list[GraphQLError]:
    """Return an answer's errors as a client may see them; what they quote of the request tells nothing of anybody."""
    return [_sayable(masked(error, asked if nth < _NAMED else None)) for nth, error in enumerate(errors)]


def masked(error: GraphQLError, asked: Asked | None) -> GraphQLError:
    """Return the error as a client may see it; what is unexpected goes to the log under an id."""
    original = error.original_error
    if isinstance(original, Refusal):
        return error
    if (original is None or isinstance(original, GraphQLError)) and _is_about_the_request(error):
        return _invalid(error, _without_values(error.message), asked)
    if isinstance(original, RecursionError) and error.path is None:
        return _invalid(error, "The document or its variables are nested too deeply.", asked)
    if isinstance(original, ValueError) and error.path is None and error.nodes:
        return _invalid(error, _without_values(error.message), asked)  # a literal that a scalar does not read
    if isinstance(original, UNREACHABLE):
        log.warning("unreachable", error=describe(original))
        text = "The database cannot be reached for the moment; try again later."
        return _replaced(error, text, {"code": "UNAVAILABLE"})
    if isinstance(original, UNSTORABLE):
        text = "A value in the request cannot be stored: a character, a number or a date out of range."
        return _invalid(error, text, asked)
    unexpected = original or error
    error_id = str(new_uuid())
    # Type and place only: messages of database errors quote the row, and rows hold what residents wrote.
    frames = traceback.format_tb(unexpected.__traceback__)
    log.error("unexpected", error_id=error_id, error=type(unexpected).__name__, path=_keys(error), frames=frames)
    return _replaced(error, "Something went wrong here.", {"code": "INTERNAL", "id": error_id})


def _is_about_the_request(error: GraphQLError) -> bool:
    """Tell whether a document, a variable or an argument is wrong, rather than what a field came to.

    GraphQL's own errors are about the request when nothing was resolved yet, or when they point at an argument: what
    points at the field itself is an answer of ours that does not fit its type.
    """
    return error.path is None or any(not isinstance(node, FieldNode) for node in error.nodes or ())


def _keys(error: GraphQLError) -> str:
    return ".".join(str(key) for key in error.path or ())


_VALUES: Final = (
    (re.compile(r"[,;]? found: .*", re.DOTALL), "."),
    (re.compile(r"( cannot represent [\w -]*value): .*", re.DOTALL), r"\1."),
    (re.compile(r"Value .* does not exist in", re.DOTALL), "This value does not exist in"),
)
"""How GraphQL's own sentences quote what was sent: whoever keeps errors would keep it too."""


def _without_values(sentence: str) -> str:
    for quoted, instead in _VALUES:
        sentence = quoted.sub(instead, sentence)
    return sentence


def _invalid(error: GraphQLError, message: str, asked: Asked | None) -> GraphQLError:
    field = asked.field_of(error) if asked else None
    named = {"field": field} if field else {}
    return _replaced(error, message, {"code": "INVALID_INPUT", **named, **(error.extensions or {})})


def _sayable(error: GraphQLError) -> GraphQLError:
    extensions = dict(error.extensions or {})
    if isinstance(field := extensions.get("field"), str):
        extensions["field"] = sayable(field)
    return _replaced(error, sayable(error.message), extensions)


def _replaced(error: GraphQLError, message: str, extensions: Mapping[str, object]) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=dict(extensions))
