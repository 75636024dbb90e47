"""Petitions of one district at every standing that a door leads to, all of one street, community and department."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from services.contracts.dispatch import WorkOrderStarted
from services.contracts.event import SYSTEM, Event
from services.contracts.intake import PetitionWithdrawn
from services.contracts.vocabulary import Role, Source
from tests.support import people as p
from tests.support.district import District, RunningService, eventually
from tests.support.people import Filed, People
from tests.support.publish import Voice
from tests.support.settling import settled

OWN: Final[Mapping[Role, tuple[dict[str, Any], ...]]] = {
    Role.REPRESENTATIVE: (
        {},
        {"placements": [], "community": "community-73", "representative": "rep-xu-jin"},
        {"placements": ["community-73"], "representative": "rep-xu-jin"},
    ),
    Role.STATION_STAFF: ({}, {"placements": ["maan", "community-73"]}),
    Role.COMMUNITY: ({},),
    Role.STREET_COMMITTEE: ({},),
    Role.DEPARTMENT: ({},),
    Role.DEPARTMENT_HEAD: ({},),
    Role.EXPERT: ({},),
    Role.DISTRICT_SUPERVISOR: ({},),
    Role.DISTRICT_LEADER: ({},),
    Role.INTEGRATOR: ({}, {"street": None, "department": "housing"}),
    Role.OPERATOR: ({},),
}
"""Each role's claims that make the petitions here its own, in all ways. Residents' tokens come from openPetition."""

FOREIGN: Final[Mapping[Role, tuple[dict[str, Any], ...]]] = {
    Role.REPRESENTATIVE: (
        {"sub": "another", "representative": "rep-huang-meiping", "placements": ["maan"], "street": "huangtupo"},
        {"sub": "nobody's", "representative": None, "placements": [], "street": None},
    ),
    Role.STATION_STAFF: ({"placements": ["maan"]}, {"placements": []}),
    Role.COMMUNITY: ({"community": "maan"}, {"community": None}),
    Role.STREET_COMMITTEE: ({"street": "fenghuang"}, {"street": None}),
    Role.DEPARTMENT: ({"department": "transport"}, {"department": None, "street": "huangtupo"}),
    Role.DEPARTMENT_HEAD: ({"department": "transport"}, {"department": None}),
    Role.INTEGRATOR: ({"street": "fenghuang"}, {"street": None, "department": "transport"}, {"street": None}),
}
"""Claims that make none of them the role's own, other claims of the same street included."""

WITHOUT_DEPARTMENT: Final = frozenset({"late", "submitted", "accepted", "rejected", "on the spot"})
"""What no department was ever asked about, so that none can call it its own."""


@dataclass
class Standing:
    """A district, its petitions by name, and the ids of what belongs to them."""

    people: People
    petitions: dict[str, Filed] = field(default_factory=dict[str, Filed])
    orders: dict[str, str] = field(default_factory=dict[str, str])
    instructions: dict[str, str] = field(default_factory=dict[str, str])
    parked: dict[str, str] = field(default_factory=dict[str, str])
    _tables: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _given: dict[tuple[Role, str, bool], list[str]] = field(default_factory=dict[tuple[Role, str, bool], list[str]])

    @property
    def district(self) -> District:
        return self.people.district

    async def tokens(self, role: Role, *, of: str = "replied", foreign: bool = False) -> list[str]:
        """Return the tokens with which a role is asked: its own ones of a petition, or foreign ones."""
        key = (role, of if role is Role.RESIDENT else "", foreign)
        if key not in self._given:
            self._given[key] = await self._signed(role, of=of, foreign=foreign)
        return self._given[key]

    async def _signed(self, role: Role, *, of: str, foreign: bool) -> list[str]:
        if role is Role.RESIDENT:
            petition = self.petitions["somebody else's" if foreign else of]
            return [await self.people.resident(petition)]
        claims = FOREIGN.get(role, ()) if foreign else OWN[role]
        return [self.district.token(role.value, **one) for one in claims]

    async def tokens_of_owners(self, role: Role, *, of: str) -> list[str]:
        """Return a role's own tokens, without those that go by a department which the petition never had."""
        if of in WITHOUT_DEPARTMENT and role is Role.INTEGRATOR:
            return (await self.tokens(role, of=of))[:1]
        return await self.tokens(role, of=of)

    async def footprint(self) -> dict[str, str]:
        """Return a digest of every table of every service: whatever is written anywhere changes it."""
        found: dict[str, str] = {}
        for name, service in self.district.services.items():
            digests = [_DIGEST.format(name=name, table=table) for table in await self._tables_of(name, service)]
            found |= {row["name"]: str(row["digest"]) for row in await service.fetch(" UNION ALL ".join(digests))}
        return found

    async def _tables_of(self, name: str, service: RunningService) -> list[str]:
        if name not in self._tables:
            rows = await service.fetch(_TABLES)
            self._tables[name] = [row["name"] for row in rows]
        return self._tables[name]

    async def settled(self) -> dict[str, str]:
        """Wait until nothing is on its way any more; return the footprint."""
        before: dict[str, str] | None = None

        async def same() -> dict[str, str] | None:
            nonlocal before
            await settled(self.district)
            after = await self.footprint()
            quiet, before = after == before, after
            return after if quiet else None

        return await eventually(same)


_DIGEST: Final = (
    "SELECT '{name} {table}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM {table} AS t"
)
_TABLES: Final = """
SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('own', 'view') ORDER BY 1"""


async def stand(district: District) -> Standing:
    """Bring petitions to every standing, through the gateway, as people do."""
    world = Standing(People(district))
    people = world.people
    world.petitions["late"] = await people.file("representative")
    await _in_progress(world, "late order")
    district.time.advance(days=40)
    for name in ("submitted", "somebody else's", "fodder of intake"):
        world.petitions[name] = await people.file("representative")
    look = {"petitionId": world.petitions["submitted"].id, "purpose": "核实地址"}
    (await people.do(_LOOK_UP, "street_committee", **look)).ok()
    world.petitions["accepted"] = await people.file("representative")
    (await people.accept(world.petitions["accepted"])).ok()
    world.petitions["rejected"] = await people.file("representative")
    given = {"ground": "DUPLICATE", "reason": "重复反映"}
    (await people.do(p.REJECT, "street_committee", petitionId=world.petitions["rejected"].id, **given)).ok()
    world.petitions["on the spot"] = await people.solved_on_spot()
    world.petitions["ready"], handed = await people.handed_over()
    world.orders["ready"] = await people.order(world.petitions["ready"], handed)
    await _in_progress(world, "in progress")
    await _press(world, "in progress")
    await _under_ruling(world)
    await _full_of_words(world)
    await _evaluated(world)
    for source in Source:
        await hold_up(world, source)
    await world.settled()
    return world


async def _in_progress(world: Standing, name: str) -> None:
    world.petitions[name], handed = await world.people.handed_over()
    world.orders[name] = await world.people.in_progress(world.petitions[name], after=handed)


async def _press(world: Standing, name: str) -> None:
    given = {"petitionId": world.petitions[name].id, "instruction": "三日内到现场并说明"}
    done = (await world.people.do(p.PRESS, "district_supervisor", **given)).ok()["pressPetition"]
    world.instructions[name] = done["instruction"]["id"]


_LOOK_UP: Final = p.act("lookUpContact", "LookUpContactInput", "phone")
_NOT_OURS: Final = {"ground": "NOT_OURS", "reason": "非本单位职责"}


async def _under_ruling(world: Standing) -> None:
    people, district = world.people, world.district
    world.petitions["under ruling"], handed = await people.handed_over()
    order = world.orders["under ruling"] = await people.assigned(world.petitions["under ruling"], after=handed)
    (await people.do(p.DECLINE_ORDER, "department", workOrderId=order, **_NOT_OURS)).ok()
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="water")).ok()
    water = district.token("department", department="water")
    (await people.do(p.DECLINE_ORDER, token=water, workOrderId=order, **_NOT_OURS)).ok()


async def _full_of_words(world: Standing) -> None:
    """Bring a petition to its second reply, with a decline, a question and a returned reply behind it."""
    people = world.people
    petition, handed = await people.handed_over()
    order = await people.assigned(petition, "water", after=handed)
    water = world.district.token("department", department="water")
    (await people.do(p.DECLINE_ORDER, token=water, workOrderId=order, **_NOT_OURS)).ok()
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="housing")).ok()
    (await people.do(p.ACKNOWLEDGE, "department", workOrderId=order)).ok()
    (await people.do(p.START, "department", workOrderId=order)).ok()
    (await people.do(p.ASK, "department", workOrderId=order, question="在几号铺面？")).ok()
    world.petitions["full of words"], world.orders["full of words"] = petition, order
    await _press(world, "full of words")
    await people.reply(order)
    (await people.do(p.SEND_BACK, "street_committee", workOrderId=order, ground="INCOMPLETE", reason="未答复赔偿")).ok()
    await people.reply(order)


async def _evaluated(world: Standing) -> None:
    people = world.people
    for name in ("replied", "attempted", "visited", "ledgered", "reopened", "fodder"):
        world.petitions[name], world.orders[name], position = await people.replied()
        query = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
        (await people.district.ask(query, role="street_committee", after=position, id=world.petitions[name].id)).ok()
    await _press(world, "fodder")
    attempt = {"petitionId": world.petitions["attempted"].id, "means": "PHONE", "comment": "无人接听"}
    (await people.do(p.ATTEMPT, "representative", **attempt)).ok()
    (await people.visit(world.petitions["visited"], solved=True, satisfied=True, comment="满意")).ok()
    (await people.visit(world.petitions["ledgered"], solved=False, satisfied=False, ledgerProposed=True)).ok()
    review = (people.district.time.now + timedelta(days=60)).date().isoformat()
    given = {"department": "housing", "ground": "NO_FUNDS", "reason": "需列入明年预算", "reviewOn": review}
    (await people.do(p.APPROVE_LEDGER, "street_committee", petitionId=world.petitions["ledgered"].id, **given)).ok()
    await _reopened(world)


async def _reopened(world: Standing) -> None:
    people, petition = world.people, world.petitions["reopened"]
    (await people.visit(petition, solved=True, satisfied=False)).ok()
    given = {"petitionId": petition.id, "ground": "PARTLY_DONE", "reason": "井盖未换"}
    position = (await people.do(p.REOPEN, "street_committee", **given)).ok()["reopenPetition"]["position"]
    world.orders["reopened"] = await people.in_progress(petition, after=position)


async def hold_up(world: Standing, at: Source) -> None:
    """Publish an event that no service knows, so that an operator has something to see."""
    said: dict[Source, Event] = {
        Source.INTAKE: PetitionWithdrawn(by=SYSTEM),
        Source.DISPATCH: WorkOrderStarted(by=SYSTEM, work_order_id=uuid4()),
    }
    source = Source.DISPATCH if at is Source.INTAKE else Source.INTAKE
    petition = world.parked[at.value] = str(uuid4())
    await Voice(world.district, source).say(petition, said[source], type="something.new")
    service = world.district.services[at.value]

    async def held() -> bool:
        return bool(await service.fetch("SELECT 1 FROM own.parked WHERE aggregate_id = $1", UUID(petition)))

    await eventually(held)
