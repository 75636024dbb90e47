"""Fuzzing the whole district, through the gateway and each service directly.

`python -m tests.system.fuzz.campaign --cases 5000 --seed 7`: prints cases, seconds and findings by kind; the exit code
is 1 when there are any. The seed decides what is sent; ids are those of the run.
"""

import argparse
import asyncio
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
from graphql import build_client_schema, get_introspection_query, print_schema
from structlog.testing import capture_logs

from deploy.audit.check import check
from deploy.audit.place import SERVICES, Place
from gateway.access import TABLES
from services.contracts.vocabulary import Role, Source
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from tests.support import people as p
from tests.support import servers
from tests.support.district import District, district, eventually
from tests.system.doors.operations import SCHEMAS
from tests.system.doors.standing import Standing, stand
from tests.system.fuzz.known import Known, know
from tests.system.fuzz.requests import Request, Surface, drawn
from tests.system.fuzz.verdict import findings

PATIENCE: Final = 30.0
_MESSAGE: Final = re.compile(rb'"message":"((?:[^"\\]|\\.)*)"')
_PARTICULAR: Final = re.compile(r"""'[^']*'|\\"[^"]*\\"|[0-9]+""")
_EXAMPLES: Final = 3
_AT_ONCE: Final = 500
_AGAIN_EVERY: Final = 4_000
"""After so many cases the petitions have had their share: others take their place."""
_MORE: Final = 6
_HELD_UP: Final = "petitions are held up: see `parked list`"


@dataclass
class Outcome:
    """What came of it."""

    cases: int = 0
    seconds: float = 0.0
    findings: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    answers: Counter[str] = field(default_factory=Counter[str])
    said: Counter[str] = field(default_factory=Counter[str])
    asked: set[str] = field(default_factory=set[str])
    through: set[str] = field(default_factory=set[str])
    slowest: tuple[float, str] = (0.0, "")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def note(self, kind: str, example: str) -> None:
        """Count a finding, and keep some of each kind."""
        self.findings[kind] += 1
        kept = self.examples.setdefault(kind, [])
        if len(kept) < _EXAMPLES:
            kept.append(example)

    def __str__(self) -> str:
        """Return the figures."""
        lines = [
            f"{self.cases} cases in {self.seconds:.0f} s, {self.findings.total()} findings",
            "answers: " + ", ".join(f"{count} {name}" for name, count in self.answers.most_common()),
            f"{len(self.through)} of {len(self.asked)} root fields answered with data; never: "
            + (", ".join(sorted(self.asked - self.through)) or "none"),
            f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1][:300]}",
        ]
        for kind, count in self.findings.most_common():
            lines += [f"\n{count} × {kind}", *(f"    {example}" for example in self.examples[kind])]
        return "\n".join(lines)


async def stood(world: District) -> Standing:
    """Bring petitions to every standing, and more to those that one act leads on from."""
    standing = await stand(world)
    await asyncio.gather(*(_more(standing, nth) for nth in range(_MORE)))
    return standing


async def _more(standing: Standing, nth: int) -> None:
    people, petitions = standing.people, standing.petitions
    petitions[f"fresh {nth}"] = await people.file("representative")
    petitions[f"accepted {nth}"] = await people.file("representative")
    (await people.accept(petitions[f"accepted {nth}"])).ok()
    petitions[f"listened {nth}"] = listened = await people.file("representative")
    (await people.accept(listened)).ok()
    (await people.do(p.LISTEN, "representative", petitionId=listened.id, said="听")).ok()
    petitions[f"screened {nth}"] = screened = await people.file("representative")
    await people.screen(screened)
    petitions[f"ready {nth}"] = await people.ready()
    petitions[f"assigned {nth}"], handed = await people.handed_over()
    await people.assigned(petitions[f"assigned {nth}"], after=handed)
    petitions[f"acknowledged {nth}"], handed = await people.handed_over()
    order = await people.assigned(petitions[f"acknowledged {nth}"], after=handed)
    (await people.do(p.ACKNOWLEDGE, "department", workOrderId=order)).ok()
    petitions[f"started {nth}"], handed = await people.handed_over()
    await people.in_progress(petitions[f"started {nth}"], after=handed)
    for name in ("awaited", "proposed"):
        petitions[f"{name} {nth}"], _, replied = await people.replied()
        if name == "proposed":
            proposed: dict[str, Any] = {"solved": False, "satisfied": False, "ledgerProposed": True}
            (await people.visit(petitions[f"{name} {nth}"], after=replied, **proposed)).ok()


async def surfaces(world: District) -> list[Surface]:
    """Return the gateway, which is met most, and the three services."""
    told = (await world.ask(get_introspection_query())).ok()
    roles: dict[str, list[str]] = {}
    for table in TABLES.values():
        roles |= {
            name: [role.value for role in door.rule.roles]
            for (root, name), door in table.fields.items()
            if root in {"Query", "Mutation"} and door.rule is not None and Role.ANYONE not in door.rule.roles
        }
    public = Surface("gateway", world.url, print_schema(build_client_schema(told)), roles)
    own: list[Surface] = []
    for source, schema in SCHEMAS.items():
        sdl, referable = print_schema(schema._schema), sorted(schema._references)
        own.append(Surface(source.value, world.services[source.value].url, sdl, roles, referable))
    return [public, public, public, *own]


@dataclass
class Campaign:
    """A district, and what is sent to it."""

    world: Standing
    known: Known
    surfaces: Sequence[Surface]
    outcome: Outcome = field(default_factory=Outcome)
    foreign: set[UUID] = field(default_factory=set[UUID])

    async def send(self, session: aiohttp.ClientSession, request: Request) -> None:
        """Send a request, and judge the answer."""
        url = next(surface.url for surface in self.surfaces if surface.name == request.surface)
        token = self.known.tokens[request.by]
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        headers |= {name: self.known.told(value) for name, value in request.headers.items()}
        body = self.known.told(request.body.replace("\\u00ab", "«").replace("\\u00bb", "»"))
        start = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE), session.post(url, data=body.encode(), headers=headers) as response:
                read = await response.read()
                found = findings(response.status, response.content_type, read)
        except (TimeoutError, aiohttp.ClientError) as error:
            found, read = [f"no answer: {type(error).__name__}"], b""
        took = time.monotonic() - start
        self.outcome.cases += 1
        came_to = _came_to(read)
        self.outcome.answers[came_to] += 1
        if message := _MESSAGE.search(read):
            self.outcome.said[_PARTICULAR.sub("…", message[1].decode(errors="replace"))[:100]] += 1
        if "," not in request.about:
            self.outcome.asked.add(request.about)
            if came_to == "data":
                self.outcome.through.add(request.about)
        self.outcome.slowest = max(self.outcome.slowest, (took, str(request)))
        for kind in found:
            self.outcome.note(f"{request.surface}: {kind}", f"{request}\n        → {read[:400]!r}")

    async def fuzz(self, cases: int, seed: int | None) -> None:
        """Send so many requests, one after another; without a seed always the same."""
        loop, start = asyncio.get_running_loop(), time.monotonic()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            told = await loop.run_in_executor(apart, drawn, self.surfaces, self.known.names, cases, seed)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3)) as session:
            for request in told:
                await self.send(session, request)
        self.outcome.seconds += time.monotonic() - start

    async def renew(self, *, stand_again: bool) -> None:
        """Learn what there is by now, and let others take the place of petitions that have had their share."""
        if stand_again:
            self.world = await stood(self.world.district)
            self.foreign |= {UUID(petition) for petition in self.world.parked.values()}
        self.known = await know(self.world)

    async def look_around(self, logged: Sequence[dict[str, Any]]) -> None:
        """Note what all of it has left behind: services that are not ready, poison, disagreement, errors in logs."""
        district_ = self.world.district
        for name, service in district_.services.items():
            ready = await eventually(lambda at=service.url: _ready(district_, at))
            if ready != "ready":
                self.outcome.note(f"{name} is not ready", ready)
            poison = "SELECT aggregate_id, source, sequence, detail FROM own.parked WHERE reason = 'POISON'"
            for row in await service.fetch(poison):
                if row["aggregate_id"] not in self.foreign:
                    self.outcome.note(f"{name} holds poison", str(row))
        databases = {name: district_.services[name].settings.database_url.get_secret_value() for name in SERVICES}
        place = Place(databases, district_.servers.bootstrap, district_.prefix)
        report = await check(place, settle_within=30, now=district_.time.now, foreign=self.foreign)
        for finding in report.findings:
            self.outcome.note(f"the check finds {finding.kind.value}", str(finding))
        for entry in logged:
            on_purpose = entry["event"] == _HELD_UP or entry.get("petition_id") in {str(it) for it in self.foreign}
            if entry["log_level"] in {"error", "critical"} and not on_purpose:
                self.outcome.note(f"logged: {entry['event']}", str(entry)[:1_500])


def _came_to(read: bytes) -> str:
    """Return the codes of an answer, for the statistics."""
    codes = sorted({part.split(b'"', 1)[0].decode() for part in read.split(b'"code":"')[1:]})
    return "+".join(codes) or "data"


async def _ready(world: District, url: str) -> str:
    async with world.session.get(url.replace("/graphql", "/readyz")) as response:
        return (await response.json()).get("problem") or "ready"


class _Heard(logging.Handler):
    """Keeps what libraries say of errors, as the HTTP server does of an answer that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # On a machine that others use, too, a consumer may lose its group for a moment, and finds it again.
        if not record.name.startswith("aiokafka"):
            self.said.append(f"{record.name}: {record.getMessage()}")


@contextmanager
def _heard() -> Generator[_Heard]:
    heard = _Heard()
    logging.getLogger().addHandler(heard)
    try:
        yield heard
    finally:
        logging.getLogger().removeHandler(heard)


@asynccontextmanager
async def campaign(world: District) -> AsyncGenerator[Campaign]:
    """Prepare a district, and look around in it at the end."""
    with capture_logs() as logged, _heard() as heard:
        standing = await stood(world)
        logged.clear()  # it published events that no service knows, and each said so
        it = Campaign(standing, await know(standing), await surfaces(world))
        it.foreign |= {UUID(petition) for petition in standing.parked.values()}
        yield it
        await it.look_around([dict(entry) for entry in logged])
        for line in await asyncio.to_thread(_errors_of_gateway, world):
            it.outcome.note("logged by the gateway", line[:1_500])
        for line in heard.said:
            it.outcome.note("logged by a library", line[:1_500])


def _errors_of_gateway(world: District) -> list[str]:
    assert world.gateway is not None
    log = world.gateway.process.log
    return [line for line in log.read_text(errors="replace").splitlines() if '"level":"error"' in line]


@contextmanager
def _folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="through-train-fuzz-"))
    try:
        yield folder
    finally:
        servers.release(folder)
        shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path, cases: int, seed: int) -> Outcome:
    wirings = {Source.INTAKE.value: INTAKE, Source.DISPATCH.value: DISPATCH, Source.FEEDBACK.value: FEEDBACK}
    running = servers.obtain(folder, os.getpid())
    async with district(running, wirings, folder=folder / "gateway", gateway=True) as world:
        async with campaign(world) as it:
            for first in range(0, cases, _AT_ONCE):
                if first:
                    await it.renew(stand_again=first % _AGAIN_EVERY == 0)
                await it.fuzz(min(_AT_ONCE, cases - first), seed + first)
                print(f"{it.outcome.cases} cases, {it.outcome.findings.total()} findings", flush=True)
        return it.outcome


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(description="Fuzz the whole district.")
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--said", type=int, default=0, help="print so many of the commonest refusals too")
    given = parser.parse_args()
    with _folder() as folder:
        (folder / "gateway").mkdir()
        outcome = asyncio.run(_run(folder, given.cases, given.seed))
    for message, count in outcome.said.most_common(given.said):
        print(f"{count:6} {message}")
    print(outcome)
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
