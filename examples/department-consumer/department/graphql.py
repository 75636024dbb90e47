"""GraphQL: the feed for whoever has no Kafka or misses something, and the answers."""

from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from department.event import Batch, Place, from_node

OPERATIONS = Path(__file__).parent / "operations"
"""What is sent, word for word as the product registers it: an installation may answer nothing else."""

PASSING = frozenset({"UNAVAILABLE", "RATE_LIMITED", "INTERNAL", "UNAUTHENTICATED"})
"""What is tried again: a service is away, too much at once, a fault of theirs, or a token that ended and is renewed."""


class Refused(Exception):
    """What was asked for was refused; `state` is where the thing stands, if that is why."""

    def __init__(self, code: str, message: str, state: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.state = code, state


class ComeAgain(Exception):
    """It may work later: after so many seconds, if they are known."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class GraphQL:
    """The one endpoint; the token is read anew for each request, so that it can be renewed under a running program."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token_file: Path) -> None:
        self._session, self._url, self._token_file = session, url, token_file

    async def feed(self, department: str, after: str | None) -> Batch:
        """Return a page of the feed behind a cursor.

        :raises Refused: this token does not read it, or the cursor is of another feed.
        :raises ComeAgain: not now.
        """
        found = await self._ask("feed", department=department, after=after)
        known: dict[str, Any] | None = found["department"]
        feed: dict[str, Any] | None = known and known["feed"]
        if feed is None:
            raise Refused("NOT_FOUND", f"there is no feed of {department} for this token")
        events = [from_node(edge["node"]) for edge in feed["edges"]]
        return Batch(events, Place(cursor=feed["pageInfo"]["endCursor"]), at_end=not feed["pageInfo"]["hasNextPage"])

    async def act(self, mutation: str, given: dict[str, Any], key: str) -> None:
        """Send a mutation; with the same key it is done once, however often it is sent.

        :raises Refused: it cannot be done.
        :raises ComeAgain: not now.
        """
        await self._ask(mutation, input={**given, "idempotencyKey": key})

    async def _ask(self, operation: str, **variables: Any) -> Any:
        document = (OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8")
        try:
            headers = {"Authorization": f"Bearer {self._token_file.read_text().strip()}"}
        except OSError as error:  # as while it is renewed
            raise ComeAgain(f"TOKEN_FILE cannot be read: {error}") from error
        body = {"query": document, "variables": variables}
        try:
            async with self._session.post(self._url, json=body, headers=headers) as response:
                status, text = response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ComeAgain(f"{self._url}: {error or type(error).__name__}") from error
        try:
            answer = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ComeAgain(f"{self._url} answered with status {status}, and no JSON") from error
        if errors := answer.get("errors"):
            said = errors[0].get("extensions", {})
            code, message = said.get("code", "INTERNAL"), errors[0]["message"]
            if code in PASSING:
                raise ComeAgain(f"{code}: {message}", said.get("retryAfterSeconds"))
            raise Refused(code, message, said.get("state"))
        return answer["data"]
