"""Personal data at intake, on real servers: who looked, erasing, and who is kept waiting after failures."""

import asyncio
import json
import os
import sys
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from services.intake.store import openings
from services.kernel.ids import new_tracking_code, show_tracking_code
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.people import Filed, People

ERASE = p.act(
    "erasePersonalData",
    "ErasePersonalDataInput",
    "receipt { id petitionId erasedAt by because originals additions contacts phoneHashes wrappedKeySha256 } position",
)
LOOK_UP = p.act("lookUpContact", "LookUpContactInput", "name phone")
LOOKS = """query($petitionId: ID, $street: ID, $subject: String, $since: DateTime, $before: DateTime, $first: Int!,
  $behind: String) { contactLooks(petitionId: $petitionId, street: $street, subject: $subject, since: $since,
  before: $before, first: $first, after: $behind) {
  edges { cursor node { id petitionId street at role subject purpose } } pageInfo { hasNextPage endCursor } } }"""
WORDS = "二中批发巷下水道堵了，我叫王小明，电话13800138000。"


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def open_from(people: People, origin: str, code: str, secret: str) -> Answer:
    """Try to open a petition from an address, as the gateway would tell it."""
    body = {"query": p.OPEN, "variables": {"input": {"trackingCode": code, "secret": secret}}}
    headers = {"X-Client-Address": origin}
    async with people.district.session.post(people.url or "", json=body, headers=headers) as response:
        answer = await response.json()
        return Answer(response.status, answer.get("data"), answer.get("errors") or [])


async def look(people: People, filed: Filed, role: str = "street_committee", **other: Any) -> Answer:
    given = {"petitionId": filed.id, "purpose": "约上门时间", **other}
    return await people.do(LOOK_UP, role, **given)


async def looks(people: People, role: str | None = "district_supervisor", **other: Any) -> Any:
    given: dict[str, Any] = {"first": 50, **other}
    answer = await people.district.ask(LOOKS, role=role, url=people.url, **given)
    return answer.ok()["contactLooks"]


def nodes(page: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in page["edges"]]


async def erase(people: People, filed: Filed, **other: Any) -> Answer:
    return await people.do(ERASE, "operator", petitionId=filed.id, because="本人申请删除", **other)


# Openings


async def test_who_knows_a_code_cannot_lock_its_resident_out(people: People) -> None:
    filed = await people.file()
    for _ in range(openings.FREE_FAILURES + 1):
        (await open_from(people, "203.0.113.66", filed.code, "0" * 16)).refused("NOT_FOUND")
    shut = (await open_from(people, "203.0.113.66", filed.code, filed.secret)).refused("RATE_LIMITED")
    assert 0 < shut["retryAfterSeconds"] <= 60
    (await open_from(people, "203.0.113.7", filed.code, filed.secret)).ok()
    (await open_from(people, "203.0.113.66", filed.code, filed.secret)).refused("RATE_LIMITED")


async def test_each_further_failure_doubles_the_wait(people: People) -> None:
    filed = await people.file()
    waits: list[int] = []
    for _ in range(openings.FREE_FAILURES + 8):
        (await open_from(people, "203.0.113.9", filed.code, "0" * 16)).refused("NOT_FOUND")
        [row] = await people.district.intake.fetch(
            "SELECT EXTRACT(epoch FROM locked_until - failed_at)::int / 60 AS minutes FROM own.opening "
            "ORDER BY failed_at DESC LIMIT 1"
        )
        waits.append(row["minutes"])
        await people.district.intake.execute("UPDATE own.opening SET locked_until = failed_at")
    assert waits == [0] * openings.FREE_FAILURES + [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_code_that_nobody_has_is_answered_and_shut_like_any_other(people: People) -> None:
    filed, unknown = await people.file(), show_tracking_code(new_tracking_code())
    answers: dict[str, list[Any]] = {}
    for code in (filed.code, unknown):
        answers[code] = []
        for _ in range(openings.FREE_FAILURES + 2):
            answer = await open_from(people, "203.0.113.10", code, "0" * 16)
            answers[code].append(
                [answer.data, answer.codes, *([] if "RATE_LIMITED" in answer.codes else answer.errors)]
            )
    assert answers[filed.code] == answers[unknown]
    assert answers[unknown][-1][1] == ["RATE_LIMITED"]


async def test_both_cost_the_same_statements(people: People) -> None:
    filed, unknown = await people.file(), show_tracking_code(new_tracking_code())
    sent: list[list[str]] = []
    for code in (filed.code, unknown):
        people.district.intake.statements.clear()
        (await open_from(people, "203.0.113.11", code, "0" * 16)).refused("NOT_FOUND")
        named = [statement.strip().split(":")[0] for statement in people.district.intake.statements]
        sent.append([name for name in named if name.startswith("-- openings.")])
    assert sent == [["-- openings.find", "-- openings.failed"]] * 2


async def test_the_right_secret_clears_the_count(people: People) -> None:
    filed = await people.file()
    for _ in range(2):
        for _ in range(openings.FREE_FAILURES):
            (await open_from(people, "203.0.113.12", filed.code, "0" * 16)).refused("NOT_FOUND")
        (await open_from(people, "203.0.113.12", filed.code, filed.secret)).ok()


async def test_failures_hold_no_address_and_are_forgotten_after_a_day(people: People) -> None:
    intake, filed = people.district.intake, await people.file()
    for origin in ("198.51.100.23", "2001:db8:77:1::5"):
        (await open_from(people, origin, filed.code, "0" * 16)).refused("NOT_FOUND")
    told = (b"198.51", b"2001:db8", filed.id.encode(), filed.code.replace("-", "").encode())
    for row in await intake.fetch("SELECT * FROM own.opening"):
        assert set(row) == {"latch", "failures", "failed_at", "locked_until"}
        assert not any(part in row["latch"] for part in told)
    await intake.execute("UPDATE own.opening SET failed_at = failed_at - interval '23 hours'")
    [before] = await intake.fetch("SELECT count(*) AS n FROM own.opening")
    oldest = "(SELECT latch FROM own.opening LIMIT 1)"
    await intake.execute(f"UPDATE own.opening SET failed_at = now() - interval '25 hours' WHERE latch = {oldest}")
    await intake.stop()  # the scheduler tidies as it starts, and every minute
    await intake.start()

    async def one_less() -> bool:
        [row] = await intake.fetch("SELECT count(*) AS n FROM own.opening")
        return row["n"] == before["n"] - 1

    await eventually(one_less)


# Looks


async def test_the_supervisor_sees_who_looked_and_what_for_and_no_contact_data(people: People) -> None:
    filed = await people.file()
    (await look(people, filed, purpose="给13800138000回电话，我叫王小明")).ok()
    [seen] = nodes(await looks(people, petitionId=filed.id))
    assert (seen["petitionId"], seen["street"], seen["role"]) == (filed.id, "huangtupo", "street_committee")
    assert seen["subject"] == "demo-street-committee"
    assert seen["purpose"] == "给[电话 phone]回电话，我叫[姓名 name]"
    assert set(seen) == {"id", "petitionId", "street", "at", "role", "subject", "purpose"}


async def test_a_look_is_recorded_in_the_role_that_it_was_allowed_in(people: People) -> None:
    """A role whose petition it is not stands for nothing, whatever the alphabet says."""
    filed = await people.file()
    both = people.district.token(
        "street_committee", roles=["department", "street_committee"], department="water", street="huangtupo"
    )
    (await people.do(LOOK_UP, token=both, petitionId=filed.id, purpose="核实")).ok()
    rows = await people.district.intake.fetch("SELECT role FROM own.contact_look WHERE petition_id = $1", filed.id)
    assert [row["role"] for row in rows] == ["street_committee"]


async def test_an_act_is_recorded_in_the_role_that_it_was_allowed_in(people: People) -> None:
    filed = await people.file()
    (await people.accept(filed)).ok()
    both = people.district.token(
        "street_committee",
        roles=["representative", "street_committee"],
        representative="rep-xu-jin",
        placements=["maan"],
    )
    (await people.do(p.LISTEN, token=both, petitionId=filed.id, said="听")).ok()
    [row] = await people.district.intake.fetch(
        "SELECT data -> 'by' ->> 'role' AS role FROM own.event WHERE aggregate_id = $1 AND type = 'petition.listened'",
        filed.id,
    )
    assert row["role"] == "street_committee"


async def test_looks_are_listed_the_latest_first_by_petition_street_person_and_time(people: People) -> None:
    time = people.district.time
    here, there = await people.file(), await people.file(community="maan", estate=None)
    time.advance(minutes=1)
    began = time.now
    elsewhere = people.district.token("street_committee", street="fenghuang", sub="another")
    for minute in range(3):
        time.advance(minutes=1)
        (await look(people, here, purpose=f"第{minute}次")).ok()
        given = {"petitionId": there.id, "purpose": f"凤凰{minute}"}
        (await people.do(LOOK_UP, token=elsewhere, **given)).ok()
    since = began.isoformat()
    everything = nodes(await looks(people, since=since))
    assert [it["purpose"] for it in everything] == ["凤凰2", "第2次", "凤凰1", "第1次", "凤凰0", "第0次"]

    async def purposes(**filters: Any) -> list[str]:
        return [it["purpose"] for it in nodes(await looks(people, since=since, **filters))]

    assert await purposes(petitionId=here.id) == ["第2次", "第1次", "第0次"]
    assert await purposes(street="fenghuang") == ["凤凰2", "凤凰1", "凤凰0"]
    assert await purposes(subject="another") == ["凤凰2", "凤凰1", "凤凰0"]
    assert await purposes(subject="another", street="huangtupo") == []
    assert await purposes(petitionId=here.id, subject="another") == []
    assert await purposes(petitionId=str(uuid4())) == []
    second = everything[2]["at"]
    assert await purposes(before=second) == ["凤凰0", "第0次"]
    assert [it["purpose"] for it in nodes(await looks(people, since=second, before=everything[0]["at"]))] == [
        "凤凰1",
        "第1次",
    ]
    paged: list[str] = []
    after, more = None, True
    while more:
        page = await looks(people, since=since, first=4, behind=after)
        paged += [it["purpose"] for it in nodes(page)]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert paged == [it["purpose"] for it in everything]


async def test_residents_see_the_looks_at_their_own_data_without_names(people: People) -> None:
    filed, other = await people.file(), await people.file()
    (await look(people, filed)).ok()
    (await look(people, other)).ok()
    token = await people.resident(filed)
    seen: list[list[dict[str, Any]]] = []
    for petition in (None, filed.id):
        # Asking by a person's name would tell who it was.
        for subject in (None, "demo-street-committee", "somebody else"):
            given: dict[str, Any] = {"petitionId": petition, "subject": subject, "first": 50}
            answer = await people.district.ask(LOOKS, token=token, url=people.url, **given)
            seen.append(nodes(answer.ok()["contactLooks"]))
    assert all(it == seen[0] for it in seen)
    [one] = seen[0]
    assert (one["petitionId"], one["role"], one["purpose"]) == (filed.id, "street_committee", "约上门时间")
    assert one["subject"] is None
    foreign = await people.district.ask(LOOKS, token=token, url=people.url, petitionId=other.id, first=50)
    foreign.refused("NOT_FOUND")


async def test_nobody_else_sees_who_looked(people: People) -> None:
    for role in ("street_committee", "representative", "department", "district_leader", "operator", "integrator"):
        (await people.district.ask(LOOKS, role=role, url=people.url, first=5)).refused("FORBIDDEN")
    (await people.district.ask(LOOKS, url=people.url, first=5)).refused("UNAUTHENTICATED")
    bad: dict[str, dict[str, Any]] = {
        "first": {"first": 101},
        "after": {"first": 5, "behind": "x"},
        "petitionId": {"first": 5, "petitionId": "17"},
    }
    for field, given in bad.items():
        refused = await people.district.ask(LOOKS, role="district_supervisor", url=people.url, **given)
        assert refused.refused("INVALID_INPUT")["field"] == field


# Erasure


async def stored(people: People, filed: Filed) -> dict[str, Any]:
    """Return what intake holds of a petition's personal data."""
    [row] = await people.district.intake.fetch(
        """SELECT (SELECT count(*) FROM own.original WHERE petition_id = $1) AS originals,
                  (SELECT count(*) FROM own.contact WHERE petition_id = $1) AS contacts,
                  (SELECT count(*) FROM own.addition WHERE petition_id = $1 AND words <> '') AS additions,
                  (SELECT array_agg(masked ORDER BY added_at, addition_id) FROM own.addition WHERE petition_id = $1)
                      AS masked,
                  (SELECT count(*) FROM own.erasure WHERE petition_id = $1) AS receipts""",
        filed.id,
    )
    return row


async def test_erasing_destroys_the_key_and_what_it_sealed_and_leaves_the_masked_story(people: People) -> None:
    filed = await people.file("representative", words=WORDS)
    token = await people.resident(filed)
    await people.do(p.ADD, token=token, petitionId=filed.id, words="请打13900139000")
    [row] = await people.district.intake.fetch("SELECT wrapped_key FROM own.original WHERE petition_id = $1", filed.id)
    receipt = (await erase(people, filed)).ok()["erasePersonalData"]["receipt"]
    assert {name: receipt[name] for name in ("originals", "additions", "contacts", "phoneHashes")} == {
        "originals": 1,
        "additions": 1,
        "contacts": 1,
        "phoneHashes": 1,
    }
    assert (receipt["petitionId"], receipt["by"], receipt["because"]) == (filed.id, "demo-operator", "本人申请删除")
    assert receipt["wrappedKeySha256"] == sha256(row["wrapped_key"]).hexdigest()
    assert await stored(people, filed) == {
        "originals": 0,
        "contacts": 0,
        "additions": 0,
        "masked": ["请打[电话 phone]"],
        "receipts": 1,
    }
    (await look(people, filed)).refused("NOT_FOUND")
    assert nodes(await looks(people, petitionId=filed.id)) == []
    again = await people.resident(filed)
    query = "query($id: ID!) { petition(id: $id) { state title } }"
    assert (await people.district.ask(query, token=again, url=people.url, id=filed.id)).ok()["petition"]
    screened = "query($id: ID!) { petition(id: $id) { workingText } }"
    shown = (await people.district.ask(screened, role="street_committee", url=people.url, id=filed.id)).ok()
    assert shown["petition"]["workingText"] == "二中批发巷下水道堵了，我叫[姓名 name]，电话[电话 phone]。"
    assert (await people.district.intake.events(filed.id))[-1] == "petition.personal_data_erased"
    [told] = await people.district.intake.fetch(
        "SELECT data, remark FROM own.event WHERE aggregate_id = $1 AND type = 'petition.personal_data_erased'",
        filed.id,
    )
    assert json.loads(told["data"]) == {
        "by": {"role": "operator", "subject": "demo-operator"},
        "receipt": receipt["id"],
    }
    assert told["remark"] is None


async def test_after_erasure_the_petition_goes_on_and_additions_keep_the_masked_text_alone(people: People) -> None:
    filed = await people.file("representative", words=WORDS)
    (await erase(people, filed)).ok()
    token = await people.resident(filed)
    (await people.do(p.ADD, token=token, petitionId=filed.id, words="又堵了，13900139000")).ok()
    assert (await stored(people, filed))["masked"] == ["又堵了，[电话 phone]"]
    assert (await stored(people, filed))["additions"] == 0
    await people.screen(filed)
    assert (await people.hand_over(filed)).ok()["handOverPetition"]["petition"]["state"] == "READY"


async def test_an_erasure_repeated_returns_the_first_receipt_and_is_told_once(people: People) -> None:
    filed, key = await people.file(), str(uuid4())
    first = (await erase(people, filed, idempotencyKey=key)).ok()
    assert (await erase(people, filed, idempotencyKey=key)).ok() == first
    for again in (await erase(people, filed), await people.do(ERASE, "operator", petitionId=filed.id, because="另因")):
        assert again.ok()["erasePersonalData"] == first["erasePersonalData"]
    (await people.do(ERASE, "operator", petitionId=filed.id, because="另因", idempotencyKey=key)).refused("CONFLICT")
    assert (await people.district.intake.acts(filed.id)).count("petition.personal_data_erased") == 1


async def test_erasures_at_once_are_one(people: People) -> None:
    filed = await people.file()
    answers = await asyncio.gather(*(erase(people, filed) for _ in range(6)))
    assert len({json.dumps(answer.ok(), sort_keys=True) for answer in answers}) == 1
    assert (await people.district.intake.acts(filed.id)).count("petition.personal_data_erased") == 1


async def test_who_may_not_erase_leaves_everything_there(people: People) -> None:
    filed = await people.file(words=WORDS)
    before = await stored(people, filed), await people.district.intake.events(filed.id)
    given = {"petitionId": filed.id, "because": "x"}
    for role in ("street_committee", "district_supervisor", "representative", "district_leader", "integrator"):
        (await people.do(ERASE, role, **given)).refused("FORBIDDEN")
    (await people.do(ERASE, token=await people.resident(filed), **given)).refused("FORBIDDEN")
    (await people.do(ERASE, **given)).refused("UNAUTHENTICATED")
    (await people.do(ERASE, "operator", petitionId=str(uuid4()), because="x")).refused("NOT_FOUND")
    (await people.do(ERASE, "operator", petitionId="17", because="x")).refused("INVALID_INPUT")
    assert (await people.do(ERASE, "operator", petitionId=filed.id, because=" ")).refused("INVALID_INPUT")[
        "field"
    ] == "because"
    assert (await stored(people, filed), await people.district.intake.events(filed.id)) == before


async def test_the_reason_is_kept_masked(people: People) -> None:
    filed = await people.file()
    answer = await people.do(ERASE, "operator", petitionId=filed.id, because="本人（13800138000）来电要求")
    assert answer.ok()["erasePersonalData"]["receipt"]["because"] == "本人（[电话 phone]）来电要求"
    rows = await people.district.intake.fetch("SELECT e::text FROM own.erasure AS e")
    assert "13800138000" not in str(rows)


async def command(people: People, *arguments: str) -> tuple[int, str]:
    """Run a command of intake's operator; return its code and what it said."""
    settings = people.district.intake.settings
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.intake", *arguments),
        env={
            **os.environ,
            "THROUGH_TRAIN_DATABASE_URL": settings.database_url.get_secret_value(),
            "THROUGH_TRAIN_KEYS_FOLDER": str(settings.keys_folder),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_command_line_erases_and_prints_the_receipt(people: People) -> None:
    filed = await people.file("representative", words=WORDS)
    given = ("erase", filed.id, "--by", "值班员", "--because", "本人申请（13800138000）")
    code, said = await command(people, *given)
    assert code == 0, said
    [row] = await people.district.intake.fetch("SELECT * FROM own.erasure WHERE petition_id = $1", filed.id)
    assert str(row["receipt_id"]) in said
    assert row["wrapped_key_sha256"].hex() in said
    assert (row["role"], row["subject"]) == ("operator", "command line:值班员")
    assert row["because"] == "本人申请（[电话 phone]）"
    assert (await stored(people, filed))["originals"] == 0
    assert await command(people, *given) == (code, said)
    assert (await people.district.intake.acts(filed.id)).count("petition.personal_data_erased") == 1
    code, said = await command(people, "erase", str(uuid4()), "--by", "值班员", "--because", "x")
    assert (code, "unknown here" in said) == (1, True)
    assert "Traceback" not in said
