"""What the gateway tells beside the request: its id, whom it came from, and what has to be seen first.

Over HTTP it stands in the headers; over a WebSocket under the same names in what opens the connection.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import HTTPConnection

from services.kernel import read_after
from services.kernel.access import READERS, Actor
from services.kernel.graphql import body
from services.kernel.graphql.context import Runtime
from services.kernel.ids import new_uuid

ADDRESS_HEADER: Final = "x-client-address"
_LONGEST_ADDRESS: Final = 64
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,15}")


def origin(connection: HTTPConnection) -> str:
    """Return the client's address: the gateway tells it, and nobody else reaches a service."""
    return told_origin(connection.headers) or (connection.client.host if connection.client else "")


def told_origin(headers: Mapping[str, str]) -> str:
    """Return the client's address as the gateway tells it; empty if it does not."""
    return headers.get(ADDRESS_HEADER, "")[:_LONGEST_ADDRESS]


def request_id(headers: Mapping[str, str]) -> str:
    """Return the gateway's id of the request, or one of our own: what goes into every event must be short and plain."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(new_uuid())


async def wait(runtime: Runtime[Any], headers: Mapping[str, str], actor: Actor) -> None:
    """Wait for what `Read-After` names, for whoever may see a petition: to others the time would tell of one.

    :raises InvalidInput: it is no position of ours.
    """
    given = headers.get(read_after.HEADER)
    if not given:
        return
    positions, deadline = read_after.parse(given), _deadline(headers)
    if actor.roles & READERS:
        await runtime.waiting.wait(positions, deadline=deadline)


def _deadline(headers: Mapping[str, str]) -> float:
    given = headers.get(read_after.DEADLINE_HEADER)
    if not given:
        return time.time() + read_after.PATIENCE_SECONDS
    if not _MILLISECONDS.fullmatch(given):
        raise body.UnreadableRequest(
            "Read-After-Deadline must be milliseconds since 1970.", field="Read-After-Deadline"
        )
    return int(given) / 1000
