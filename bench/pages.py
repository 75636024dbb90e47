"""What the gateway adds to a page of 20 from one service: the same query asked directly and through it, in turns.

Each pair asks both ways for a page of its own (another reader, another place in the list), so that no answer is merged
with another or kept; who is first alternates. One connection each, one request at a time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import aiohttp
import msgspec

from bench.installation import Installation
from bench.people import Desk
from bench.pgbench import LimitError
from bench.report import PageOf20, Percentiles

PAGE: Final = 20
WARM_UP: Final = 60
"""Pairs before it counts."""

PAIRS: Final = 400

_LOOK_AROUND: Final = 6
"""How many pages of 100 are read of each reader's list for places to begin at."""

_ENOUGH: Final = 12
"""Readers."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one service's: what is asked for each row, of which states, and who reads it."""

    service: str
    field: str
    arguments: str
    row: str
    reader: Callable[[Desk], str]

    @property
    def document(self) -> str:
        """The query of a page."""
        asked = f"{self.arguments}, first: $first, after: $after"
        page = f"edges {{ cursor node {{ {self.row} }} }} pageInfo {{ hasNextPage endCursor }}"
        return f"query ($first: Int!, $after: String) {{ {self.field}({asked}) {{ {page} }} }}"


LISTINGS: Final = (
    Listing(
        "intake",
        "petitions",
        "states: [READY]",
        "id trackingCode state stateLabel title category { id name } urgency submittedAt community { id name }"
        " deadlines { kind dueAt }",
        lambda desk: desk.committee,
    ),
    Listing(
        "dispatch",
        "departmentWorkOrders",
        "states: [REPLIED]",
        "id state stateLabel title category request deadlineClass openedAt assignedAt department { id name }"
        " deadlines { kind dueAt }",
        lambda desk: desk.officer,
    ),
    Listing(
        "feedback",
        "petitionsByStage",
        "stage: EVALUATE",
        "trackingCode title stage movedAt petition { id stage stageLabel evaluation { state cycle } }",
        lambda desk: desk.committee,
    ),
)
"""The first is the main figure: what the others' ratio is too depends on how much of the page is the service's work."""


@dataclass(slots=True)
class _Way:
    """One of the two ways, and how long answers took on it, in seconds."""

    session: aiohttp.ClientSession
    url: str
    seconds: list[float] = field(default_factory=list[float])

    async def ask(self, document: str, token: str, variables: Mapping[str, Any]) -> Any:
        """Ask and note the time; return the data.

        :raises LimitError: it was answered with an error.
        """
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = msgspec.json.encode({"query": document, "variables": variables})
        began = time.perf_counter()
        async with self.session.post(self.url, data=body, headers=headers) as response:
            said = await response.read()
        self.seconds.append(time.perf_counter() - began)
        answer = msgspec.json.decode(said)
        if answer.get("errors"):
            raise LimitError(f"{self.url} answered {document}: {answer['errors']}")
        return answer["data"]


async def pages_of_20(
    running: Installation, desks: Sequence[Desk], random: Random, say: Callable[[str], None], *, pairs: int = PAIRS
) -> Mapping[str, PageOf20]:
    """Return how long pages take both ways, by service; the lists must be filled.

    :raises LimitError: nobody has so long a list, or the two ways were answered differently.
    """
    return {each.service: await _compare(running, each, desks, random, say, pairs) for each in LISTINGS}


async def _compare(
    running: Installation,
    listing: Listing,
    desks: Sequence[Desk],
    random: Random,
    say: Callable[[str], None],
    pairs: int,
) -> PageOf20:
    async with AsyncExitStack() as stack:
        direct, gateway = [
            _Way(await stack.enter_async_context(_one_connection()), url)
            for url in (running.direct(listing.service), running.url)
        ]
        places = await _places(direct, listing, desks)
        for nth in range(WARM_UP + pairs):
            if nth == WARM_UP:
                direct.seconds.clear()
                gateway.seconds.clear()
            token, after = random.choice(places)
            variables = {"first": PAGE, "after": after}
            order = (direct, gateway) if nth % 2 else (gateway, direct)
            one, other = [await way.ask(listing.document, token, variables) for way in order]
            if one != other or len(one[listing.field]["edges"]) != PAGE:
                raise LimitError(f"A page of {listing.field} is not the same directly and through the gateway.")
    found = PageOf20(Percentiles.of(direct.seconds), Percentiles.of(gateway.seconds))
    say(f"{listing.field}: {found.ratio:.2f} times as long through the gateway, from {len(places)} places")
    return found


def _one_connection() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=3))


async def _places(way: _Way, listing: Listing, desks: Sequence[Desk]) -> list[tuple[str, str | None]]:
    """Return from where on pages of 20 can be read: readers' tokens, and cursors in their lists.

    :raises LimitError: nowhere.
    """
    places: list[tuple[str, str | None]] = []
    readers = list(dict.fromkeys(map(listing.reader, desks)))
    found = 0
    for token in readers:
        after: str | None = None
        cursors: list[str] = []
        for _ in range(_LOOK_AROUND):
            data = await way.ask(listing.document, token, {"first": 100, "after": after})
            page = data[listing.field]
            cursors += [edge["cursor"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        if len(cursors) >= PAGE:
            places += [(token, None), *((token, cursor) for cursor in cursors[:-PAGE])]
            found += 1
        if found == _ENOUGH:
            break
    if not places:
        raise LimitError(f"Nobody has {PAGE} rows in {listing.field}: live some lives first.")
    return places
