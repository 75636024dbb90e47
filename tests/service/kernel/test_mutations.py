"""Deciding without a lock: what it costs, and that nothing is decided on what is no longer so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from services.contracts.event import SYSTEM
from services.intake.commands.answers import Changed
from services.intake.domain import followers
from services.intake.store import petitions
from services.kernel.access import Actor
from services.kernel.ids import PetitionId
from services.kernel.mutation import Request
from services.kernel.transaction import Transaction
from tests.support.district import MORNING, District
from tests.support.people import FOLLOW, LISTEN, Filed, People

Command = Callable[[Transaction], Awaitable[Changed]]

_SOMEBODY = Actor("somebody", frozenset())


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


def _own(statements: list[str]) -> list[str]:
    """Return the names of the statements that are a mutation's own; the service's jobs go on beside it."""
    first = [statement.strip().splitlines()[0].removeprefix("-- ") for statement in statements]
    return [name.partition(":")[0] for name in first if name.startswith(("petitions.", "mutation.", "BEGIN", "COMMIT"))]


async def _run(people: People, key: str, command: Command) -> Changed:
    runtime: Any = people.district.intake.runtime
    request = Request(_SOMEBODY, "followPetition", {}, key, f"request-of-{key}")
    return await runtime.mutations.run(request, Changed, command, only_decides=True)


async def _followed(tx: Transaction, filed: Filed, by: str) -> Changed:
    petition = await petitions.lock(tx, PetitionId(UUID(filed.id)))
    decision = followers.follow(petition, by, by=SYSTEM)
    assert decision is not None
    return Changed(await petitions.save(tx, petition, decision, now=MORNING))


def _overtaken(people: People, filed: Filed, *, reads_again: bool = False) -> tuple[Command, list[bool]]:
    """Return a command that somebody else overtakes at its first attempt, and which of its attempts had a lock."""
    tried: list[bool] = []

    async def command(tx: Transaction) -> Changed:
        petition = await petitions.lock(tx, PetitionId(UUID(filed.id)))
        if not tried:
            (await people.do(FOLLOW, "representative", petitionId=filed.id)).ok()
        tried.append(tx.unlocked is None)
        if reads_again:
            await petitions.lock(tx, petition.head.id)
        decision = followers.follow(petition, "late", by=SYSTEM)
        assert decision is not None
        return Changed(await petitions.save(tx, petition, decision, now=MORNING))

    return command, tried


async def test_a_mutation_is_two_statements_and_no_transaction(people: People) -> None:
    filed = await people.file()
    (await people.accept(filed)).ok()
    intake = people.district.intake
    start = len(intake.statements)
    said = {"petitionId": filed.id, "said": "商户反映管道堵了三天", "idempotencyKey": "a key of this test"}
    (await people.do(LISTEN, "representative", **said)).ok()
    assert _own(intake.statements[start:]) == ["petitions.lock_unlocked", "petitions.save"]
    (await people.do(LISTEN, "representative", **said)).ok()
    assert (await intake.acts(filed.id)).count("petition.listened") == 1
    assert len(await intake.fetch("SELECT FROM own.idempotency WHERE key = $1", said["idempotencyKey"])) == 1


async def test_who_was_overtaken_decides_again_with_a_lock_on_what_is_so_then(people: People) -> None:
    filed = await people.file()
    command, tried = _overtaken(people, filed)
    changed = await _run(people, "overtaken once", command)
    assert tried == [False, True]
    first, second = changed.petition.head.scope.followers
    assert (first != "late", second) == (True, "late")
    acts = await people.district.intake.acts(filed.id)
    assert acts == ["petition.submitted", "petition.followed", "petition.followed"]
    stored = await people.district.intake.fetch("SELECT followers FROM own.petition WHERE petition_id = $1", filed.id)
    assert stored == [{"followers": [first, "late"]}]


async def test_who_reads_again_and_finds_another_version_was_overtaken_too(people: People) -> None:
    filed = await people.file()
    command, tried = _overtaken(people, filed, reads_again=True)
    changed = await _run(people, "reads it twice", command)
    assert tried == [False, True]
    assert len(changed.petition.head.scope.followers) == 2


async def test_of_many_who_decide_at_once_nobody_is_lost(people: People) -> None:
    filed = await people.file()
    names = [f"representative-{n}" for n in range(8)]
    await asyncio.gather(
        *(_run(people, f"{name} follows", lambda tx, by=name: _followed(tx, filed, by)) for name in names)
    )
    stored = await people.district.intake.fetch(
        "SELECT followers, sequence FROM own.petition WHERE petition_id = $1", filed.id
    )
    assert sorted(stored[0]["followers"]) == names
    assert (await people.district.intake.events(filed.id)).count("petition.followed") == len(names)
    assert stored[0]["sequence"] == len(await people.district.intake.events(filed.id))


async def test_what_writes_more_than_its_decision_is_not_done_without_a_lock(people: People) -> None:
    filed = await people.file()

    async def writes(tx: Transaction) -> Changed:
        await tx.connection.execute("DELETE FROM own.original WHERE petition_id = $1", filed.id)
        return await _followed(tx, filed, "nobody")

    async def decides_twice(tx: Transaction) -> Changed:
        await _followed(tx, filed, "one")
        return await _followed(tx, filed, "two")

    async def writes_by_fetching(tx: Transaction) -> Changed:
        await tx.connection.fetchval("DELETE FROM own.original WHERE petition_id = $1 RETURNING 1", filed.id)
        return await _followed(tx, filed, "nobody")

    async def locks(tx: Transaction) -> Changed:
        await tx.connection.fetch("SELECT FROM own.petition WHERE petition_id = $1 FOR NO KEY UPDATE", filed.id)
        return await _followed(tx, filed, "nobody")

    async def decides_without_reading(tx: Transaction) -> Changed:
        changed = await _followed(tx, filed, "nobody")
        assert tx.unlocked is not None
        tx.unlocked.versions.clear()
        return changed

    for nth, command in enumerate((writes, writes_by_fetching, locks, decides_twice, decides_without_reading)):
        with pytest.raises(RuntimeError, match="transaction that locks"):
            await _run(people, f"too much, {nth}", command)
    assert await people.district.intake.events(filed.id) == await _events_of_filing(people)
    assert len(await people.district.intake.fetch("SELECT FROM own.original WHERE petition_id = $1", filed.id)) == 1


async def _events_of_filing(people: People) -> list[str]:
    return await people.district.intake.events((await people.file()).id)
