"""The images do what the checkout does: three services and the gateway from them, beside the run's containers.

Everything here is started as an installation would start it: without root, without a capability, on a root that nobody
can write.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from deploy.images.names import ImageSettings
from deploy.local.gateway import WITHOUT_RATES
from deploy.local.ports import LOOPBACK, free_port
from services.kernel.auth import keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER, INTAKE_ISSUER
from tests.support import people as p
from tests.support.containers import KAFKA_INSIDE, POSTGRES_INSIDE, Container, Run, joining
from tests.support.district import District, SettableTime, eventually
from tests.support.people import People
from tests.support.references import RECORDERS, record_small
from tests.support.servers import SERVICES, Servers

PORT: Final = 4000
"""Where the services and the gateway listen, each in its own container."""

KEYS: Final = "/etc/through-train/keys"
GATEWAY: Final = "gateway"
STOPPED_WITHIN: Final = 20
HEALTHY_WITHIN: Final = 60.0
MIGRATED_WITHIN: Final = 120.0

WHOLE: Final = """query Whole($id: ID!) { petition(id: $id) {
  state stageLabel(locale: "en") evaluation { state }
  timeline(first: 100) { edges { node { service type } } }
} }"""


class Program(Container):
    """A container of one of our images."""

    def __init__(
        self, image: str, run: Run, *, alias: str, keys: Path, ports: Mapping[int, int], command: Sequence[str] = ()
    ) -> None:
        """Describe the container; `keys` is a folder that it may read."""
        super().__init__(
            *(image, run),
            alias=alias,
            ports=ports,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        self.with_volume_mapping(keys, KEYS, "ro")
        self.with_command(list(command))

    @property
    def state(self) -> dict[str, Any]:
        """Return what Docker knows of it now."""
        self.reload()
        return self.get_wrapped_container().attrs["State"]

    async def healthy(self) -> bool:
        """Tell whether the image's own check has found it well."""
        return self.state["Health"]["Status"] == "healthy"


@dataclass
class Installed(District):
    """A district whose services and gateway are containers."""

    address: str = ""
    programs: dict[str, Program] = field(default_factory=dict[str, Program])

    @property
    def url(self) -> str:
        """Where clients go: the gateway."""
        return self.address


@pytest.fixture(scope="module")
async def installed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installed]:
    """Three services and a gateway from the images, on fresh databases and topics of the run's servers."""
    if not servers.network:
        pytest.fail("these are about containers: say `make test-containers`")
    run, chosen = joining(servers.network), ImageSettings()
    prefix = f"i{uuid4().hex[:8]}"
    readable = copied(Path(servers.keys), tmp_path_factory.mktemp("keys"))
    urls = {service: f"{servers.dsns[service].rpartition('/')[0]}/{prefix}_{service}" for service in SERVICES}
    admin = await asyncpg.connect(servers.admin_dsn)
    for service in SERVICES:
        await admin.execute(f"CREATE DATABASE {prefix}_{service} OWNER {service}")
    await admin.close()

    def program(service: str, *roles: str, alias: str | None = None) -> Program:
        made = Program(
            *(chosen.services_image, run),
            alias=alias or service,
            keys=readable,
            ports={},
            command=[f"services.{service}", *roles],
        )
        for name, value in told(urls[service], f"{prefix}-").items():
            made.with_env(name, value)
        return made

    async with AsyncExitStack() as stack:
        for service in SERVICES:
            with program(service, "migrate", alias=f"{service}-migrate") as migrating:
                code = await asyncio.wait_for(asyncio.to_thread(migrating.wait), MIGRATED_WITHIN)
                assert code == 0, migrating.tail()
            if service in RECORDERS:
                await record_small(service, urls[service], now=datetime.now(UTC))
        port = free_port()
        gateway = Program(chosen.gateway_image, run, alias=GATEWAY, keys=readable, ports={PORT: port})
        for name, value in told_to_the_gateway().items():
            gateway.with_env(name, value)
        programs = {**{service: program(service) for service in SERVICES}, GATEWAY: gateway}
        for one in programs.values():
            stack.enter_context(one)
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def ready() -> bool:
            try:
                async with session.get(f"http://{LOOPBACK}:{port}/readyz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await gateway.wait_ready(ready)
        address = f"http://{LOOPBACK}:{port}/graphql"
        yield Installed(servers, prefix, SettableTime(), {}, session, address=address, programs=programs)


def copied(folder: Path, to: Path) -> Path:
    """Copy keys to where the image's own user may read them."""
    for file in folder.glob("*.json"):
        shutil.copyfile(file, to / file.name)
        (to / file.name).chmod(0o644)
    for outer in (to, *to.parents[:2]):
        outer.chmod(0o755)
    return to


def told(url: str, prefix: str) -> dict[str, str]:
    """Return what a service is told beside what its image says."""
    role, _, path = url.partition("@")
    return {
        "THROUGH_TRAIN_ENVIRONMENT": "development",
        "THROUGH_TRAIN_DATABASE_URL": f"{role}@{POSTGRES_INSIDE}/{path.partition('/')[2]}",
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": KAFKA_INSIDE,
        "THROUGH_TRAIN_KEYS_FOLDER": KEYS,
        "THROUGH_TRAIN_INTAKE_JWKS_URL": f"http://intake:{PORT}/.well-known/jwks.json",
        "THROUGH_TRAIN_TOPIC_PREFIX": prefix,
        "THROUGH_TRAIN_TOPIC_PARTITIONS": "2",
    }


def told_to_the_gateway() -> dict[str, str]:
    """Return what the gateway is told beside what its image says."""
    issuers = [
        {"issuer": DEVELOPMENT_ISSUER, "jwks": f"{KEYS}/{keys.DEVELOPMENT_PUBLIC}"},
        {"issuer": INTAKE_ISSUER, "jwks": f"http://intake:{PORT}/.well-known/jwks.json"},
    ]
    return {
        **WITHOUT_RATES,
        "GATEWAY_ENVIRONMENT": "development",
        "GATEWAY_ISSUERS": json.dumps(issuers),
        **{f"{service.upper()}_URL": f"http://{service}:{PORT}/graphql" for service in SERVICES},
    }


async def test_a_petition_goes_its_whole_way_through_services_and_gateway_from_images(installed: Installed) -> None:
    people = People(installed)
    filed, _order, replied = await people.replied()
    visited = (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()["recordVisit"]["position"]
    closing = await installed.ask(p.CLOSE, role="street_committee", after=visited, input={"petitionId": filed.id})
    closed = closing.ok()["closePetition"]["position"]
    shown = (await installed.ask(WHOLE, role="street_committee", after=closed, id=filed.id)).ok()["petition"]
    assert (shown["state"], shown["stageLabel"], shown["evaluation"]["state"]) == ("READY", "People evaluate", "CLOSED")
    story = [edge["node"]["type"] for edge in shown["timeline"]["edges"]]
    acts = [name for name in story if not name.startswith("clock.")]
    assert (acts[0], acts[-1]) == ("petition.submitted", "petition.closed")
    assert {edge["node"]["service"] for edge in shown["timeline"]["edges"]} == {"INTAKE", "DISPATCH", "FEEDBACK"}


async def test_the_images_run_as_nobody_in_particular_and_bring_no_compiler(installed: Installed) -> None:
    for name, program in installed.programs.items():
        assert program.exec(["id", "-u"]).output.decode().strip() == "10001", name
        for tool in ("cc", "gcc", "make"):
            found = program.exec(["sh", "-c", f"command -v {tool}"])
            assert found.exit_code != 0, f"{name} has {found.output.decode()}"
        assert program.exec(["touch", "/written"]).exit_code != 0, name


async def test_the_images_say_by_themselves_that_they_are_well_and_end_in_order(installed: Installed) -> None:
    for program in installed.programs.values():
        await eventually(program.healthy, HEALTHY_WITHIN)
    stopping = [one.get_wrapped_container() for one in installed.programs.values()]
    await asyncio.gather(*(asyncio.to_thread(one.stop, timeout=STOPPED_WITHIN) for one in stopping))
    assert {name: one.state["ExitCode"] for name, one in installed.programs.items()} == dict.fromkeys(
        installed.programs, 0
    )
