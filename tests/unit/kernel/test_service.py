"""A service's jobs and connections: a job that fails is said, and starts over; no connection is closed too early."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
import structlog

from deploy.local.settings import ROOT
from services.kernel import service
from services.kernel.service import Role


async def _in_a_group() -> None:
    async def broken() -> None:
        raise LookupError("what is wrong")

    async with asyncio.TaskGroup() as group:
        group.create_task(broken())


async def _by_a_cancellation_of_its_own() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("fails", "error"), [(_in_a_group, "LookupError"), (_by_a_cancellation_of_its_own, "CancelledError")]
)
async def test_a_job_that_fails_starts_over_and_says_what_was_wrong(
    fails: Callable[[], Awaitable[None]], error: str
) -> None:
    runs = 0
    again = asyncio.Event()

    async def job() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await fails()
        again.set()
        await asyncio.Event().wait()

    with structlog.testing.capture_logs() as said:
        running = asyncio.create_task(service._guarded(Role.CONSUMER, job, asyncio.Event()))
        async with asyncio.timeout(10):
            await again.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert [(line["job"], line["error"]) for line in said] == [("consumer", error)]


async def test_a_job_that_fails_while_it_is_told_to_stop_stops() -> None:
    begun = asyncio.Event()

    async def job() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("in the middle of leaving")

    with structlog.testing.capture_logs() as said:
        stopping = asyncio.Event()
        running = asyncio.create_task(service._guarded(Role.CONSUMER, job, stopping))
        await begun.wait()
        async with asyncio.timeout(10):
            await service._stop([running], stopping)
    assert running.done()
    assert len(said) == 1


def test_a_service_keeps_an_unused_connection_far_longer_than_the_gateway_does() -> None:
    gateway = (ROOT / "gateway" / "subgraphs.mjs").read_text()
    [milliseconds] = re.findall(r"^const IDLE_CONNECTION = ([\d_]+);", gateway, re.MULTILINE)
    assert int(milliseconds) / 1000 * 10 <= service.IDLE_SECONDS
