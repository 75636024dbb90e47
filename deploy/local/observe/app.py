"""What listens in a local run: exports of traces come in, the page and its data go out. On loopback alone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.local.demo.words import Language
from deploy.local.observe import page
from deploy.local.observe.receiver import receiving
from deploy.local.observe.scrapes import Row, Scraper, rows
from deploy.local.observe.store import Span, Store, Trace

LATEST: Final = 30
_COOKIE: Final = "language"


class Told(msgspec.Struct, frozen=True):
    """What the terminal asks for: the figures by process, and traces by their spans."""

    names: list[str]
    rows: list[Row]
    traces: list[list[Span]]


def observing(store: Store, scraper: Scraper, find: Callable[[str], Awaitable[str | None]]) -> Starlette:
    """Return the app; `find` returns the id of a petition that is asked for by its id or tracking code."""
    names = list(scraper.histories)

    async def wanted(request: Request) -> list[Trace]:
        petition = request.query_params.get("petition", "").strip()
        if not petition:
            return store.latest(LATEST)
        known = await find(petition)
        return store.about(known) if known else []

    async def home(request: Request) -> Response:
        petition = request.query_params.get("petition", "").strip()
        figures = rows(scraper.histories)
        return _said(page.overview(figures, names, await wanted(request), _language(request), petition))

    async def trace(request: Request) -> Response:
        found = store.find(request.path_params["id"])
        if found is None:
            return Response("This trace is not kept, or not any more.", 404)
        return _said(page.one(found, _language(request)))

    async def data(request: Request) -> Response:
        told = Told(names, rows(scraper.histories), [trace.ordered for trace in await wanted(request)])
        return Response(msgspec.json.encode(told), media_type="application/json")

    async def language(request: Request) -> Response:
        response = RedirectResponse("/", 303)
        chosen = "zh" if request.path_params["code"] == "zh" else "en"
        response.set_cookie(_COOKIE, chosen, httponly=True, samesite="strict")
        return response

    async def style(_request: Request) -> Response:
        return Response(page.STYLE, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})

    async def ready(_request: Request) -> Response:
        return Response("ready")

    @asynccontextmanager
    async def scraping(_app: Starlette) -> AsyncGenerator[None]:
        task = asyncio.create_task(scraper.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return Starlette(
        routes=[
            receiving(store),
            Route("/", home),
            Route("/traces/{id}", trace),
            Route("/data", data),
            Route("/language/{code}", language),
            Route("/style.css", style),
            Route("/readyz", ready),
        ],
        lifespan=scraping,
    )


def _said(html: str) -> Response:
    headers = {
        "Content-Security-Policy": page.POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, headers=headers)


def _language(request: Request) -> Language:
    chosen = request.cookies.get(_COOKIE) or request.headers.get("accept-language", "")
    return Language(chinese=chosen.lower().startswith("zh"))
