"""Services that answer from memory what they have answered before, so that only the gateway has work to do.

The first time a question is put, the real service answers it; whoever puts it again, byte by byte with the same token,
gets the same bytes. What a planner asks of the services can be counted there too.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web

from deploy.local.ports import LOOPBACK

_PASSED_ON: Final = (
    "authorization",
    "accept-language",
    "content-type",
    "read-after",
    "read-after-deadline",
    "x-request-id",
)


@dataclass
class Remembering:
    """A memory before one service; `asked` grows by each body, `new` counts those it had to pass on."""

    service: str
    session: aiohttp.ClientSession
    url: str = ""
    asked: list[bytes] = field(default_factory=list[bytes])
    new: int = 0
    _answers: dict[tuple[bytes, str], bytes] = field(default_factory=dict[tuple[bytes, str], bytes])

    @property
    def known(self) -> Mapping[str, str]:
        """What was answered, by the body that asked; of several callers' the last."""
        return {body.decode(): answer.decode() for (body, _), answer in self._answers.items()}

    async def answer(self, request: web.Request) -> web.Response:
        """Answer from memory, or as the service does."""
        body = await request.read()
        self.asked.append(body)
        key = body, request.headers.get("authorization", "")
        answer = self._answers.get(key)
        if answer is None:
            headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
            async with self.session.post(self.service, data=body, headers=headers) as response:
                answer = self._answers[key] = await response.read()
            self.new += 1
        return web.Response(body=answer, content_type="application/json")


@asynccontextmanager
async def remembering(services: Mapping[str, str]) -> AsyncGenerator[Mapping[str, Remembering]]:
    """Serve a memory before each service, given by name and GraphQL address."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        memories: dict[str, Remembering] = {}
        for name, service in services.items():
            memory = memories[name] = Remembering(service, session)
            app = web.Application(client_max_size=2**20)
            app.router.add_post("/graphql", memory.answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, LOOPBACK, 0).start()
            memory.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/graphql"
        yield memories
