"""Whether a broker is reachable: it must answer, not only be connected to."""

import asyncio

import pytest

from deploy.local.ports import free_port
from services.kernel.kafka import Broker, reachable

ANSWERS = b"\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(("says", "is_reachable"), [(ANSWERS, True), (b"", False)], ids=["answers", "hangs"])
async def test_a_broker_is_reachable_when_it_answers(says: bytes, is_reachable: bool) -> None:
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(says)
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await reachable(Broker(f"127.0.0.1:{free_port()},127.0.0.1:{port}")) is is_reachable
        over.set()


async def test_a_broker_that_hangs_up_is_not() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        assert not await reachable(Broker(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
