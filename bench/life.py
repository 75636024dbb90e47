"""One petition's whole life, as clients ask for it: twelve mutations, two waits, and one read across the services.

Everything goes through the gateway, with idempotency keys, as a serious client sends them. A wait is a request that
carries `Read-After`: the answer knows of the position that the request before it returned.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import uuid4

import aiohttp
import msgspec

from bench.people import Desk


def mutation(name: str, input_type: str, selection: str) -> str:
    """Return the document of a mutation that takes one input and returns a position."""
    return f"mutation ($input: {input_type}!) {{ {name}(input: $input) {{ {selection} position }} }}"


_PETITION: Final = "petition { id state }"
_ORDER: Final = "workOrder { id state }"
_EVALUATION: Final = "petition { id evaluation { state cycle } }"

_SUBMIT: Final = mutation("submitPetition", "SubmitPetitionInput", "petitionId trackingCode secret")
_ACCEPT: Final = mutation("acceptPetition", "AcceptPetitionInput", _PETITION)
_LISTEN: Final = mutation("listenToPetition", "ListenToPetitionInput", _PETITION)
_LOOK: Final = mutation("lookAtPetition", "LookAtPetitionInput", _PETITION)
_DELIBERATE: Final = mutation("deliberateOnPetition", "DeliberateOnPetitionInput", _PETITION)
_HAND_OVER: Final = mutation("handOverPetition", "HandOverPetitionInput", _PETITION)
_ASSIGN: Final = mutation("assignWorkOrder", "AssignWorkOrderInput", _ORDER)
_ACKNOWLEDGE: Final = mutation("acknowledgeWorkOrder", "AcknowledgeWorkOrderInput", _ORDER)
_START: Final = mutation("startWorkOrder", "StartWorkOrderInput", _ORDER)
_REPLY: Final = mutation("replyToWorkOrder", "ReplyToWorkOrderInput", _ORDER)
_VISIT: Final = mutation("recordVisit", "RecordVisitInput", _EVALUATION)
_CLOSE: Final = mutation("closePetition", "ClosePetitionInput", _EVALUATION)

_ORDERS: Final = "query ($id: ID!) { petition(id: $id) { handling { workOrders { id } } } }"
_GREETING: Final = "{ me { roles } departments(first: 1) { edges { node { id } } } lateFigures { __typename } }"
_STAGE: Final = "query ($id: ID!) { petition(id: $id) { stage evaluation { state } } }"
WHOLE: Final = """query ($id: ID!) {
  petition(id: $id) {
    id trackingCode state stateLabel title category { id name } urgency submittedAt
    community { id name }
    stage stageLabel
    handling { cycle workOrders { id state department { id name } reply { words } } deadlines { kind dueAt } }
    evaluation { state cycle }
    timeline(first: 30) { edges { node { at stage label } } }
  }
}"""
"""A petition across all three services."""

_PATIENCE: Final = 5
"""So often a client asks that waits: a service waits two seconds each time."""

MUTATIONS: Final = 12
"""In one life."""

EVENT_TO_VIEW_STEP: Final = "wait for feedback"
"""The step that lasts from the answer to dispatch's reply until an answer of feedback's that has seen it."""

_PLACES: Final = ("二中批发巷", "职院9号", "人民西路", "马鞍街口", "东风西路", "黄土坡菜场", "老街", "河滨步道")
_TROUBLES: Final = (
    "下水道堵了",
    "路灯不亮",
    "井盖松动",
    "垃圾没人清运",
    "楼道渗水",
    "停车占道",
    "噪声扰民",
    "树枝挡线",
)


class RefusedError(Exception):
    """A step was not done: what was answered to it."""


@dataclass
class Timings:
    """How long each step took, in seconds from sending to the whole answer, by the step's name."""

    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def note(self, step: str, seconds: float) -> None:
        """Add one."""
        self.seconds.setdefault(step, []).append(seconds)


@dataclass(frozen=True, slots=True)
class Client:
    """How requests are sent, and where their times are noted; `timings` is asked at each end of a step."""

    session: aiohttp.ClientSession
    url: str
    timings: Callable[[], Timings]

    async def ask(
        self, step: str, document: str, token: str, variables: Mapping[str, Any], after: str | None = None
    ) -> Any:
        """Send a request, without a token if it is empty; return the data.

        :raises RefusedError: it was answered with an error.
        """
        began = time.perf_counter()
        data = await self._answer(step, document, token, variables, after)
        self.timings().note(step, time.perf_counter() - began)
        return data

    async def wait(
        self,
        step: str,
        document: str,
        token: str,
        variables: Mapping[str, Any],
        after: str,
        seen: Callable[[Any], bool],
    ) -> Any:
        """Ask with `Read-After`, and again where an answer that could not wait longer has not seen it; return the data.

        :raises RefusedError: it was answered with an error, or not seen after several times.
        """
        began = time.perf_counter()
        for _ in range(_PATIENCE):
            if seen(data := await self._answer(step, document, token, variables, after)):
                self.timings().note(step, time.perf_counter() - began)
                return data
        raise RefusedError(f"{step}: not seen after {_PATIENCE} answers")

    async def _answer(
        self, step: str, document: str, token: str, variables: Mapping[str, Any], after: str | None
    ) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        if after is not None:
            headers["Read-After"] = after
        body = msgspec.json.encode({"query": document, "variables": variables})
        async with self.session.post(self.url, data=body, headers=headers) as response:
            answer = msgspec.json.decode(await response.read())
        if answer.get("errors"):
            raise RefusedError(f"{step}: {answer['errors']}")
        return answer["data"]

    async def greet(self, token: str) -> None:
        """Ask something of each service, whether it is for this token's owner or not."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(self.url, json={"query": _GREETING}, headers=headers) as response:
            await response.read()

    async def act(self, step: str, document: str, token: str, /, **given: Any) -> Any:
        """Send a mutation with an idempotency key; return its payload."""
        data = await self.ask(step, document, token, {"input": {**given, "idempotencyKey": str(uuid4())}})
        return next(iter(data.values()))


def _has_an_order(data: Any) -> bool:
    handling = data["petition"]["handling"]
    return bool(handling and handling["workOrders"])


def _awaits_a_visit(data: Any) -> bool:
    evaluation = data["petition"]["evaluation"]
    return bool(evaluation and evaluation["state"] == "AWAITING_VISIT")


async def live(client: Client, desk: Desk, random: Random) -> str:
    """Bring a petition from its filing to its close; return its id.

    :raises RefusedError: a step was not done.
    """
    act = client.act
    place, trouble, number = random.choice(_PLACES), random.choice(_TROUBLES), random.randrange(1_000_000)
    filed = await act(
        "submit",
        _SUBMIT,
        desk.representative,
        words=f"{place}{number}号{trouble}，已经三天了，请尽快处理。",
        channel="visit",
        community=desk.community,
        contact={"name": "王小明", "phone": f"138{number:08}"},
    )
    petition = filed["petitionId"]
    of = {"petitionId": petition}
    await act("accept", _ACCEPT, desk.committee, **of, title=f"{place}{number}号{trouble}", category="drainage")
    await act("listen", _LISTEN, desk.representative, **of, said=f"住户反映{trouble}，影响出行")
    await act("look", _LOOK, desk.worker, **of, findings=f"现场查看：{place}确有{trouble}的情况")
    await act("deliberate", _DELIBERATE, desk.committee, **of, outcome="由职能部门处理，一周内完成", participants=6)
    handed = await act("handle", _HAND_OVER, desk.committee, **of, request=f"请处理{place}{trouble}的问题并查明原因")
    known = await client.wait(
        "wait for dispatch",
        _ORDERS,
        desk.committee,
        {"id": petition},
        handed["position"],
        _has_an_order,
    )
    order = {"workOrderId": known["petition"]["handling"]["workOrders"][0]["id"]}
    await act("assign", _ASSIGN, desk.committee, **order, department=desk.department)
    await act("acknowledge", _ACKNOWLEDGE, desk.officer, **order)
    await act("start", _START, desk.officer, **order)
    replied = await act("reply", _REPLY, desk.officer, **order, words="已处理完毕，请核实。", measures="派人现场施工")
    await client.wait(
        EVENT_TO_VIEW_STEP,
        _STAGE,
        desk.representative,
        {"id": petition},
        replied["position"],
        _awaits_a_visit,
    )
    answers = {"means": "PHONE", "responded": True, "solved": True, "satisfied": True}
    await act("visit", _VISIT, desk.representative, **of, **answers)
    closed = await act("close", _CLOSE, desk.committee, **of)
    whole = await client.ask("read", WHOLE, desk.committee, {"id": petition}, closed["position"])
    if whole["petition"]["evaluation"]["state"] != "CLOSED" or not whole["petition"]["timeline"]["edges"]:
        raise RefusedError(f"read: {whole}")
    return petition
