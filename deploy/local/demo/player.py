"""Playing a case against a running system: people's requests, and the live view that tells what came of them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp

from deploy.local.demo.case import Act, Aside, Case, Look, Overrun, Step, Told
from deploy.local.demo.errors import DemoError
from deploy.local.demo.fast import chosen_speed, faster
from deploy.local.demo.following import follow
from deploy.local.demo.people import Person
from deploy.local.demo.screen import Screen
from deploy.local.demo.story import Entry, Story
from services.contracts.vocabulary import Role
from services.kernel.auth.development import sign
from services.kernel.domain_clock import DomainClock

_TOLD_WITHIN: Final = 20.0

_ORDERS: Final = "query Orders($id: ID!) { petition(id: $id) { handling { workOrders { id } } } }"
_INSTRUCTIONS: Final = (
    "query Instructions($id: ID!) { petition(id: $id) { handling { instructions { id answer { at } } } } }"
)
_BEHIND: Final = """
query Behind($id: ID!, $after: String) {
  petition(id: $id) { timeline(first: 100, after: $after) { edges { node { id } } } }
}"""
_CLOCK: Final = """
query Clock($id: ID!) { petition(id: $id) { handling { deadlines {
  kind explanation { levelOneAt levelTwoAt levelThreeAt }
} } } }"""
_LEVELS: Final = ("levelOneAt", "levelTwoAt", "levelThreeAt")
_OPEN: Final = "mutation Open($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"

_SELECTION: Final[Mapping[str, str]] = {"submitPetition": "petitionId trackingCode secret "}


@dataclass(frozen=True, slots=True)
class Filed:
    """The petition that is played, and what opens it."""

    id: str
    code: str
    secret: str


@dataclass
class Player:
    """Plays one case.

    `clock_file` is that of the running system's domain clock, if it is known; `pause` are the seconds between acts.
    """

    url: str
    keys: Path
    session: aiohttp.ClientSession
    screen: Screen
    clock_file: Path | None = None
    speed: str = ""
    pause: float = 0.0
    filed: Filed | None = None
    _position: str | None = None
    _residents: str | None = None
    _cursor: str | None = None
    _follower: asyncio.Task[None] | None = None
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, case: Case) -> Filed:
        """Play a case to its end; return the petition.

        :raises DemoError: the system answered otherwise than it should, or its time cannot be sped up from here.
        """
        if case.speeds_time_up and self.clock_file is None:
            raise DemoError("THROUGH_TRAIN_DOMAIN_CLOCK must name the file of the running system's domain clock.")
        try:
            for step in case.steps:
                await self._step(step)
        finally:
            if self._follower is not None:
                self._follower.cancel()
                with suppress(asyncio.CancelledError, Exception):  # what ended it was told where it was waited for
                    await self._follower
        return self._petition()

    async def _step(self, step: Step) -> None:
        match step:
            case Act():
                await self._act(step)
            case Look():
                self.screen.say(self.screen.language.plain(step.says), await self._seen(step))
            case Overrun():
                await self._overrun(step)
            case Told():
                self.screen.say(self.screen.language.plain(step.says), [])
                await self._until(lambda story: any(entry.type == step.type for entry in story.told))
            case Aside():
                self.screen.say(self.screen.language.plain(step.says), [])
                await step.do()
        await self._rest()

    async def _act(self, act: Act) -> None:
        self.screen.acting(act)
        await self._rest()
        before = len(self.screen.story.told)
        given = {**act.given, **await self._about(act.mutation), "idempotencyKey": str(uuid4())}
        input_type = act.mutation[0].upper() + act.mutation[1:] + "Input"
        selection = _SELECTION.get(act.mutation, "")
        document = f"mutation($input: {input_type}!) {{ {act.mutation}(input: $input) {{ {selection}position }} }}"
        done = (await self._ask(document, await self._token(act.who), input=given))[act.mutation]
        self._position = done["position"]
        if act.mutation == "submitPetition":
            self.filed = Filed(done["petitionId"], done["trackingCode"], done["secret"])
            self._follower = asyncio.create_task(self._follow())
        if act.then:
            await self._until(lambda story: any(entry.type == act.then for entry in story.told[before:]))
        await self._caught_up()

    async def _about(self, mutation: str) -> dict[str, Any]:
        """Return the id that a mutation's input needs: of the petition, its latest order, or its open instruction."""
        if mutation == "submitPetition":
            return {}
        petition = self._petition().id
        if mutation == "answerInstruction":
            answer = await self._supervised(_INSTRUCTIONS)
            return {"instructionId": next(one["id"] for one in answer["instructions"] if not one["answer"])}
        if mutation.endswith("WorkOrder") or mutation in {"askResident", "sendBackReply"}:
            return {"workOrderId": (await self._supervised(_ORDERS))["workOrders"][-1]["id"]}
        return {"petitionId": petition}

    async def _seen(self, look: Look) -> list[str]:
        language = self.screen.language
        variables = {"id": self._petition().id, "locale": language.locale}
        wanted = {name: value for name, value in variables.items() if f"${name}:" in look.query}
        answer = await self._ask(look.query, await self._token(look.who), **wanted)
        return look.lines(answer, language)

    async def _overrun(self, overrun: Overrun) -> None:
        assert self.clock_file is not None
        deadlines = (await self._supervised(_CLOCK))["deadlines"]
        [clock] = [one for one in deadlines if one["kind"] == overrun.clock]
        reached = datetime.fromisoformat(clock["explanation"][_LEVELS[overrun.level - 1]])
        left = max((reached - DomainClock(self.clock_file)()).total_seconds(), 1.0)
        speed = chosen_speed(self.speed, left=left, level=overrun.level, seconds=overrun.seconds)
        before = len(self.screen.story.told)

        def happened(entry: Entry) -> bool:
            return (entry.type, entry.clock, entry.level) == ("clock.escalated", overrun.clock, overrun.level)

        self.screen.notice(overrun.says, speed=speed)
        with faster(self.clock_file, speed, lasting=timedelta(seconds=left / speed + _TOLD_WITHIN)):
            await self._until(
                lambda story: any(happened(entry) for entry in story.told[before:]), within=left / speed + _TOLD_WITHIN
            )
        self.screen.notice(overrun.says)

    async def _follow(self) -> None:
        committee = self.screen.story.case.committee

        def sent() -> dict[str, str]:
            return self._headers(self._signed(committee))

        async for update in follow(self.session, self.url, sent, self._petition().id):
            self._cursor = update.cursor
            self.screen.told(update)
            self._told.set()

    async def _caught_up(self) -> None:
        """Wait until the live view has told everything that feedback knew after the latest act."""
        committee = self._signed(self.screen.story.case.committee)
        answer = await self._ask(_BEHIND, committee, id=self._petition().id, after=self._cursor)
        known = {edge["node"]["id"] for edge in answer["petition"]["timeline"]["edges"]}
        await self._until(lambda story: known <= {entry.id for entry in story.told})

    async def _until(self, true_of: Callable[[Story], bool], within: float = _TOLD_WITHIN) -> None:
        """Wait until the live view has told enough.

        :raises DemoError: it has not in time, or broke off.
        """
        assert self._follower is not None
        try:
            async with asyncio.timeout(within):
                while not true_of(self.screen.story):
                    self._told.clear()
                    waiting = asyncio.create_task(self._told.wait())
                    await asyncio.wait({waiting, self._follower}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    if self._follower.done():
                        await self._follower
        except TimeoutError:
            last = self.screen.story.last
            heard = f"; the last that it told was {last.type}" if last else ""
            raise DemoError(
                f"the live view did not tell within {within:.0f} seconds what had happened{heard}"
            ) from None

    async def _rest(self) -> None:
        if self.pause:
            await asyncio.sleep(self.pause)

    async def _token(self, who: Person) -> str | None:
        """Return somebody's token: a resident has none before filing, and afterwards the petition's own."""
        if who.role is not Role.RESIDENT:
            return self._signed(who)
        if self.filed is not None and self._residents is None:
            given = {"trackingCode": self.filed.code, "secret": self.filed.secret}
            self._residents = (await self._ask(_OPEN, None, input=given))["openPetition"]["token"]
        return self._residents

    def _signed(self, who: Person) -> str:
        assert who.user is not None
        return sign(self.keys, who.user, **who.claims)

    async def _supervised(self, document: str) -> dict[str, Any]:
        answer = await self._ask(document, sign(self.keys, Role.DISTRICT_SUPERVISOR), id=self._petition().id)
        return answer["petition"]["handling"]

    async def _ask(self, document: str, token: str | None, **variables: Any) -> dict[str, Any]:
        """Send a request that reads everything after the latest act.

        :raises DemoError: it was refused, or answered in part.
        """
        body = {"query": document, "variables": variables}
        async with self.session.post(self.url, json=body, headers=self._headers(token)) as it:
            answer = await it.json()
        if answer.get("errors"):
            raise DemoError("; ".join(str(error["message"]) for error in answer["errors"]))
        return answer["data"]

    def _headers(self, token: str | None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return {**headers, "Read-After": self._position} if self._position else headers

    def _petition(self) -> Filed:
        assert self.filed is not None
        return self.filed
