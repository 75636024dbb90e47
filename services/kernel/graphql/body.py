"""What comes in a request: read with a limit, and refused in GraphQL's own words whatever else it is."""

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from starlette.requests import Request

from services.kernel.errors import InvalidInput

LARGEST: Final = 256 * 1024
_KINDS: Final = {
    "query": (str, "a document, as a string"),
    "variables": (dict, "an object"),
    "operationName": (str, "a string"),
    "extensions": (dict, "an object"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's document, what it is given, and which of its operations is meant."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class UnreadableRequest(InvalidInput):
    """A request that asks for nothing that could be answered; `status` is HTTP's word for it."""

    def __init__(self, message: str, status: int = 400, field: str = "body") -> None:
        super().__init__(field, message)
        self.status = status


def check_envelope(request: Request) -> None:
    """Refuse what can be refused before anything is read.

    :raises UnreadableRequest: another method than POST, another type than JSON, or a declared length above the limit.
    """
    if request.method != "POST":
        raise UnreadableRequest("GraphQL is asked by POST here.", 405, "method")
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        raise UnreadableRequest("The content type must be application/json.", 415, "Content-Type")
    if int(request.headers.get("content-length") or 0) > LARGEST:
        raise _too_large()


async def read(request: Request) -> Asked:
    """Read what is asked.

    :raises UnreadableRequest: the body is too large, no JSON, or asks for nothing.
    :raises starlette.requests.ClientDisconnect: the client has gone.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST:
            raise _too_large()
        chunks.append(chunk)
    return asked_in(parsed(b"".join(chunks)))


def _too_large() -> UnreadableRequest:
    return UnreadableRequest(f"The request is larger than {LARGEST // 1024} kB.", 413)


def parsed(body: bytes) -> object:
    """Decode JSON strictly: what another reader could understand otherwise is not understood at all.

    :raises UnreadableRequest: it is no JSON, or means nothing certain.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_float)
    except UnicodeDecodeError:
        raise UnreadableRequest("The body must be JSON in UTF-8.") from None
    except RecursionError:
        raise UnreadableRequest("The body is nested too deeply.") from None
    except ValueError:  # JSONDecodeError, and whole numbers of thousands of digits
        raise UnreadableRequest("The body must be JSON in UTF-8.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnreadableRequest("The body names a key twice in one object.")
    return found


def _no_number(name: str) -> NoReturn:
    raise UnreadableRequest(f"{name} is no number in JSON.")


def _float(digits: str) -> float:
    if (number := float(digits)) in (float("inf"), float("-inf")):
        raise UnreadableRequest("The body has a number that is out of range.")
    return number


def asked_in(body: object) -> Asked:
    """Return what a decoded body, or the payload of a WebSocket's message, asks.

    :raises UnreadableRequest: it asks for nothing.
    """
    if not isinstance(body, dict):
        raise UnreadableRequest("The body must be one JSON object with a query; batches are not taken.")
    given = {name: cast(dict[str, Any], body).get(name) for name in _KINDS}
    for name, (kind, what) in _KINDS.items():
        if given[name] is not None and not isinstance(given[name], kind):
            raise UnreadableRequest(f"{name} must be {what}, or null.", field=name)
    if not given["query"]:
        raise UnreadableRequest("query is missing: the document that asks.", field="query")
    return Asked(query=given["query"], variables=given["variables"], operation_name=given["operationName"])
