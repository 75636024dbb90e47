"""Following a petition at intake alone: what is recorded, whose it is from then on, and what it does not give."""

from typing import Any
from uuid import uuid4

import pytest

from services.contracts.event import SYSTEM
from services.contracts.feedback import PetitionClosed
from services.contracts.vocabulary import Source
from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.people import Filed, People
from tests.support.publish import Voice

PENG_XUAN: dict[str, Any] = {"sub": "peng-xuan", "representative": "rep-peng-xuan"}
PLACED: dict[str, Any] = {**PENG_XUAN, "placements": ["community-73"], "community": None}
ELSEWHERE: dict[str, Any] = {**PENG_XUAN, "placements": ["renmin-west"], "community": "renmin-west"}
LIST = "{ petitions(first: 100) { edges { node { id } } } }"
FOLLOWERS = "query($id: ID!) { petition(id: $id) { representative { id } followedBy { id name } } }"
LOOK_UP = p.act("lookUpContact", "LookUpContactInput", "name phone")


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def follow(people: People, filed: Filed, claims: dict[str, Any] | None = None, **other: Any) -> Any:
    token = people.district.token("representative", **(PLACED if claims is None else claims))
    return await people.do(p.FOLLOW, token=token, petitionId=filed.id, **other)


async def listed(people: People, claims: dict[str, Any]) -> set[str]:
    token = people.district.token("representative", **claims)
    page = (await people.district.ask(LIST, token=token, url=people.url)).ok()["petitions"]
    return {edge["node"]["id"] for edge in page["edges"]}


async def footprint(people: People) -> tuple[int, int]:
    """Return how many events and idempotency keys there are."""
    query = "SELECT (SELECT count(*) FROM own.event) AS e, (SELECT count(*) FROM own.idempotency) AS i"
    [row] = await people.district.intake.fetch(query)
    return row["e"], row["i"]


async def test_what_is_followed_stays_ones_own_after_one_is_placed_elsewhere(people: People) -> None:
    filed, other = await people.file("representative"), await people.file()
    (await follow(people, filed)).ok()
    assert {filed.id, other.id} <= await listed(people, PLACED)
    elsewhere = await listed(people, ELSEWHERE)
    assert filed.id in elsewhere
    assert other.id not in elsewhere
    rows = await people.district.intake.fetch(
        "SELECT type, data, followers FROM own.event WHERE aggregate_id = $1 ORDER BY sequence DESC LIMIT 2", filed.id
    )
    assert rows[0]["type"] == "petition.followed"
    assert '"rep-peng-xuan"' in rows[0]["data"]
    assert [row["followers"] for row in rows] == [["rep-hui-bi", "rep-peng-xuan"], ["rep-hui-bi"]]


async def test_whoever_sees_it_sees_who_follows_it_and_residents_too(people: People) -> None:
    filed = await people.file("representative")
    (await follow(people, filed)).ok()
    expected = [{"id": "rep-hui-bi", "name": "惠碧"}, {"id": "rep-peng-xuan", "name": "彭煊"}]
    tokens = [people.district.token(role) for role in ("street_committee", "community", "integrator")]
    for token in (*tokens, await people.resident(filed)):
        shown = (await people.district.ask(FOLLOWERS, token=token, url=people.url, id=filed.id)).ok()["petition"]
        assert shown == {"representative": {"id": "rep-hui-bi"}, "followedBy": expected}


async def test_following_again_records_nothing_and_is_answered_alike(people: People) -> None:
    filed = await people.file("representative")
    first = (await follow(people, filed)).ok()
    before = await footprint(people)
    assert (await follow(people, filed, ELSEWHERE)).ok() == first
    recorder = await people.do(p.FOLLOW, "representative", petitionId=filed.id)
    assert recorder.ok() == first
    assert await footprint(people) == before


async def test_who_may_not_follow_it_is_refused_and_leaves_nothing(people: People) -> None:
    filed = await people.file("representative")
    before = await footprint(people)
    (await follow(people, filed, ELSEWHERE)).refused("NOT_FOUND")
    unknown = people.district.token("representative", **PLACED)
    (await people.do(p.FOLLOW, token=unknown, petitionId=str(uuid4()))).refused("NOT_FOUND")
    malformed = (await people.do(p.FOLLOW, token=unknown, petitionId="17")).refused("INVALID_INPUT")
    assert malformed["field"] == "petitionId"
    for nobody in (None, "rep-of-nowhere"):
        answer = await follow(people, filed, {**PLACED, "representative": nobody})
        answer.refused("FORBIDDEN")
        assert "names no representative in office" in answer.errors[0]["message"]
    (await people.do(p.FOLLOW, "street_committee", petitionId=filed.id)).refused("FORBIDDEN")
    (await people.do(p.FOLLOW, petitionId=filed.id)).refused("UNAUTHENTICATED")
    assert await footprint(people) == before


async def test_what_is_over_is_followed_by_nobody_anew_and_stays_its_followers_own(people: People) -> None:
    withdrawn, closed = await people.file("representative"), await people.ready()
    (await people.do(p.WITHDRAW, token=await people.resident(withdrawn), petitionId=withdrawn.id)).ok()
    await Voice(people.district, Source.FEEDBACK).say(closed.id, PetitionClosed(by=SYSTEM, case_id=uuid4()))

    async def known() -> bool:
        [row] = await people.district.intake.fetch("SELECT closed FROM own.petition WHERE petition_id = $1", closed.id)
        return row["closed"]

    await eventually(known)
    before = await footprint(people)
    for filed, state in ((withdrawn, "WITHDRAWN"), (closed, "READY")):
        refusal = (await follow(people, filed)).refused("INVALID_STATE")
        assert (refusal["state"], refusal["allowed"]) == (state, [])
        (await people.do(p.FOLLOW, "representative", petitionId=filed.id)).ok()
    assert await footprint(people) == before


async def test_following_gives_no_contact_data(people: People) -> None:
    filed = await people.file("representative")
    (await follow(people, filed)).ok()
    given = {"petitionId": filed.id, "purpose": "核实地址"}
    for claims in (PLACED, ELSEWHERE):
        token = people.district.token("representative", **claims)
        (await people.do(LOOK_UP, token=token, **given)).refused("NOT_FOUND")
    (await people.do(LOOK_UP, "representative", **given)).ok()
