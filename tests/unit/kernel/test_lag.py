"""The lag of a consumer is told for as long as it consumes, whatever goes wrong with the asking."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from structlog.testing import capture_logs

from services.kernel import lag
from services.kernel.lag import Lag
from tests.support.district import eventually


async def test_an_unforeseen_error_is_logged_and_the_lag_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "_EVERY_SECONDS", 0.01)
    consumer: Any = AIOKafkaConsumer()  # one that was never started cannot be asked, and says so with no broker's error
    consumer.assign([TopicPartition("petition.intake.v1", 0)])
    with capture_logs() as logs:
        watching = asyncio.create_task(Lag("intake", "", ["petition.intake.v1"], {}).watch(consumer))

        async def twice() -> bool:
            return len([line for line in logs if line["event"] == "lag unknown"]) >= 2

        try:
            await eventually(twice)
            assert {line["log_level"] for line in logs} == {"error"}
            assert not watching.done()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await consumer.stop()
