"""A pool that others hold cannot stop the inbox: what the rules keep in memory is read before the transaction."""

import asyncio
from uuid import uuid4

import pytest

from services.contracts.dispatch import PetitionReplied
from services.contracts.event import SYSTEM
from services.contracts.vocabulary import Source
from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.people import People
from tests.support.publish import Voice


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def test_events_and_a_storm_of_commands_on_one_petition_get_along(people: People) -> None:
    filed = await people.ready()
    voice = Voice(people.district, Source.DISPATCH)
    replied = PetitionReplied(
        by=SYSTEM, work_order_id=uuid4(), department="housing", category="drainage", title="堵塞", handler="someone"
    )
    stopping = asyncio.Event()

    async def storm() -> set[str]:
        codes: set[str] = set()
        while not stopping.is_set():
            answers = await asyncio.gather(
                *(people.do(p.LISTEN, "representative", petitionId=filed.id, said="听") for _ in range(24))
            )
            codes |= {code for answer in answers for code in answer.codes}
        return codes

    running = asyncio.create_task(storm())
    for _ in range(3):
        # Each goes stale before the next event, so that the inbox has to look for references again.
        runtime = people.district.intake.runtime
        assert runtime is not None
        runtime.references.forget()
        sequence = await voice.say(filed.id, replied)

        async def applied(wanted: int = sequence) -> bool:
            rows = await people.district.intake.fetch(
                "SELECT applied FROM own.progress WHERE aggregate_id = $1 AND source = 'dispatch'", filed.id
            )
            return bool(rows) and rows[0]["applied"] >= wanted

        await eventually(applied)
    stopping.set()
    assert await running == {"INVALID_STATE"}
