"""The relay: one that lost its lock sends late, one send fails among others."""

import asyncio
from collections.abc import Collection
from uuid import UUID

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.broker import Lying, early
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation, Replica
from tests.faults.load import accept, file, load
from tests.faults.sabotage import Act, Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]

_FETCHED = """
SELECT 1 FROM pg_stat_activity WHERE datname = 'intake' AND application_name = 'intake-relay'
AND query LIKE '%relay.lowest%' AND state = 'idle' AND query_start > $1"""


async def test_a_relay_that_lost_its_lock_sends_late_and_changes_nothing(client: Client) -> None:
    installation = client.installation
    zombie: Replica = await eventually(lambda: installation.active_relay("intake"))
    [heir] = [replica for replica in installation.of("intake") if replica is not zombie]
    client.urls = [installation.gateways[heir.letter].url]
    zombie.pause()
    # So many that not all of them fit into the one request that is in flight to the broker: the rest is sent later.
    petitions = [await file(client) for _ in range(60)]
    [row] = await installation.admin("SELECT clock_timestamp() AS now")
    installation.pause_broker()
    zombie.resume()
    await eventually(lambda: installation.admin(_FETCHED, row["now"]))
    zombie.pause()
    await installation.terminate("intake", "intake-relay")
    installation.resume_broker()
    await eventually(lambda: _published(installation))
    for petition in petitions:
        await accept(client, petition)
    await eventually(lambda: _published(installation))
    zombie.resume()
    await eventually(lambda: _late(installation, petitions))
    client.urls = None
    await nothing_lost(client)


async def _published(installation: Installation) -> bool:
    return not await installation.fetch("intake", "SELECT 1 FROM own.outbox LIMIT 1")


async def _late(installation: Installation, petitions: Collection[str]) -> list[Lying]:
    """Return messages about petitions that lie behind a later one of the same petition."""
    newest: dict[str, int] = {}
    late: list[Lying] = []
    for message in await installation.broker.messages(installation.topics["intake"]):
        if message.about in petitions:
            sequence = int(message.header["ce_sequence"])
            late += [message] if sequence < newest.get(message.about, 0) else []
            newest[message.about] = max(sequence, newest.get(message.about, 0))
    return late


async def test_one_send_that_fails_among_others_is_made_again_and_nothing_takes_effect_before_it(
    client: Client, orders: dict[str, Orders]
) -> None:
    known = await _early(client.installation)
    await _with_failing_sends(client, orders, Act.REFUSE)
    came = await _early(client.installation) - known
    assert came  # what was acknowledged behind it lies before it; who reads them parks them until it comes
    client.ledger.early.update(came)
    await nothing_lost(client)


async def test_one_send_whose_acknowledgement_is_lost_among_others_has_no_effect_twice(
    client: Client, orders: dict[str, Orders]
) -> None:
    await _with_failing_sends(client, orders, Act.SILENCE)
    await nothing_lost(client)


async def _with_failing_sends(client: Client, orders: dict[str, Orders], act: Act) -> None:
    for service in SERVICES:
        orders[service].give(Point.WHILE_PUBLISHING, act)
    async with load(client) as running:
        await asyncio.gather(*(eventually(orders[service].taken) for service in SERVICES))
        await running.more(20)


async def _early(installation: Installation) -> set[UUID]:
    return early(await installation.broker.messages(*installation.topics.values()))
