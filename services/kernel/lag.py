"""How far a consumer is behind the ends of its topics: asked of the broker beside the consuming, so that one that is
stuck is seen to be."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

import structlog

from services.kernel import metrics
from services.kernel.db import describe
from services.kernel.kafka import BrokerError, Consumer

log = structlog.get_logger()

_EVERY_SECONDS: Final = 5.0
_ANSWERS_WITHIN: Final = 5.0


class _Partition(Protocol):
    topic: str


class Lag:
    """Tells the lag of one consumer until it is cancelled.

    `reached` is where in each partition what has taken effect ends; the consumer writes it.
    """

    def __init__(self, service: str, prefix: str, topics: Sequence[str], reached: Mapping[Any, int]) -> None:
        self._service = service
        self._prefix = prefix
        self._topics = topics
        self._reached = reached

    async def watch(self, consumer: Consumer) -> NoReturn:
        """Ask every five seconds; whatever goes wrong with it is logged and leaves the last figures as they were."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                async with asyncio.timeout(_ANSWERS_WITHIN):
                    self._tell(await self._behind(consumer))
            except (BrokerError, OSError, TimeoutError) as error:
                log.info("lag unknown", error=describe(error))
            except Exception:
                log.exception("lag unknown")  # of no known kind: nobody awaits this, so that it would end unseen

    async def _behind(self, consumer: Consumer) -> Mapping[str, int]:
        inner: Any = consumer  # two more of its calls, used here alone
        behind: Counter[str] = Counter()
        assigned: set[Any] = inner.assignment()
        ends: Mapping[_Partition, int] = await inner.end_offsets(list(assigned)) if assigned else {}
        for partition, end in ends.items():
            place = self._reached.get(partition)
            behind[partition.topic] += max(0, end - (await inner.position(partition) if place is None else place))
        return behind

    def _tell(self, behind: Mapping[str, int]) -> None:
        for topic in self._topics:  # also one of which this process has no partition any more
            gauge = metrics.LAG.labels(self._service, topic.removeprefix(self._prefix))
            gauge.set(behind.get(topic, 0))
