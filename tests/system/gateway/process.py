"""Start, ask and stop a gateway process."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local.node import find_node

GATEWAY = Path(__file__).parents[3] / "gateway"
NODE = find_node(Path(os.environ["NODE"]) if "NODE" in os.environ else None)


async def until(condition: Callable[[], bool]) -> None:
    """Wait a little for something that another process does."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing in this process could set an event
            await asyncio.sleep(0.01)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    data: Any
    errors: list[dict[str, Any]]

    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


@dataclass
class Gateway:
    """A running gateway; `logs` holds the lines it has written."""

    process: Process
    session: aiohttp.ClientSession
    root: str = ""
    logs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def url(self) -> str:
        return f"{self.root}/graphql"

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, token: str | None = None, **headers: str
    ) -> Answer:
        """Post a query; keyword arguments become headers (`read_after` is Read-After)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        body = {"query": query, "variables": variables or {}}
        async with self.session.post(self.url, json=body, headers=sent) as response:
            answer = await response.json(content_type=None)
            received = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, received, answer.get("data"), answer.get("errors", []))

    async def logged(self, **fields: str) -> dict[str, Any]:
        """Wait for a log line with these fields."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.logs if fields.items() <= line.items()]

        await until(lambda: bool(found()))
        return found()[0]

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def started(session: aiohttp.ClientSession, settings: dict[str, str]) -> AsyncGenerator[Gateway]:
    """Run a gateway on a free port until the block ends; it must then stop cleanly unless it already has."""
    environment = {"PATH": os.environ["PATH"], "GATEWAY_PORT": "0"} | settings
    process = await asyncio.create_subprocess_exec(
        NODE.program, GATEWAY / "start.mjs", env=environment, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    gateway = Gateway(process, session)
    first = await asyncio.wait_for(process.stdout.readline(), 30)
    if not first:
        raise AssertionError((await process.stderr.read()).decode())
    gateway.logs.append(json.loads(first))
    gateway.root = f"http://{gateway.logs[0]['host']}:{gateway.logs[0]['port']}"
    reading = asyncio.create_task(read_logs(process.stdout, gateway))
    try:
        yield gateway
    finally:
        if process.returncode is None:
            await gateway.stop()
        await reading
        complaints = (await process.stderr.read()).decode()
    assert process.returncode == 0, complaints
    assert complaints == ""


async def read_logs(stdout: asyncio.StreamReader, gateway: Gateway) -> None:
    async for line in stdout:
        gateway.logs.append(json.loads(line))


def compose(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [NODE.program, GATEWAY / "compose.mjs", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start_and_fail(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a gateway that is expected to refuse its settings."""
    command = [NODE.program, GATEWAY / "start.mjs"]
    environment = {"PATH": os.environ["PATH"]} | settings
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
