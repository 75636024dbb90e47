"""Traces that cost nothing when nobody keeps them, and harm nobody when their collector does not answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from opentelemetry import trace

from deploy.local.ports import free_port
from services.kernel import metrics, tracing
from services.kernel.tracing import NO_TRACES, Tracing

KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@asynccontextmanager
async def traces(endpoint: str, ratio: float = 1.0) -> AsyncGenerator[Tracing]:
    made = Tracing(f"test-{uuid4().hex[:8]}", endpoint=endpoint, ratio=ratio)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture(scope="module")
async def away() -> AsyncIterator[Tracing]:
    async with traces(f"http://127.0.0.1:{free_port()}/v1/traces") as made:
        yield made


def lost(made: Tracing) -> float:
    return metrics.SPANS_LOST.labels(made.service)._value.get()


async def test_a_request_is_traced_as_its_caller_decided(away: Tracing) -> None:
    with away.request("petition", KEPT):
        assert (tracing.traceparent() or "").startswith("00-0af7651916cd43dd8448eb211c80319c-")
    with away.request("petition", NOT_KEPT):
        assert tracing.traceparent() is None
        with away.step("step acceptPetition"):
            assert tracing.traceparent() is None
    with away.request("petition", None):
        assert tracing.traceparent() is not None


@pytest.mark.parametrize("bad", ["", "x", "00-zz-zz-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "1" * 500])
async def test_a_header_that_is_none_is_no_harm(away: Tracing, bad: str) -> None:
    with away.request("petition", bad):
        pass


async def test_what_begins_here_is_kept_by_the_ratio() -> None:
    async with traces(f"http://127.0.0.1:{free_port()}/v1/traces", ratio=0) as made:
        with made.request("petition", None):
            assert tracing.traceparent() is None
        with made.step("time clock", root=True):
            assert tracing.traceparent() is None
        with made.request("petition", KEPT):
            assert tracing.traceparent() is not None


async def test_an_event_is_told_when_its_transaction_has_ended_and_not_when_it_was_rolled_back(away: Tracing) -> None:
    headers = [("ce_id", b"1"), ("traceparent", KEPT.encode())]
    began: list[trace.Span] = []
    with away.transaction():
        with away.event("petition.readied", headers, dict):
            began.append(trace.get_current_span())
            assert (tracing.traceparent() or "").startswith("00-0af7651916cd43dd8448eb211c80319c-")
        assert began[0].is_recording()
    assert not began[0].is_recording()

    def rolled_back() -> None:
        with away.transaction():
            with away.event("petition.readied", headers, dict):
                began.append(trace.get_current_span())
            raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        rolled_back()
    assert began[1].is_recording()  # never ended, so never told


async def test_an_event_that_nobody_traces_costs_no_span(away: Tracing) -> None:
    def asked() -> tracing.Attributes:
        raise AssertionError("nobody needs to know")

    with away.transaction(), away.event("petition.readied", [("traceparent", NOT_KEPT.encode())], asked):
        assert tracing.traceparent() is None
    with away.transaction(), away.event("petition.readied", [], asked):
        assert tracing.traceparent() is None
    with NO_TRACES.transaction(), NO_TRACES.event("petition.readied", [("traceparent", KEPT.encode())], asked):
        assert tracing.traceparent() is None


async def test_a_collector_that_is_away_costs_spans_and_no_time() -> None:
    async with traces(f"http://127.0.0.1:{free_port()}/v1/traces") as made:
        began = time.perf_counter()
        for _ in range(100):
            with made.request("petition", KEPT):
                pass
        assert time.perf_counter() - began < 1
    assert lost(made) == 100


async def test_every_span_of_a_burst_is_counted_when_its_collector_is_away() -> None:
    async with traces(f"http://127.0.0.1:{free_port()}/v1/traces") as made:
        for _ in range(6_000):
            with made.request("petition", KEPT):
                pass
    assert lost(made) == 6_000


async def test_a_collector_that_hangs_holds_nobody_up_not_even_the_end() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with traces(f"http://127.0.0.1:{port}/v1/traces") as made:
        began = time.perf_counter()
        for _ in range(3_000):  # more than the queue holds
            with made.request("petition", KEPT):
                pass
        assert time.perf_counter() - began < 3
        assert lost(made) >= 3_000 - 2_048  # what did not fit is counted at once
        began = time.perf_counter()
    assert time.perf_counter() - began < 8
    assert lost(made) == 3_000
    server.close()
    await server.wait_closed()


async def test_a_line_of_the_log_names_the_trace_that_it_belongs_to(away: Tracing) -> None:
    assert tracing.identify(None, "info", {"event": "x"}) == {"event": "x"}
    with away.request("petition", KEPT) as span:
        line = tracing.identify(None, "info", {"event": "x"})
    assert line["trace_id"] == KEPT[3:35]
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"


async def test_an_exception_leaves_its_words_out_of_the_trace(away: Tracing) -> None:
    with pytest.raises(ValueError, match="13800138000"), away.request("petition", KEPT) as span:
        raise ValueError("13800138000")
    assert not span.events  # pyright: ignore[reportAttributeAccessIssue]
