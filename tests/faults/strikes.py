"""Faults that strike at random in a campaign: each of bounded length, each undone by whoever did it."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, to_message
from tests.faults.client import Ledger
from tests.faults.installation import Installation, Replica
from tests.support.district import eventually

LONGEST: Final = 90.0
_MOST_PARTITIONS: Final = 8
_MOST_COPIES: Final = 300
_AGAIN_SECONDS: Final = 0.5
_REVIVE_WITHIN: Final = 60.0

_UNTIL_SECONDS: Final = 3.0

_UNPUBLISHED: Final = "SELECT 1 FROM own.outbox LIMIT 1"
_SOMEBODY_WAITS: Final = """
SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE datname = current_database() AND locktype = 'relation' AND NOT granted LIMIT 1"""

_LOCK_SOME: Final = """
SELECT petition_id FROM own.petition ORDER BY petition_id DESC LIMIT $1 FOR UPDATE SKIP LOCKED"""


class MissedError(Exception):
    """A fault found nobody and nothing that it could strike."""


@dataclass(frozen=True)
class Strike:
    """A fault: what it is called, what no other may touch meanwhile, and what it does until it is over."""

    name: str
    touches: frozenset[str]
    last: Callable[[], Awaitable[None]]


@dataclass
class Arsenal:
    """The faults that can strike an installation, drawn by chance."""

    installation: Installation
    chance: Random
    ledger: Ledger
    busy: set[str] = field(default_factory=set[str])
    """What a strike is touching now; shared by all arsenals of a campaign."""

    def draw(self) -> Strike | None:
        """Return a fault, or None if what it would touch is being touched."""
        kinds = list(KINDS)
        [kind] = self.chance.choices(kinds, [weight for weight, _ in KINDS.values()])
        strike = KINDS[kind][1](self, kind)
        return None if strike.touches & self.busy else strike

    async def strike(self, strike: Strike) -> None:
        """Let a fault last.

        :raises LocalRunError: what it had ended did not come back.
        """
        self.busy |= strike.touches
        try:
            async with asyncio.timeout(LONGEST):
                await strike.last()
        finally:
            self.busy -= strike.touches

    # What strikes replicas

    def _replica(self) -> Replica:
        return self.installation.replica(self.chance.choice(SERVICES), self.chance.choice(("a", "b")))

    def _seconds(self, least: float, most: float) -> float:
        return self.chance.uniform(least, most)

    def replica_killed(self, name: str) -> Strike:
        """SIGKILL a replica, and start it again after a while."""
        replica, away = self._replica(), self._seconds(0, 3)

        async def last() -> None:
            await replica.kill()
            await asyncio.sleep(away)
            await revived(replica)

        return Strike(name, frozenset({replica.service}), last)

    def replica_stopped(self, name: str) -> Strike:
        """SIGTERM a replica, and start it again."""
        replica = self._replica()

        async def last() -> None:
            await replica.stop()
            await revived(replica)

        return Strike(name, frozenset({replica.service}), last)

    def replica_held(self, name: str) -> Strike:
        """SIGSTOP a replica, now and then for so long that its group and its clients give it up; then let it go on."""
        replica, held = self._replica(), self._seconds(0.5, 9)

        async def last() -> None:
            replica.pause()
            await asyncio.sleep(held)
            replica.resume()

        return Strike(name, frozenset({replica.service}), last)

    def relay_killed(self, name: str) -> Strike:
        """SIGKILL the replica whose relay is active: another takes over, perhaps in the middle of a batch."""
        service, away = self.chance.choice(SERVICES), self._seconds(0, 2)

        async def last() -> None:
            replica = await self.installation.active_relay(service) or self.installation.replica(service)
            await replica.kill()
            await asyncio.sleep(away)
            await revived(replica)

        return Strike(name, frozenset({service, "database"}), last)

    def relay_unlocked(self, name: str) -> Strike:
        """End the relays' connections: the active one loses its lock with sends in flight, another takes over."""
        service = self.chance.choice(SERVICES)

        async def last() -> None:
            await self.installation.terminate(service, f"{service}-relay")

        return Strike(name, frozenset({"database"}), last)

    def killed_with_sends_in_flight(self, name: str) -> Strike:
        """Hold the broker still until a relay waits for its word, and SIGKILL that relay's replica."""
        service = self.chance.choice(SERVICES)

        async def last() -> None:
            replica = await self.installation.active_relay(service) or self.installation.replica(service)
            self.installation.pause_broker()
            try:
                await self._until(service, _UNPUBLISHED)
                await replica.kill()
            finally:
                self.installation.resume_broker()
            await revived(replica)

        return Strike(name, frozenset({service, "broker", "database"}), last)

    def unlocked_with_sends_in_flight(self, name: str) -> Strike:
        """Hold the broker still until a relay waits for its word, and let another take over from it."""
        service, taken_over = self.chance.choice(SERVICES), self._seconds(0.7, 2)

        async def last() -> None:
            self.installation.pause_broker()
            try:
                await self._until(service, _UNPUBLISHED)
                await self.installation.terminate(service, f"{service}-relay")
                await asyncio.sleep(taken_over)
            finally:
                self.installation.resume_broker()

        return Strike(name, frozenset({"broker", "database"}), last)

    def killed_in_mid_batch(self, name: str) -> Strike:
        """Keep consumers from the progress table until one waits with a batch in hand, and kill the replicas."""
        return self._killed_at(name, "own.progress")

    def killed_in_mid_command(self, name: str) -> Strike:
        """Keep commands from the table of keys until one waits with its work done, and kill the replicas."""
        return self._killed_at(name, "own.idempotency")

    def _killed_at(self, name: str, table: str) -> Strike:
        service, kills = self.chance.choice(SERVICES), self.chance.random() < 0.7

        async def last() -> None:
            replicas = self.installation.of(service)
            connection = await asyncpg.connect(self.installation.postgres.dsn(service))
            try:
                async with connection.transaction():
                    await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
                    await self._until(service, _SOMEBODY_WAITS)
                    if kills:
                        await asyncio.gather(*(replica.kill() for replica in replicas))
                    else:
                        await self.installation.terminate(service, service)
            finally:
                await connection.close()
                await asyncio.gather(*(revived(replica) for replica in replicas))

        return Strike(name, frozenset({service, "database"}), last)

    async def _until(self, service: str, query: str) -> None:
        """Wait until a query finds something.

        :raises MissedError: where nobody works it never does; what was begun is undone by the caller.
        """
        try:
            await eventually(lambda: self.installation.fetch(service, query), _UNTIL_SECONDS)
        except AssertionError:
            raise MissedError from None

    def service_away(self, name: str) -> Strike:
        """Kill both replicas of a service."""
        service, away = self.chance.choice(SERVICES), self._seconds(0, 4)

        async def last() -> None:
            replicas = self.installation.of(service)
            await asyncio.gather(*(replica.kill() for replica in replicas))
            await asyncio.sleep(away)
            await asyncio.gather(*(revived(replica) for replica in replicas))

        return Strike(name, frozenset({service}), last)

    def gateway_killed(self, name: str) -> Strike:
        """Kill a gateway in the middle of requests."""
        letter, held = self.chance.choice(sorted(self.installation.gateways)), self._seconds(0, 1)

        async def last() -> None:
            gateway = self.installation.gateways[letter]
            gateway.process.send(signal.SIGSTOP)  # what it has asked for is done, and it hears no answer
            await asyncio.sleep(held)
            await gateway.kill()
            await gateway.start()

        return Strike(name, frozenset({f"gateway-{letter}"}), last)

    # What strikes the database

    def connections_ended(self, name: str) -> Strike:
        """End all connections of a service to its database."""
        service = self.chance.choice(SERVICES)

        async def last() -> None:
            await self.installation.terminate(service)

        return Strike(name, frozenset({"database"}), last)

    def rows_locked(self, name: str) -> Strike:
        """Hold the newest petitions' locks for longer than anybody waits for one."""
        service, held, most = self.chance.choice(SERVICES), self._seconds(1, 7), self.chance.randint(1, 50)

        async def last() -> None:
            connection = await asyncpg.connect(self.installation.postgres.dsn(service))
            try:
                async with connection.transaction():
                    await connection.fetch(_LOCK_SOME, most)
                    await asyncio.sleep(held)
            finally:
                await connection.close()

        return Strike(name, frozenset({"database"}), last)

    def database_restarted(self, name: str) -> Strike:
        """Shut the database down, and start it again."""
        away = self._seconds(0, 3)

        async def last() -> None:
            await self.installation.stop_database()
            await asyncio.sleep(away)
            await self.installation.start_database()

        return Strike(name, frozenset({"database"}), last)

    def database_crashed(self, name: str) -> Strike:
        """End the database without a checkpoint: it has to recover."""
        how, away = self.chance.choice((signal.SIGQUIT, signal.SIGKILL)), self._seconds(0, 2)

        async def last() -> None:
            await self.installation.crash_database(how)
            await asyncio.sleep(away)
            await self.installation.start_database()

        return Strike(name, frozenset({"database"}), last)

    # What strikes the broker

    def broker_restarted(self, name: str) -> Strike:
        """Stop the broker, and start it again."""
        away = self._seconds(0, 4)

        async def last() -> None:
            await self.installation.stop_broker()
            await asyncio.sleep(away)
            await self.installation.start_broker()

        return Strike(name, frozenset({"broker"}), last)

    def broker_away_for_long(self, name: str) -> Strike:
        """Keep the broker away for longer than a producer waits."""
        away = self._seconds(17, 20)

        async def last() -> None:
            await self.installation.stop_broker()
            await asyncio.sleep(away)
            await self.installation.start_broker()

        return Strike(name, frozenset({"broker"}), last)

    def broker_killed(self, name: str) -> Strike:
        """SIGKILL the broker: it recovers its logs."""

        async def last() -> None:
            await self.installation.kill_broker()
            await self.installation.start_broker()

        return Strike(name, frozenset({"broker"}), last)

    def broker_held(self, name: str) -> Strike:
        """Hold the broker still, with all connections open."""
        held = self._seconds(0.5, 8)

        async def last() -> None:
            self.installation.pause_broker()
            await asyncio.sleep(held)
            self.installation.resume_broker()

        return Strike(name, frozenset({"broker"}), last)

    def partitions_added(self, name: str) -> Strike:
        """Give a topic one more partition: petitions move to another in the middle of their events."""
        topic = self.installation.topics[self.chance.choice(SERVICES)]

        async def last() -> None:
            now = len(await self.installation.broker.ends(topic))
            if now >= _MOST_PARTITIONS:
                raise MissedError
            await self.installation.broker.add_partitions(topic, now + 1)

        return Strike(name, frozenset({"broker"}), last)

    # What strikes consumers

    def group_rebalanced(self, name: str) -> Strike:
        """Join a service's group for a while, take partitions, and leave without having done anything."""
        service, stays = self.chance.choice(SERVICES), self._seconds(0.5, 3)
        followed = [topic for other, topic in self.installation.topics.items() if other != service]

        async def last() -> None:
            guest: Any = AIOKafkaConsumer(
                *followed,
                bootstrap_servers=self.installation.kafka.bootstrap,
                group_id=self.installation.place.group(service),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            try:
                await guest.start()
                await asyncio.sleep(stays)
            finally:
                await guest.stop()

        return Strike(name, frozenset({"broker"}), last)

    def partition_replayed(self, name: str) -> Strike:
        """Set a service back to the beginning of a partition."""
        service = self.chance.choice(SERVICES)

        async def last() -> None:
            replicas = self.installation.of(service)
            try:
                await asyncio.gather(*(replica.stop() for replica in replicas))
                places = sorted(await self.installation.broker.committed(service))
                if places:
                    await self.installation.broker.rewind(service, self.chance.choice(places))
            finally:
                await asyncio.gather(*(revived(replica) for replica in replicas))

        return Strike(name, frozenset({service, "broker"}), last)

    def published_again(self, name: str) -> Strike:
        """Append copies of events to the partitions that they lie in, in any order."""
        topic = self.installation.topics[self.chance.choice(SERVICES)]

        async def last() -> None:
            lying = [m for m in await self.installation.broker.messages(topic) if "ce_source" in m.header]
            if not lying:
                raise MissedError
            copies = self.chance.sample(lying, min(len(lying), _MOST_COPIES))
            self.chance.shuffle(copies)
            for partition in {m.partition for m in copies}:
                these = ((m.key, m.value, m.headers) for m in copies if m.partition == partition)
                await self.installation.broker.publish(topic, *these, partition=partition)

        return Strike(name, frozenset({"broker"}), last)

    def nonsense_published(self, name: str) -> Strike:
        """Publish what is no event."""
        topic, service = self._topic()

        async def last() -> None:
            ends = await self.installation.broker.ends(topic)
            partition = self.chance.choice(sorted(part for _, part in ends))
            nonsense = self.chance.choice((b"", b"{", b"\xff\xfe", b"null"))
            key = f"{service}-{uuid4()}".encode()
            await self.installation.broker.publish(topic, (key, nonsense, [("ce_id", b"x")]), partition=partition)
            for lying in await self.installation.broker.messages(topic):
                if lying.key == key:
                    self.ledger.foreign.add(f"{topic}/{lying.partition}/{lying.offset}")

        return Strike(name, frozenset({"broker"}), last)

    def wrong_event_published(self, name: str) -> Strike:
        """Publish an event of a petition that nobody knows: unknown type or version, wrong data, against a rule."""
        topic, service = self._topic()
        petition, event = uuid4(), uuid4()
        known = {
            "intake": ("petition.readied", b"{}"),
            "dispatch": ("work_order.reply_returned", b'{"by": 1}'),
            "feedback": (
                "petition.reopened",
                f'{{"by":{{"role":"system","subject":"system"}},"caseId":"{uuid4()}","newCycle":2,'
                f'"cause":"NOT_SOLVED","supervised":false}}'.encode(),
            ),
        }
        type_name, data = known[service]
        schema = catalogue.dataschema(Source(service), type_name)
        match self.chance.randrange(3):
            case 0:
                type_name = "petition.teleported"
            case 1:
                schema = schema.replace(":v1", ":v9")
            case _:
                pass
        self.ledger.foreign.add(petition)

        async def last() -> None:
            now = datetime.fromisoformat("2026-11-24T02:00:00+00:00")
            envelope = Envelope(
                id=event,
                source=Source(service),
                type=type_name,
                subject=str(petition),
                time=now,
                recorded=now,
                dataschema=schema,
                sequence=1,
                seen={},
                correlation="campaign",
                causation="campaign",
                cycle=1,
                street="huangtupo",
                community="community-73",
            )
            await self.installation.broker.publish(topic, to_message(envelope, data))

        return Strike(name, frozenset({"broker"}), last)

    def _topic(self) -> tuple[str, str]:
        service = self.chance.choice(SERVICES)
        return self.installation.topics[service], service


async def revived(replica: Replica) -> None:
    """Start a replica, and again for as long as what it needs is away.

    :raises LocalRunError: it does not come up.
    """
    async with asyncio.timeout(_REVIVE_WITHIN):
        while not replica.running:
            with contextlib.suppress(LocalRunError):
                await replica.start(ready=False)
                return
            await asyncio.sleep(_AGAIN_SECONDS)


Kind = Callable[[Arsenal, str], Strike]
KINDS: Final[dict[str, tuple[float, Kind]]] = {
    "a replica killed": (4, Arsenal.replica_killed),
    "a replica stopped and started": (3, Arsenal.replica_stopped),
    "a replica held still": (5, Arsenal.replica_held),
    "the active relay's replica killed": (2, Arsenal.relay_killed),
    "the relay's lock lost": (3, Arsenal.relay_unlocked),
    "killed with sends in flight": (6, Arsenal.killed_with_sends_in_flight),
    "the lock lost with sends in flight": (4, Arsenal.unlocked_with_sends_in_flight),
    "killed in mid-batch": (6, Arsenal.killed_in_mid_batch),
    "killed in mid-command": (4, Arsenal.killed_in_mid_command),
    "a service away": (2, Arsenal.service_away),
    "a gateway killed": (1.5, Arsenal.gateway_killed),
    "database connections ended": (4, Arsenal.connections_ended),
    "petitions locked by somebody": (2, Arsenal.rows_locked),
    "the database restarted": (2, Arsenal.database_restarted),
    "the database crashed": (2, Arsenal.database_crashed),
    "the broker restarted": (2, Arsenal.broker_restarted),
    "the broker killed": (2, Arsenal.broker_killed),
    "the broker held still": (3, Arsenal.broker_held),
    "the broker away for long": (0.5, Arsenal.broker_away_for_long),
    "a partition added": (0.7, Arsenal.partitions_added),
    "a group rebalanced": (4, Arsenal.group_rebalanced),
    "a partition replayed": (2, Arsenal.partition_replayed),
    "events published again": (2, Arsenal.published_again),
    "nonsense published": (2, Arsenal.nonsense_published),
    "a wrong event published": (2, Arsenal.wrong_event_published),
}
"""Every fault, with how often it is drawn."""

FAILURES: Final[tuple[type[Exception], ...]] = (LocalRunError, KafkaError, asyncpg.PostgresError, OSError, TimeoutError)
"""What a strike may itself fail of, when another one has taken away what it needs."""
