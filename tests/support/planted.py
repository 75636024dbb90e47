"""Petitions that are full of recognisable personal data, walked to their ends, and put where they do not belong.

A name in the middle of a sentence, which nothing introduces, is a word like any other and is not planted: no pattern
finds it (decision 18).
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from deploy.local.postgres import SERVICES
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from tests.faults.installation import Installation
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.people import Filed, People
from tests.support.publish import raw
from tests.support.search import Search
from tests.support.topics import fetch_all

LOOK_UP: Final = p.act("lookUpContact", "LookUpContactInput", "name phone")

PHONES: Final = {
    "phone in words": "13987650401",
    "phone in words, full width": "13987650402",
    "phone in words, spaces": "13987650403",
    "phone in words, hyphens": "13987650404",
    "phone in words, +86": "13987650405",
    "phone in words, 0086": "13987650406",
    "phone in words, commas": "139、8765，0407",
    "phone in words, slashes": "139/8765/0408",
    "phone in words, brackets": "13987650409",
    "phone in words, lines": "139\n8765\n0410",
    "phone in words, a letter": "1398765042O",
    "phone in words, numerals": "一三九八七六五〇四二二",
    "landline in words": "08582876543",
    "landline in words, commas": "0858，2876544",
    "phone as contact": "13987650411",
    "phone in an addition": "13987650421",
    "phone in a withdrawal": "13987650431",
    "phone in a visit comment": "13987650441",
    "phone in a purpose": "13987650451",
    "phone in a reason to erase": "13987650461",
    "phone as idempotency key": "13987650471",
    "phone in a wrong place": "13987650481",
    "phone as a number": "13987650482",
    "phone in an address": "13987650483",
    "phone in a header": "13987650484",
    "phone in a title": "13987650485",
}
IDENTITIES: Final = {
    "identity in words": "52020319910230741X",
    "identity in words, spaced": "520203199102307428",
    "identity in words, old": "520203910230743",
    "identity in a wrong place": "520203199102307436",
    "identity in a request": "520203199102307444",
    "card in words": "6222029876504312345",
    "card in a visit comment": "6222029876504312353",
}
MAILS: Final = {
    "mail in words": "qiongmu.words@youxiang-test.cn",
    "mail in an addition": "qiongmu.addition@youxiang-test.cn",
    "mail in a visit comment": "qiongmu.comment@youxiang-test.cn",
    "mail in a wrong place": "qiongmu.wrong@youxiang-test.cn",
    "mail in a title": "qiongmu.title@youxiang-test.cn",
}
NAMES: Final = {
    "name after 我叫": "欧阳瞿昙",
    "name after 姓名": "诸葛鹮翎",
    "name after 联系人": "慕容澔铖",
    "name in English": "Quincy Zhuoma",
    "name after my name is": "quentin zhaxi",
    "name after 我叫, in quotes": "太叔珺璟",
    "name after 我叫, in Latin letters": "Qiongmu Quanzhen",
    "name after 本人姓": "钟离名骁骜",
    "name as contact": "令狐璟峣",
    "name in an addition": "皇甫骦骢",
    "name in a withdrawal": "尉迟崚嶒",
    "name in a visit comment": "司马骐骥",
    "name in a purpose": "夏侯翯翀",
    "name in a wrong place": "公孙琤瑽",
}
SEARCH: Final = Search({**PHONES, **IDENTITIES, **MAILS, **NAMES})

WIDE: Final = str.maketrans("0123456789", "０１２３４５６７８９")


def spaced(number: str, between: str = " ") -> str:
    """Return a phone number as people group it."""
    return between.join((number[:3], number[3:7], number[7:]))


def bracketed(number: str) -> str:
    """Return a phone number with its first part in brackets."""
    return f"({number[:3]}){number[3:7]} {number[7:]}"


WORDS: Final = "\n".join(
    (
        f"二中批发巷下水道堵了三天。我叫{NAMES['name after 我叫']}，电话{PHONES['phone in words']}。",
        f"姓名：{NAMES['name after 姓名']} 手机{PHONES['phone in words, full width'].translate(WIDE)}",
        f"联系人 {NAMES['name after 联系人']}，{spaced(PHONES['phone in words, spaces'])}",
        f"或 {spaced(PHONES['phone in words, hyphens'], '-')}，+86 {spaced(PHONES['phone in words, +86'])}",
        f"国外打0086{PHONES['phone in words, 0086']}，座机0858-2876543",
        f"身份证{IDENTITIES['identity in words']}，我爱人的520203 19910230 7428",
        f"退款卡号{IDENTITIES['card in words'][:4]} {IDENTITIES['card in words'][4:]}，邮箱{MAILS['mail in words']}",
        f"My name is {NAMES['name in English']}. 邻居老人出不了门。",
        f"也可打{PHONES['phone in words, commas']}；{PHONES['phone in words, slashes']}",
        f"或{bracketed(PHONES['phone in words, brackets'])}；{PHONES['phone in words, lines']}；",
        f"{PHONES['phone in words, a letter']}，{PHONES['phone in words, numerals']}",
        f"座机{PHONES['landline in words, commas']}；老证{IDENTITIES['identity in words, old']}",
        f"我叫“{NAMES['name after 我叫, in quotes']}”，本人姓{NAMES['name after 本人姓']}",
        f"我叫{NAMES['name after 我叫, in Latin letters']}。",
        f"My name is {NAMES['name after my name is']} and I live here.",
    )
)
MARKER: Final = "琴台巷770000913号"
"""Stands in a title, which everybody may see: what is searched must have it wherever titles go."""


@dataclass
class Listening(District):
    """The installation as clients meet it; keeps the text of every answer, but for those that show contact data."""

    answers: list[str] = field(default_factory=list)

    async def ask(self, document: str, **other: Any) -> Answer:
        """Send a request."""
        answer = await super().ask(document, **other)
        if not (answer.data or {}).get("lookUpContact"):
            self.hear(answer)
        return answer

    def hear(self, said: object) -> None:
        """Keep what was answered."""
        self.answers.append(str(said))


async def submit(people: People, **other: Any) -> Filed:
    contact = {"name": NAMES["name as contact"], "phone": spaced(PHONES["phone as contact"])}
    return await people.file(words=WORDS, contact=contact, **other)


async def walk_to_the_end(people: People) -> Filed:
    """Take a petition from submission to closing; the resident says too much wherever they can."""
    filed = await submit(people, idempotencyKey=str(uuid4()))
    token = await people.resident(filed)
    added = (
        f"补充：我叫{NAMES['name in an addition']}，{PHONES['phone in an addition']}，{MAILS['mail in an addition']}"
    )
    (await people.do(p.ADD, token=token, petitionId=filed.id, words=added, idempotencyKey=str(uuid4()))).ok()
    for role in ("resident", "street_committee"):
        given = {
            "petitionId": filed.id,
            "purpose": f"回电{PHONES['phone in a purpose']}，姓名{NAMES['name in a purpose']}",
        }
        answer = await people.do(LOOK_UP, **({"token": token} if role == "resident" else {"role": role}), **given)
        shown = answer.ok()["lookUpContact"]
        assert shown == {"name": NAMES["name as contact"], "phone": spaced(PHONES["phone as contact"])}
    (await people.accept(filed, title=f"{MARKER}下水道堵塞")).ok()
    # Handling needs somebody who follows the petition, so a station's staff and the committee screen it.
    (await people.do(p.LISTEN, "station_staff", petitionId=filed.id, said="商户反映管道堵了三天")).ok()
    (await people.do(p.LOOK, "community", petitionId=filed.id, findings="主管淤塞约十米")).ok()
    (
        await people.do(p.DELIBERATE, "street_committee", petitionId=filed.id, outcome="由住建局疏通", participants=6)
    ).ok()
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    order = await people.in_progress(filed, after=handed)
    asked = await people.do(p.ASK, "department", workOrderId=order, question="堵在几号铺面？")
    await whole(people, filed, after=asked.ok()["askResident"]["position"])
    again = await people.do(
        p.ADD, token=token, petitionId=filed.id, words=f"七号铺面，{PHONES['phone in an addition']}"
    )
    await whole(people, filed, after=again.ok()["addInformation"]["position"])
    shown = await people.do(LOOK_UP, "department", petitionId=filed.id, purpose="约上门时间")
    assert shown.ok()["lookUpContact"]["phone"] == spaced(PHONES["phone as contact"])
    replied = await people.reply(order)
    for planted in ("phone", "card", "mail"):
        value = SEARCH.planted[f"{planted} in a visit comment"]
        refused = await people.visit(
            filed, after=replied, token=token, means="FORM", solved=True, satisfied=True, comment=f"打我{value}"
        )
        assert refused.refused("INVALID_INPUT")["field"] == "comment"
    comment = f"我叫{NAMES['name in a visit comment']}，都修好了，谢谢"
    visited = await people.visit(filed, token=token, means="FORM", solved=True, satisfied=True, comment=comment)
    position = visited.ok()["recordVisit"]["position"]
    await whole(people, filed, after=position)
    closed = await people.do(p.CLOSE, "street_committee", petitionId=filed.id)
    await whole(people, filed, after=closed.ok()["closePetition"]["position"])
    for viewer in ("street_committee", "district_supervisor", "department", "integrator"):
        await whole(people, filed, role=viewer)
    await whole(people, filed, token=token)
    return filed


WHOLE: Final = """query($id: ID!) { petition(id: $id) {
  trackingCode title request workingText remarks { text } rejection { reason } asOf
  handling { asOf workOrders { id state } }
  evaluation { asOf visits { comment } }
  timeline(first: 100) { edges { node { type label } } } } }"""
LOOKS: Final = "{ contactLooks(first: 100) { edges { node { role subject purpose } } } }"


async def whole(people: People, filed: Filed, *, after: str | None = None, **who: Any) -> None:
    """Read everything that there is to read of a petition; answers are kept and searched."""
    who = who or {"role": "street_committee"}
    answer = await people.district.ask(WHOLE, after=after, id=filed.id, **who)
    assert answer.data["petition"] is not None, answer
    for viewer in ("district_supervisor", "operator"):
        await people.district.ask(LOOKS, role=viewer)


async def withdraw(people: People) -> Filed:
    filed = await submit(people)
    token = await people.resident(filed)
    reason = f"不用了。姓名：{NAMES['name in a withdrawal']}，{spaced(PHONES['phone in a withdrawal'], '-')}"
    (await people.do(p.WITHDRAW, token=token, petitionId=filed.id, reason=reason, idempotencyKey=str(uuid4()))).ok()
    await whole(people, filed)
    return filed


async def erase(people: People) -> Filed:
    filed = await submit(people)
    because = f"本人来电{PHONES['phone in a reason to erase']}"
    (await people.do(p.ERASE, "operator", petitionId=filed.id, because=because)).ok()
    (await people.do(LOOK_UP, "street_committee", petitionId=filed.id, purpose="核实")).refused("NOT_FOUND")
    await whole(people, filed)
    return filed


async def provoke(people: People, filed: Filed) -> None:
    """Put personal data where it does not belong; everything is refused, and no refusal repeats it."""
    district = people.district
    assert isinstance(district, Listening)
    phone, name = PHONES["phone in a wrong place"], NAMES["name in a wrong place"]
    identity, mail = IDENTITIES["identity in a wrong place"], MAILS["mail in a wrong place"]
    right = {"words": "水", "channel": "visit", "community": "community-73"}
    for field_ in ("kind", "channel", "community", "estate"):
        for value in (phone, spaced(phone, "-"), name, identity, mail, f"姓名{name}"):
            answer = await people.do(p.SUBMIT, **{**right, field_: value})
            assert answer.codes == ["INVALID_INPUT"], (field_, value, answer)
    wrong: list[tuple[str, dict[str, Any], str | None]] = [
        (p.SUBMIT, {**right, "contact": {"phone": int(PHONES["phone as a number"])}}, None),
        (p.SUBMIT, {**right, "contact": {"name": name, "telephone": phone}}, None),
        (p.SUBMIT, {**right, "contact": [name, phone]}, None),
        (p.SUBMIT, {**right, name: phone}, None),
        (p.SUBMIT, {**right, phone: name}, None),
        (p.SUBMIT, {**right, "contact": {"name": name * 30, "phone": phone}}, None),
        (p.SUBMIT, {**right, "contact": {"name": name, "phone": phone * 9}}, None),
        (p.SUBMIT, {**right, "idempotencyKey": f"qr-{PHONES['phone as idempotency key']}"}, None),
        (p.SUBMIT, {**right, "idempotencyKey": f"住户{name}的诉求"}, None),
        (p.OPEN, {"trackingCode": phone, "secret": phone}, None),
        (p.OPEN, {"trackingCode": name, "secret": name}, None),
        (p.OPEN, {"trackingCode": filed.code, "secret": identity}, None),
        (LOOK_UP, {"petitionId": phone, "purpose": "核实"}, "street_committee"),
        (LOOK_UP, {"petitionId": filed.id, "purpose": f"{name}{phone}" * 20}, "street_committee"),
        (
            p.ACCEPT,
            {"petitionId": filed.id, "title": f"请打{PHONES['phone in a title']}", "category": "x"},
            "street_committee",
        ),
        (
            p.ACCEPT,
            {"petitionId": filed.id, "title": f"请发{MAILS['mail in a title']}", "category": "x"},
            "street_committee",
        ),
        (p.ACCEPT, {"petitionId": filed.id, "title": "堵塞", "category": phone}, "street_committee"),
        (p.HAND_OVER, {"petitionId": filed.id, "request": IDENTITIES["identity in a request"]}, "street_committee"),
        (p.HAND_OVER, {"petitionId": filed.id, "request": "疏通", "department": name}, "street_committee"),
        (p.REJECT, {"petitionId": filed.id, "ground": phone, "reason": "x"}, "street_committee"),
        (p.ASSIGN, {"workOrderId": identity, "department": name}, "street_committee"),
    ]
    for document, given, role in wrong:
        answer = await people.do(document, role, **given)
        assert answer.errors, (document, given)
        assert not {"INTERNAL", "DOWNSTREAM_SERVICE_ERROR"} & set(answer.codes), (document, given, answer)
    documents = [
        f'mutation {{ submitPetition(input: {{words: "水", channel: "{phone}", community: "x"}}) {{ petitionId }} }}',
        f'mutation {{ submitPetition(input: {{words: {phone}, channel: "{name}", community: "x"}}) {{ petitionId }} }}',
        f'mutation {{ submitPetition(input: {{kind: "{name}", words: "水", channel: "x"}}) {{ petitionId }} }}',
        f'mutation {{ submitPetition(input: {{words: "{name}{phone}"',
        f'{{ petition(trackingCode: "{phone}") {{ id }} }}',
        f"{{ petition(id: {phone} {name}) {{ id }} }}",
        f"{{ petition(first: {phone}) {{ id }} }}",
        f'{{ petitions(first: "{name}") {{ edges {{ cursor }} }} }}',
        f'{{ petitions(after: "{phone}") {{ edges {{ cursor }} }} }}',
        f'{{ petitions(street: "{name}") {{ edges {{ cursor }} }} }}',
        f"# {name} {phone}\n{{ petition }}",
    ]
    for document in documents:
        assert (await district.ask(document, role="street_committee")).errors or "petitions" in document, document
    await send_raw(district, PHONES["phone in an address"], PHONES["phone in a header"], name)


async def send_raw(district: Listening, in_address: str, in_header: str, name: str) -> None:
    """Send what is no proper request, and headers that say too much."""
    valid = json.dumps({"query": "{ me { subject } }"})
    asked = quote(f'{{ petition(trackingCode: "{in_address}") {{ id }} }}')
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "", {"data": f'{{"query": "{{ me }}", "variables": {{"name": "{name}", "phone": {in_header}'}),
        ("POST", "", {"data": f"name={quote(name)}&phone={in_header}"}),
        ("POST", "", {"data": json.dumps([name, in_header])}),
        ("GET", f"?query={asked}", {}),
        ("GET", f"?phone={in_address}&name={quote(name)}", {}),
        ("GET", f"/{in_address}/{quote(name)}", {}),
        ("POST", f"?phone={in_address}", {"data": valid}),
        ("POST", "", {"data": valid, "headers": {"X-Request-Id": in_header}}),
        ("POST", "", {"data": valid, "headers": {"X-Request-Id": f"qr:{in_header}"}}),
        ("POST", "", {"data": valid, "headers": {"X-Request-Id": f"+86.{spaced(in_header, '-')}"}}),
        ("POST", "", {"data": valid, "headers": {"Authorization": f"Bearer {in_header}"}}),
        ("POST", "", {"data": valid, "headers": {"Authorization": f"Phone {in_header}"}}),
        ("POST", "", {"data": valid, "headers": {"Read-After": in_header}}),
        (
            "POST",
            "",
            {"data": valid, "headers": {"User-Agent": f"resident {in_header}", "Referer": f"/?tel={in_header}"}},
        ),
    ]
    for method, rest, given in requests:
        headers = {"Content-Type": "application/json", **given.pop("headers", {})}
        async with district.session.request(method, f"{district.url}{rest}", headers=headers, **given) as response:
            district.hear(f"{dict(response.headers)} {await response.text()}")
    # A petition that is submitted under such a request id carries another one to the topics.
    body = {"query": p.SUBMIT, "variables": {"input": {"words": "水", "channel": "visit", "community": "community-73"}}}
    async with district.session.post(district.url, json=body, headers={"X-Request-Id": in_header}) as response:
        assert (await response.json())["data"]["submitPetition"]
        district.hear(dict(response.headers))


async def break_something(installation: Installation, people: People) -> None:
    """Alter a sealed record past the service's code: opening it is an error that nobody anticipated."""
    filed = await submit(people)
    await installation.fetch(
        "intake", "UPDATE own.contact SET sealed = sealed || '\\x00' WHERE petition_id = $1 RETURNING 1", filed.id
    )
    (await people.do(LOOK_UP, "street_committee", petitionId=filed.id, purpose="核实")).refused("INTERNAL")


async def hold_something_up(district: Listening, filed: Filed) -> None:
    """Publish what cannot take effect, and what is no event, about a petition that is full of planted data."""
    topic = catalogue.petition_topic(Source.DISPATCH)
    last = [m for m in await fetch_all(district, topic) if m.key == filed.id.encode()][-1]
    headers = dict(last.headers)
    sequence = int(headers["ce_sequence"]) + 1
    odd = {**headers, "ce_id": str(uuid4()).encode(), "ce_sequence": f"{sequence:010d}".encode()}
    unknown = {**odd, "ce_type": b"work_order.misfiled", "ce_dataschema": b"urn:through-train:dispatch:x:v1"}
    await raw(district, topic, last.key, last.value, list(unknown.items()))
    await raw(district, topic, last.key, last.value, [("ce_type", b"work_order.misfiled")])
    parked = "{ intakeParked(first: 100) { nodes { petitionId type reason detail } } }"

    async def held_up() -> bool:
        answer = await district.ask(parked, role="operator")
        return bool(answer.ok()["intakeParked"]["nodes"])

    await eventually(held_up, 30.0)
    given = {"petitionId": filed.id, "because": "再试"}
    replay = p.act("replayIntakeParked", "ReplayParkedInput", "applied parked { type reason detail }")
    (await district.ask(replay, role="operator", input=given)).ok()


async def everything_published(installation: Installation) -> None:
    """Wait until nothing is on its way any more."""

    async def calm() -> bool:
        return not [
            row for service in SERVICES for row in await installation.fetch(service, "SELECT 1 FROM own.outbox")
        ]

    await eventually(calm, 30.0)
