"""Three small subgraphs in the shape of ours: one entity across all, owned by intake.

They answer over HTTP and WebSocket on loopback and keep what they were sent, so that a test can look at the
gateway from the services' side.
"""

import asyncio
import contextlib
import datetime as dt
import enum
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import strawberry
from aiohttp import web
from aiohttp.typedefs import Handler
from graphql import GraphQLError
from strawberry.aiohttp.views import GraphQLView
from strawberry.federation import Schema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from services.kernel.graphql.deprecation import until

FEDERATION = "2.9"
WHEN = dt.datetime(2026, 11, 2, 8, 30, tzinfo=dt.UTC)


@strawberry.enum
class Locale(enum.Enum):
    """Shared: an input in one service and an output in another, so both must list the same values."""

    ZH_CN = "zh-CN"
    EN = "en"
    EN_GB = strawberry.enum_value("en-GB", deprecation_reason=until(dt.date(2027, 12, 1), "Use EN."))


@strawberry.federation.type(shareable=True)
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.federation.type(shareable=True)
class Deadline:
    due: dt.datetime
    locale: Locale

    @strawberry.field
    def label(self, locale: Locale) -> str:
        return f"due in {locale.value}"


@strawberry.federation.type(name="Petition", keys=["id"])
class IntakePetition:
    id: strawberry.ID
    title: str | None
    deadline: Deadline | None

    @strawberry.field
    async def similar(self, first: int = 20) -> "Connection | None":
        return page(first)

    @classmethod
    async def resolve_reference(cls, id: strawberry.ID) -> "IntakePetition | None":
        return None if id == "unknown" else petition(id)


def petition(id: str) -> IntakePetition:
    return IntakePetition(id=strawberry.ID(id), title=f"title {id}", deadline=Deadline(due=WHEN, locale=Locale.EN))


@strawberry.type
class Edge:
    node: IntakePetition
    cursor: str


@strawberry.type
class Connection:
    edges: list[Edge]
    page_info: PageInfo


def page(first: int) -> Connection:
    edges = [Edge(node=petition(f"p{n}"), cursor=str(n)) for n in range(first)]
    return Connection(edges=edges, page_info=PageInfo(has_next_page=False, end_cursor=None))


def header(info: strawberry.Info, name: str) -> str | None:
    connection = info.context["request"]
    params = info.context.get("connection_params") or {}
    return params.get(name) or connection.headers.get(name)


@strawberry.type
class IntakeQuery:
    @strawberry.field
    async def petition(self, id: strawberry.ID, locale: Locale | None = None) -> IntakePetition | None:
        return petition(id)

    @strawberry.field
    async def petitions(self, first: int = 20) -> Connection:
        return page(first)

    @strawberry.field
    async def slow_petition(self, id: strawberry.ID, wait: float) -> IntakePetition | None:
        await asyncio.sleep(wait)
        return petition(id)

    @strawberry.field
    async def who_am_i(self, info: strawberry.Info, wait: float = 0) -> str:
        await asyncio.sleep(wait)
        return header(info, "authorization") or "anonymous"

    @strawberry.field(deprecation_reason=until(dt.date(2027, 12, 1), "Use whoAmI."))
    async def caller(self) -> str | None:
        return "anonymous"

    @strawberry.field
    async def refused(self, code: str) -> str | None:
        extensions = {"code": code, "state": "CLOSED", "allowed": ["REOPEN"]} if code else None
        raise GraphQLError("not from here", extensions=extensions)

    @strawberry.field
    async def crash(self) -> str | None:
        raise RuntimeError("secret detail of the inside")


@strawberry.type
class Renamed:
    petition: IntakePetition
    position: str


OPENS = "right"
"""What opens every petition of the stub."""


@strawberry.input
class SubmitPetitionInput:
    words: str
    locale: Locale = Locale.ZH_CN
    tags: list[str] | None = None
    tag: str | None = strawberry.field(default=None, deprecation_reason=until(dt.date(2027, 12, 1), "Use tags."))
    others: "list[SubmitPetitionInput] | None" = None


@strawberry.input
class OpenPetitionInput:
    tracking_code: str
    secret: str


@strawberry.type
class Opened:
    token: str


@strawberry.type
class IntakeMutation:
    @strawberry.mutation
    async def submit_petition(self, input: SubmitPetitionInput) -> Renamed | None:
        return Renamed(petition=petition("new"), position="intake:new:1")

    @strawberry.mutation
    async def open_petition(self, input: OpenPetitionInput, wait: float = 0) -> Opened | None:
        """Open with `OPENS`; a tracking code "typo" cannot be one, and "away" cannot be looked up."""
        await asyncio.sleep(wait)
        refusals = {"typo": "INVALID_INPUT", "away": "UNAVAILABLE"}
        code = refusals.get(input.tracking_code, "" if input.secret == OPENS else "NOT_FOUND")
        if code:
            raise GraphQLError("not opened", extensions={"code": code})
        return Opened(token="a token")

    @strawberry.mutation
    async def rename(self, id: strawberry.ID, title: str, wait: float = 0) -> Renamed:
        await asyncio.sleep(wait)
        renamed = IntakePetition(id=id, title=title, deadline=None)
        return Renamed(petition=renamed, position="intake:1:7")

    @strawberry.mutation
    async def hang_up(self, info: strawberry.Info) -> str | None:
        info.context["request"].transport.abort()
        return None


@strawberry.type
class Handling:
    as_of: dt.datetime
    deadline: Deadline


@strawberry.federation.type(name="Petition", keys=["id"])
class DispatchPetition:
    id: strawberry.ID

    @strawberry.field
    async def slow_handling(self, wait: float) -> str | None:
        await asyncio.sleep(wait)
        return "handled"

    @strawberry.field
    async def handling(self) -> Handling | None:
        if self.id == "refused":
            raise GraphQLError("not for you", extensions={"code": "FORBIDDEN"})
        return Handling(as_of=WHEN, deadline=Deadline(due=WHEN, locale=Locale.ZH_CN))

    @classmethod
    async def resolve_reference(cls, id: strawberry.ID) -> "DispatchPetition":
        return cls(id=id)


@strawberry.type
class DispatchQuery:
    @strawberry.field
    async def queue(
        self, first: int = 20, ids: list[strawberry.ID] | None = None, locale: Locale = Locale.EN
    ) -> list[DispatchPetition]:
        asked = ids or [strawberry.ID(f"p{n}") for n in range(first)]
        return [DispatchPetition(id=one) for one in asked]

    @strawberry.field
    async def dispatch_caller(self, info: strawberry.Info, wait: float = 0) -> str:
        await asyncio.sleep(wait)
        return header(info, "authorization") or "anonymous"


@strawberry.federation.type(name="Petition", keys=["id"])
class FeedbackPetition:
    id: strawberry.ID

    @strawberry.field
    async def stage(self) -> str | None:
        return f"stage of {self.id}"

    @classmethod
    async def resolve_reference(cls, id: strawberry.ID) -> "FeedbackPetition":
        return cls(id=id)


@strawberry.type
class Event:
    sequence: int
    padding: str
    petition: FeedbackPetition
    caller: str


@strawberry.type
class FeedbackQuery:
    @strawberry.field
    async def stages(self) -> list[FeedbackPetition]:
        return [FeedbackPetition(id=strawberry.ID("p0")), FeedbackPetition(id=strawberry.ID("p1"))]


@strawberry.type
class FeedbackSubscription:
    @strawberry.subscription
    async def timeline(
        self, info: strawberry.Info, id: strawberry.ID, upto: int = 3, hold: bool = False, pause: float = 0
    ) -> AsyncIterator[Event]:
        caller = header(info, "authorization") or "anonymous"
        FEEDBACK_STREAMS.append(caller)
        try:
            for sequence in range(1, upto + 1):
                petition = FeedbackPetition(id=id)
                yield Event(sequence=sequence, petition=petition, caller=caller, padding="x" * 10_000)
                if sequence % 500 == 0 or pause:
                    await asyncio.sleep(pause)
            if hold:
                await asyncio.sleep(60)
        finally:
            FEEDBACK_STREAMS.remove(caller)


FEEDBACK_STREAMS: list[str] = []

SCHEMAS = {
    "intake": Schema(query=IntakeQuery, mutation=IntakeMutation, federation_version=FEDERATION),
    "dispatch": Schema(query=DispatchQuery, federation_version=FEDERATION),
    "feedback": Schema(query=FeedbackQuery, subscription=FeedbackSubscription, federation_version=FEDERATION),
}


async def nothing() -> None:
    return None


@dataclass
class Received:
    """One request as a service saw it."""

    headers: dict[str, str]
    query: str


@dataclass
class Stub:
    """A running subgraph.

    `received` grows by each HTTP request, `hung_up` is set when one was given up by the gateway, and `jwks` is what it
    publishes as an issuer.
    """

    name: str
    url: str
    received: list[Received] = field(default_factory=list[Received])
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    jwks: dict[str, Any] = field(default_factory=lambda: {"keys": []})
    stop: Callable[[], Awaitable[None]] = field(default=nothing)

    def entity_calls(self) -> int:
        return sum("_entities" in one.query for one in self.received)


@contextlib.asynccontextmanager
async def running(name: str, port: int = 0) -> AsyncGenerator[Stub]:
    """Serve one stub on loopback until the block ends."""
    stub = Stub(name=name, url="")

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            query = json.loads(await request.text())["query"]
            headers = {key.lower(): value for key, value in request.headers.items()}
            stub.received.append(Received(headers=headers, query=query))
        try:
            return await handler(request)
        except asyncio.CancelledError:
            stub.hung_up.set()
            raise

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(stub.jwks)

    app = web.Application(middlewares=[record])
    app.router.add_route("*", "/jwks.json", jwks)
    protocols = [GRAPHQL_TRANSPORT_WS_PROTOCOL]
    app.router.add_route("*", "/graphql", GraphQLView(schema=SCHEMAS[name], subscription_protocols=protocols))
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        stub.stop = runner.cleanup
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}/graphql"
        yield stub
    finally:
        await runner.cleanup()
