"""A life that is played: what is done about one petition, by whom, and how long it takes in working days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

from bench.large import acts
from bench.large.played_time import PlayedTime
from bench.large.texts import Matter, new_name, new_phone
from bench.life import Client, RefusedError
from bench.people import Desk
from services.kernel.auth.development import sign

RESIDENTS: Final = 300_000
"""Phone numbers that petitions come from."""

_NOBODY: Final = ""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_HEARD: Final = ("visit", "household-chat", "venue-meeting", "through-train")
_BY_THEMSELVES: Final = ("qr-code", "online", "hotline")


@dataclass(frozen=True)
class Offices:
    """Tokens of those who act for the district or for departments, signed when first asked for."""

    keys: Path
    _of_departments: dict[str, str] = field(default_factory=dict[str, str])

    def department(self, code: str) -> str:
        """Return the token of a department's officer."""
        if code not in self._of_departments:
            self._of_departments[code] = sign(self.keys, "department", sub=f"bench-{code}", department=code)
        return self._of_departments[code]

    @cached_property
    def supervisor(self) -> str:
        """The district supervisor's token."""
        return sign(self.keys, "district_supervisor", sub="bench-supervisor")

    @cached_property
    def operator(self) -> str:
        """The operator's token."""
        return sign(self.keys, "operator", sub="bench-operator")


@dataclass
class Life:
    """One petition and those who act on it; each act first lets working days pass, by chance between two bounds.

    Acts raise OverError when the time that is played is over by then, and RefusedError when the service refuses: a
    clock may have been quicker.
    """

    client: Client
    time: PlayedTime
    offices: Offices
    desk: Desk
    beside: Desk
    """Another representative's, of the same community if there is one there, who may follow it too."""
    matter: Matter
    random: Random
    petition: str = ""
    order: str = ""
    department: str = ""
    _opens: Mapping[str, str] = field(default_factory=dict[str, str])
    _position: str = ""
    _acted: datetime = _NEVER

    def likely(self, share: float) -> bool:
        """Tell by chance: true in so large a share of all cases."""
        return self.random.random() < share

    async def wait(self, least: float, most: float) -> None:
        """Let working days pass since the act before; by then all services know of it."""
        working = timedelta(days=self.random.uniform(least, most))
        until = self.time.calendar.add(self._acted, working)
        await self._known()
        await self.time.until(until)

    async def _known(self) -> None:
        began = monotonic()
        await self.client.ask("wait", acts.STANDING, self.offices.supervisor, {"id": self.petition}, self._position)
        self.time.took(monotonic() - began)

    async def _act(self, document: str, token: str, **given: Any) -> Any:
        """Send a mutation; keep when that was and where it stands."""
        began, self._acted = monotonic(), self.time.now()
        payload = await self.client.act(document.split("{ ")[1].split("(")[0], document, token, **given)
        self.time.took(monotonic() - began)
        self._position = payload["position"]
        return payload

    async def _of_petition(self, document: str, token: str, **given: Any) -> Any:
        return await self._act(document, token, petitionId=self.petition, **given)

    async def _of_order(self, document: str, token: str, **given: Any) -> Any:
        return await self._act(document, token, workOrderId=self.order, **given)

    # Intake

    async def file(self) -> None:
        """File it: a little more than half are heard by a representative, the others come from residents themselves."""
        heard = self.likely(0.55)
        filed = await self._act(
            acts.SUBMIT,
            self.desk.representative if heard else _NOBODY,
            words=f"{self.matter.title}，已经三天了，请尽快处理。",
            kind=self.matter.kind,
            channel=self.random.choice(_HEARD if heard else _BY_THEMSELVES),
            community=self.desk.community,
            contact={"name": new_name(self.random), "phone": new_phone(self.random, RESIDENTS)},
        )
        self.petition = filed["petitionId"]
        self._opens = {"trackingCode": filed["trackingCode"], "secret": filed["secret"]}
        if self.beside.community == self.desk.community and self.likely(0.1):
            await self.wait(0.02, 0.2)
            await self._of_petition(acts.FOLLOW, self.beside.representative)

    async def accept(self, least: float = 0.05, most: float = 0.7) -> None:
        """Accept it: one in fifteen too late."""
        await self.wait(*((1.1, 3.5) if self.likely(0.07) else (least, most)))
        given = {"title": self.matter.title, "category": self.matter.category}
        await self._of_petition(
            acts.ACCEPT, self.desk.committee, **given, urgency="URGENT" if self.likely(0.04) else "NORMAL"
        )

    async def reject(self) -> None:
        """Reject it before screening."""
        await self.wait(0.05, 0.8)
        ground, referral = self.random.choice(
            (("OUTSIDE_REMIT", "OTHER_DISTRICT"), ("IN_LITIGATION", "COURT"), ("PETITION_LAW", "PETITION_OFFICE"))
        )
        given = {"ground": ground, "referral": referral, "reason": f"{self.matter.title}不属于受理范围"}
        await self._of_petition(acts.REJECT, self.desk.committee, **given)

    async def listen(self) -> None:
        """Listen to what people say."""
        await self.wait(0.1, 0.8)
        said = f"住户反映{self.matter.title}，影响出行和生活"
        await self._of_petition(acts.LISTEN, self.desk.representative, said=said)

    async def look(self) -> None:
        """Look at the place; one time in eight that is left out."""
        await self.wait(0.1, 1.0)
        if self.likely(0.12):
            given = {"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "照片已经说明情况"}
            await self._of_petition(acts.SKIP, self.desk.committee, **given)
        else:
            findings = f"现场查看，{self.matter.address}确有{self.matter.trouble}的情况"
            await self._of_petition(acts.LOOK, self.desk.worker, findings=findings)

    async def deliberate(self) -> None:
        """Deliberate; one time in fifteen so late that screening takes too long."""
        await self.wait(*((3.0, 8.0) if self.likely(0.07) else (0.1, 1.2)))
        given = {"outcome": f"{self.matter.trouble}由职能部门处理", "participants": self.random.randrange(3, 12)}
        await self._of_petition(acts.DELIBERATE, self.desk.committee, **given)

    async def hand_over(self) -> None:
        """Hand it over, a class of deadline with it."""
        await self.wait(0.05, 0.6)
        classes = self.random.choices(("SIMPLE", "ORDINARY", "COMPLEX"), (2, 7, 1))
        request = f"请处理{self.matter.title}的问题，查明原因并答复。"
        await self._of_petition(acts.HAND_OVER, self.desk.committee, request=request, deadlineClass=classes[0])

    async def solve_on_the_spot(self) -> None:
        """Solve it on the spot."""
        await self.wait(0.05, 0.6)
        await self._of_petition(acts.ON_THE_SPOT, self.desk.committee, measures=f"{self.matter.trouble}已当场处理")

    async def decline(self) -> None:
        """Decline it after screening."""
        await self.wait(0.05, 0.6)
        await self._of_petition(acts.DECLINE, self.desk.committee, ground="NO_BASIS", reason="没有政策依据")

    async def withdraw(self) -> None:
        """Take it back, as its resident."""
        await self.wait(0.1, 2.0)
        await self._of_petition(acts.WITHDRAW, await self._resident(), reason="已经自行解决")

    async def _resident(self) -> str:
        opened = await self.client.ask("openPetition", acts.OPEN, _NOBODY, {"input": self._opens})
        return opened["openPetition"]["token"]

    async def erase(self) -> None:
        """Erase its personal data, as the operator."""
        await self.wait(0.1, 2.0)
        await self._of_petition(acts.ERASE, self.offices.operator, because="本人申请")

    async def _look_up(self, token: str, purpose: str) -> None:
        """Look at the resident's contact data, which is recorded."""
        await self._known()
        given = {"petitionId": self.petition, "purpose": purpose}
        await self.client.ask("lookUpContact", acts.LOOK_UP, token, {"input": given})

    # Dispatch

    async def assign(self, *, to: str | None = None) -> None:
        """Assign the latest order: to whom routing suggests, or else to the desk's department."""
        await self.wait(*((2.1, 5.0) if self.likely(0.05) else (0.05, 1.3)))
        known = await self.client.ask(
            "orders", acts.ORDERS, self.offices.supervisor, {"id": self.petition}, self._position
        )
        order = max(known["petition"]["handling"]["workOrders"], key=lambda one: (one["cycle"], one["id"]))
        suggestion = order["suggestion"]
        suggested = suggestion["department"]["id"] if suggestion and suggestion["department"] else self.desk.department
        self.order, self.department = order["id"], to or suggested
        await self._of_order(acts.ASSIGN, self.desk.committee, department=self.department)

    async def decline_order(self) -> None:
        """Hand the order back, as the department that has it."""
        await self.wait(0.05, 0.8)
        given = {"ground": "NOT_OURS", "reason": "不属本单位职责", "proposed": self.desk.department}
        if self.desk.department == self.department:
            del given["proposed"]
        await self._of_order(acts.DECLINE_ORDER, self.offices.department(self.department), **given)

    async def rule(self) -> None:
        """Rule on who is responsible."""
        await self.wait(0.3, 1.8)
        self.department = self.desk.department
        given = {"department": self.department, "reason": "按职责由该单位承办"}
        await self._of_order(acts.RULE, self.offices.supervisor, **given)

    async def take_on(self) -> None:
        """Acknowledge and start, and one time in ten look up whom to call."""
        officer = self.offices.department(self.department)
        await self.wait(*((1.1, 3.0) if self.likely(0.06) else (0.02, 0.75)))
        await self._of_order(acts.ACKNOWLEDGE, officer)
        await self.wait(0.02, 1.0)
        await self._of_order(acts.START, officer)
        if self.likely(0.1):
            await self._look_up(officer, "与当事人约定上门时间")

    async def ask_and_hear(self, *, answered: bool) -> None:
        """Ask the resident something; the answer comes, or the time for it runs out."""
        await self.wait(0.2, 2.0)
        await self._of_order(acts.ASK, self.offices.department(self.department), question="具体在哪个位置？")
        if answered:
            await self.wait(0.1, 2.5)
            await self._of_petition(acts.ADD, await self._resident(), words=f"就在{self.matter.address}门口")
        else:
            await self.wait(5.2, 6.0)

    async def reply(self, least: float = 1.0, most: float = 6.0) -> None:
        """Reply: one in ten too late."""
        await self.wait(*((15.0, 24.0) if self.likely(0.1) else (least, most)))
        given = {"words": f"{self.matter.title}的问题已处理完毕，请核实。", "measures": "派人现场处理"}
        await self._of_order(acts.REPLY, self.offices.department(self.department), **given)

    async def send_back(self) -> None:
        """Send the reply back, before anybody has visited."""
        await self.wait(0.05, 0.4)
        given = {"ground": "INCOMPLETE", "reason": "没有说明原因"}
        await self._of_order(acts.SEND_BACK, self.desk.committee, **given)

    async def press(self, *, answered: bool) -> None:
        """Press it, as the supervisor; whoever leads answers."""
        await self.wait(0.1, 1.5)
        pressed = await self._of_petition(acts.PRESS, self.offices.supervisor, instruction="请说明进展")
        if answered:
            await self.wait(0.1, 0.9)
            given = {"instructionId": pressed["instruction"]["id"], "words": "正在抓紧办理"}
            await self._act(acts.ANSWER, self.offices.department(self.department), **given)

    # Feedback

    async def visit(self, *, solved: bool = True, satisfied: bool = True, ledger: bool = False) -> None:
        """Visit: one time in seven after an attempt that failed."""
        await self.wait(*((5.2, 8.0) if self.likely(0.06) else (0.2, 3.0)))
        if self.likely(0.14):
            await self._attempt()
            await self.wait(1.0, 1.5)
        answers = {"responded": True, "solved": solved, "satisfied": satisfied, "ledgerProposed": ledger}
        given = {"means": self.random.choice(("PHONE", "IN_PERSON")), "comment": f"回访{self.matter.trouble}一事"}
        await self._of_petition(acts.VISIT, self.desk.representative, **given, **answers)

    async def _attempt(self) -> None:
        await self._of_petition(acts.ATTEMPT, self.desk.representative, means="PHONE", comment="无人接听")

    async def miss(self) -> None:
        """Try on three days, and say that nobody was reached."""
        await self.wait(0.2, 0.8)
        for _ in range(3):
            await self._attempt()
            await self.wait(1.0, 1.2)
        await self._of_petition(acts.VISIT, self.desk.representative, means="PHONE", reached=False)

    async def close(self) -> None:
        """Close it; one time in three that is left to the clock."""
        if self.likely(0.33):
            return
        await self.wait(0.1, 1.2)
        try:
            await self._of_petition(acts.CLOSE, self.desk.committee)
        except RefusedError as refused:
            if "'state': 'CLOSED'" not in str(refused):  # else the clock was quicker
                raise

    async def reopen(self) -> None:
        """Reopen what was solved to no satisfaction."""
        await self.wait(0.1, 0.8)
        await self._of_petition(acts.REOPEN, self.desk.committee, ground="POOR_QUALITY", reason="处理后又出现")

    async def approve_ledger(self) -> None:
        """Put it on the ledger, to be looked at again in some months."""
        await self.wait(0.1, 0.8)
        review = self.time.now() + timedelta(days=self.random.uniform(90, 300))
        given = {"department": self.desk.department, "ground": "NO_FUNDS", "reason": "列入明年预算"}
        await self._of_petition(acts.APPROVE_LEDGER, self.desk.committee, **given, reviewOn=f"{review:%Y-%m-%d}")

    async def refuse_ledger(self) -> None:
        """Refuse the ledger: it is reopened."""
        await self.wait(0.1, 0.8)
        await self._of_petition(acts.REFUSE_LEDGER, self.desk.committee, reason="今年可以安排")
