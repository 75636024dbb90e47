"""A crowd for the campaign: people who do with many petitions at once whatever can be done with them, and race.

What a petition's people do next is drawn from the acts that its three services say are possible, so every path of the
state machines is walked, also those that nobody thought of; now and then two do different things at the same moment,
or one does the same thing twice with one key.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt

from deploy.audit.commands import Acknowledged
from services.kernel.auth import keys
from services.kernel.auth.tokens import INTAKE_ISSUER
from services.kernel.calendar import SHANGHAI
from tests.faults.client import Client, UnansweredError
from tests.support import people as p
from tests.support.district import Answer

PATIENCE: Final = 150.0
_MOST_ACTS: Final = 40
_LOOKS_IN_VAIN: Final = 8
_RACES: Final = 0.12
_TWINS: Final = 0.08
_DEPARTMENTS: Final = ("housing", "water")
_RESIDENTS_SECONDS: Final = 3600

_LOOK: Final = """query($id: ID!) { petition(id: $id) {
  state allowedActs
  handling {
    workOrders { id cycle state allowedActs questionOpen department { id } }
    instructions { id answer { words } lapsedAt } }
  evaluation { state allowedActs } } }"""

_CALENDAR: Final = """mutation($input: RecordCalendarDaysInput!) { recordCalendarDays(input: $input) { changed } }"""

WEIGHTS: Final[Mapping[str, float]] = {
    "ACCEPT": 12,
    "REJECT": 0.5,
    "LISTEN": 12,
    "LOOK": 9,
    "SKIP_LOOK": 2,
    "DELIBERATE": 9,
    "SKIP_DELIBERATE": 2,
    "HAND_OVER": 12,
    "RESOLVE_ON_SPOT": 1.5,
    "DECLINE": 0.4,
    "ADD_INFORMATION": 0.4,
    "FOLLOW": 0.6,
    "WITHDRAW": 0.2,
    "ASSIGN": 10,
    "ACKNOWLEDGE": 10,
    "DECLINE_FIRST": 2,
    "DECLINE_SECOND": 5,
    "RULE": 10,
    "START": 10,
    "ASK_RESIDENT": 2,
    "REPLY": 8,
    "SEND_BACK": 1.2,
    "PRESS": 0.4,
    "ANSWER": 3,
    "ATTEMPT": 1,
    "RECORD": 8,
    "CLOSE": 6,
    "REOPEN_UNSATISFIED": 5,
    "APPROVE_LEDGER": 5,
    "REFUSE_LEDGER": 2,
}
"""How often each act is drawn where it is possible; what is not here is nobody's to do."""
_ALWAYS: Final = frozenset({"FOLLOW"})
"""What is possible as long as a petition is open, and leads nowhere: who has nothing else to do waits instead."""
_REPRESENTATIVES: Final = ("rep-hui-bi", "rep-peng-xuan")
_LEAVE: Final = 0.5
"""How often a petition is left lying, so that its clocks run out."""

_OVER: Final = frozenset({"REJECTED", "WITHDRAWN"})


@dataclass
class Tally:
    """What the crowd has seen."""

    petitions: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    unanswered: int = 0
    unlike: list[str] = field(default_factory=list[str])
    """Twins whose answers differ: one key, two outcomes."""


@dataclass
class _Filed:
    """A petition on its way."""

    id: str
    resident: str
    after: str | None
    acts: int = 0


@dataclass
class Crowd:
    """People before an installation, until they are told to go home."""

    client: Client
    chance: Random
    tally: Tally = field(default_factory=Tally)
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _homeward: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        """Take one petition after another as far as it goes."""
        while not self._homeward.is_set():
            try:
                if (filed := await self._file()) is not None:
                    await self._walk(filed)
            except UnansweredError:
                self.tally.unanswered += 1

    def go_home(self) -> None:
        """Begin nothing new."""
        self._homeward.set()

    async def keep_the_calendar(self, every: float) -> None:
        """Record a holiday or a working day to come, or take one back, now and then."""
        while not self._homeward.is_set():
            await _pause(self._homeward, every)
            today = self.client.installation.domain_now().astimezone(SHANGHAI).date()
            day = {
                "day": (today + timedelta(days=self.chance.randint(1, 20))).isoformat(),
                "working": self.chance.choice((True, False, None)),
            }
            given = {"days": [day], "idempotencyKey": str(uuid4())}
            try:
                await self._ask(_CALENDAR, self._token("operator"), input=given)
            except UnansweredError:
                self.tally.unanswered += 1

    # One petition

    async def _file(self) -> _Filed | None:
        role = self.chance.choice(("representative", "representative", ""))
        given: dict[str, Any] = {
            "words": "二中批发巷下水道堵了，污水漫到门口。",
            "channel": "visit",
            "community": "community-73",
            "estate": "erzhong-lane",
        }
        done = await self._do(p.SUBMIT, self._token(role) if role else None, given)
        if done is None:
            return None
        self.tally.petitions += 1
        return _Filed(done["petitionId"], self._residents_token(done["petitionId"]), done["position"])

    async def _walk(self, filed: _Filed) -> None:
        in_vain = 0
        while filed.acts < _MOST_ACTS and in_vain < _LOOKS_IN_VAIN and not self._homeward.is_set():
            seen = await self._look(filed)
            if seen is None or seen["state"] in _OVER:
                return
            acts = _possible(seen)
            if not acts:
                in_vain += 1
                await _pause(self._homeward, self.chance.uniform(0.2, 0.8))
                continue
            in_vain, filed.acts = 0, filed.acts + 1
            names = [*acts, "LEAVE"]
            [name] = self.chance.choices(names, [*(_weight(act, acts) for act in acts), _LEAVE])
            if name == "LEAVE":
                return
            at_once = {name}
            if self.chance.random() < _RACES:
                at_once.add(self.chance.choice(list(acts)))
            await asyncio.gather(*(self._act(filed, one, seen, acts[one]) for one in sorted(at_once)))
            await _pause(self._homeward, self.chance.uniform(0.02, 0.15))

    async def _look(self, filed: _Filed) -> Any:
        answer = await self._ask(_LOOK, self._token("street_committee"), after=filed.after, id=filed.id)
        return (answer.data or {}).get("petition")

    async def _act(self, filed: _Filed, name: str, seen: Any, order: Any) -> None:
        document, token, given = self._meant(filed, name, seen, order)
        about = {"petitionId": filed.id}
        if name == "ANSWER":
            about = {"instructionId": order["id"]}
        elif order is not None:
            about = {"workOrderId": order["id"]}
        done = await self._do(document, token, about | given)
        if done is not None:
            filed.after = done["position"]

    def _meant(self, filed: _Filed, name: str, seen: Any, order: Any) -> tuple[str, str, dict[str, Any]]:
        """Return an act as the mutation of whoever does it."""
        committee, supervisor = self._token("street_committee"), self._token("district_supervisor")
        representative, community = self._token("representative"), self._token("community")
        held_by = ((order or {}).get("department") or {}).get("id") or _DEPARTMENTS[0]
        department = self._token("department", held_by)
        chosen, ground = self.chance.choice(_DEPARTMENTS), {"ground": "NOT_OURS", "reason": "属管网"}
        today = self.client.installation.domain_now().astimezone(SHANGHAI).date()
        review = (today + timedelta(days=self.chance.choice((1, 2, 400)))).isoformat()
        no_funds = {"department": chosen, "ground": "NO_FUNDS", "reason": "需列入预算", "reviewOn": review}
        rejection = {"ground": "IN_LITIGATION", "reason": "已在诉讼中", "referral": "COURT"}
        visitor = filed.resident if self.chance.random() < 0.2 else representative
        means = "FORM" if visitor == filed.resident else "PHONE"
        meant: dict[str, tuple[str, str, dict[str, Any]]] = {
            "ACCEPT": (p.ACCEPT, committee, {"title": "下水道堵塞", "category": "drainage"}),
            "REJECT": (p.REJECT, committee, rejection),
            "LISTEN": (p.LISTEN, committee, {"said": "商户反映堵了三天"}),
            "LOOK": (p.LOOK, community, {"findings": "主管淤塞"}),
            "SKIP_LOOK": (p.SKIP, committee, {"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "照片清楚"}),
            "DELIBERATE": (p.DELIBERATE, committee, {"outcome": "转办", "participants": 3}),
            "SKIP_DELIBERATE": (
                p.SKIP,
                committee,
                {"step": "DELIBERATE", "ground": "SELF_EVIDENT", "reason": "事实清楚"},
            ),
            "HAND_OVER": (
                p.HAND_OVER,
                committee,
                {"request": "请疏通主排水管", "deadlineClass": self.chance.choice(("URGENT", "SIMPLE", "ORDINARY"))},
            ),
            "RESOLVE_ON_SPOT": (p.ON_SPOT, committee, {"measures": "当场疏通"}),
            "DECLINE": (p.DECLINE, committee, rejection),
            "ADD_INFORMATION": (p.ADD, filed.resident, {"words": "在七号铺面门口"}),
            "WITHDRAW": (p.WITHDRAW, filed.resident, {}),
            "FOLLOW": (p.FOLLOW, self._representative(self.chance.choice(_REPRESENTATIVES)), {}),
            "ASSIGN": (p.ASSIGN, committee, {"department": chosen}),
            "ACKNOWLEDGE": (p.ACKNOWLEDGE, department, {}),
            "DECLINE_FIRST": (p.DECLINE_ORDER, department, ground),
            "DECLINE_SECOND": (p.DECLINE_ORDER, department, ground),
            "RULE": (p.RULE, supervisor, {"department": chosen, "reason": "主管"}),
            "START": (p.START, department, {}),
            "ASK_RESIDENT": (p.ASK, department, {"question": "在几号铺面？"}),
            "REPLY": (p.REPLY, department, {"words": "已疏通。", "measures": "高压疏通"}),
            "SEND_BACK": (p.SEND_BACK, committee, {"ground": "INCOMPLETE", "reason": "不全"}),
            "PRESS": (p.PRESS, supervisor, {"instruction": "请说明进展"}),
            "ANSWER": (p.ANSWER, department if self.chance.random() < 0.5 else committee, {"words": "正在办理"}),
            "ATTEMPT": (p.ATTEMPT, representative, {"means": "PHONE"}),
            "RECORD": (p.VISIT, visitor, {"means": means, "reached": True, **self._answers(visitor, filed)}),
            "CLOSE": (p.CLOSE, committee, {}),
            "REOPEN_UNSATISFIED": (p.REOPEN, committee, {"ground": "POOR_QUALITY", "reason": "井盖高出路面"}),
            "APPROVE_LEDGER": (p.APPROVE_LEDGER, committee, no_funds),
            "REFUSE_LEDGER": (p.REFUSE_LEDGER, committee, {"reason": "能办"}),
        }
        return meant[name]

    def _answers(self, visitor: str, filed: _Filed) -> dict[str, Any]:
        solved = self.chance.random() < 0.6
        answers: dict[str, Any] = {"responded": True, "solved": solved, "satisfied": self.chance.random() < 0.7}
        if not solved and visitor != filed.resident:
            answers["ledgerProposed"] = self.chance.random() < 0.5
        return answers

    # Requests

    async def _do(self, document: str, token: str | None, given: Mapping[str, Any]) -> Any:
        """Send a command until it is answered, now and then twice at the same time; return its payload, or None."""
        mutation, key = document.split("{ ")[1].split("(")[0], str(uuid4())
        self.client.ledger.attempted.add((mutation, key))
        times = 2 if self.chance.random() < _TWINS else 1
        sent = (self._ask(document, token, input={**given, "idempotencyKey": key}) for _ in range(times))
        answers = await asyncio.gather(*sent)
        payloads = [payload for answer in answers if (payload := (answer.data or {}).get(mutation)) is not None]
        if payloads and (len(payloads) < times or len({payload["position"] for payload in payloads}) > 1):
            self.tally.unlike.append(f"{mutation} {key}: {[answer.codes or 'done' for answer in answers]}")
        if not payloads:
            self.tally.refused.update(code for answer in answers[:1] for code in answer.codes)
            return None
        self.client.ledger.acknowledged.append(Acknowledged.of(mutation, key, payloads[0]["position"]))
        return payloads[0]

    async def _ask(self, document: str, token: str | None, after: str | None = None, **variables: Any) -> Answer:
        return await self.client.ask(document, token=token, after=after, within=PATIENCE, **variables)

    def _token(self, role: str, department: str = "") -> str:
        if (role, department) not in self._tokens:
            claims = {"department": department} if department else {}
            self._tokens[role, department] = self.client.installation.token(role, **claims)
        return self._tokens[role, department]

    def _representative(self, code: str) -> str:
        """Return the token of one of those who are placed where all petitions are."""
        if ("representative", code) not in self._tokens:
            claims = {"sub": code, "representative": code}
            self._tokens["representative", code] = self.client.installation.token("representative", **claims)
        return self._tokens["representative", code]

    def _residents_token(self, petition: str) -> str:
        """Return what intake gives to whoever opens a petition with code and secret."""
        key = keys.private_key(self.client.installation.keys, keys.INTAKE_PRIVATE)
        claims = {
            "iss": INTAKE_ISSUER,
            "aud": "through-train",
            "sub": f"petition:{petition}",
            "exp": int(time.time()) + _RESIDENTS_SECONDS,
            "roles": ["resident"],
            "petition": petition,
        }
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


def _weight(act: str, acts: Mapping[str, Any]) -> float:
    """Return how often an act is drawn among others; who is asked something answers sooner than the reply comes."""
    asked = (acts.get("REPLY") or {}).get("questionOpen")
    return 12.0 if asked and act == "ADD_INFORMATION" else WEIGHTS[act]


def _possible(seen: Any) -> dict[str, Any]:
    """Return the acts that the three services say are possible, each with the work order that it is about, if any."""
    of_intake = {name for name in seen["allowedActs"] or () if name in WEIGHTS}
    acts: dict[str, Any] = dict.fromkeys(sorted(of_intake - _ALWAYS))
    orders: Sequence[Any] = (seen["handling"] or {}).get("workOrders") or ()
    evaluation = seen["evaluation"] or {}
    instructions: Sequence[Any] = (seen["handling"] or {}).get("instructions") or ()
    if unanswered := [i for i in instructions if i["answer"] is None and i["lapsedAt"] is None]:
        acts["ANSWER"] = unanswered[0]
    if orders:
        order = max(orders, key=lambda o: (o["cycle"], o["id"]))
        acts |= {name: order for name in order["allowedActs"] or () if name in WEIGHTS}
    acts |= {name: None for name in evaluation.get("allowedActs") or () if name in WEIGHTS}
    if acts:
        acts |= dict.fromkeys(sorted(of_intake & _ALWAYS | {"PRESS"}))
    return acts


async def _pause(ends: asyncio.Event, seconds: float) -> None:
    """Think for a while, unless it is over."""
    try:
        async with asyncio.timeout(seconds):
            await ends.wait()
    except TimeoutError:
        return
