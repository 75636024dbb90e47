# confluent_kafka does not say what it exports.
# pyright: reportPrivateImportUsage=false
"""The rights that operators are told to give at the broker are all that the services need. On a broker with logins."""

import argparse
import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local.settings import ROOT
from services.contracts import catalogue
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel.kafka import Broker, BrokerError, Topic, create_topics
from tests.support import people as p
from tests.support.district import District, Login, district
from tests.support.people import People
from tests.support.servers import Servers
from tests.support.topics import all_published, fetch_all

pytestmark = pytest.mark.system

WIRINGS = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
PASSWORD = uuid4().hex
WITHIN = 20.0


def grants(page: str) -> list[argparse.Namespace]:
    """Return what the page's kafka-acls commands for services grant."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    reader = argparse.ArgumentParser()
    reader.add_argument("--add", action="store_true")
    reader.add_argument("--allow-principal")
    for name in ("operation", "topic", "group"):
        reader.add_argument(f"--{name}", action="append", default=[])
    reader.add_argument("--resource-pattern-type", default="literal")
    return [
        reader.parse_args(shlex.split(line)[2:]) for line in re.findall(r"^kafka-acls\.sh … .*$", text, re.MULTILINE)
    ]


def bindings(granted: argparse.Namespace, prefix: str) -> list[AclBinding]:
    kind, name = granted.allow_principal.split(":")
    pattern = ResourcePatternType[granted.resource_pattern_type.upper()]
    resources = [(ResourceType.TOPIC, topic) for topic in granted.topic]
    resources += [(ResourceType.GROUP, group) for group in granted.group]
    return [
        AclBinding(
            *(resource, f"{prefix}{of}", pattern, f"{kind}:{prefix}{name}", "*"),
            *(AclOperation[operation.upper()], AclPermissionType.ALLOW),
        )
        for resource, of in resources
        for operation in granted.operation
    ]


def give(servers: Servers, prefix: str) -> Mapping[str, Login]:
    """Give each service a login and the page's rights."""
    admin: Any = AdminClient({"bootstrap.servers": servers.bootstrap})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    users = [UserScramCredentialUpsertion(f"{prefix}{name}", scram, PASSWORD.encode()) for name in WIRINGS]
    rights = [binding for granted in grants("departments.md") for binding in bindings(granted, prefix)]
    for outcomes in (admin.alter_user_scram_credentials(users), admin.create_acls(rights)):
        for outcome in outcomes.values():
            outcome.result(timeout=WITHIN)
    return {name: Login(f"{prefix}{name}", PASSWORD) for name in WIRINGS}


@pytest.fixture(scope="module")
async def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    async def logins(prefix: str) -> Mapping[str, Login]:
        return await asyncio.to_thread(give, servers, prefix)

    folder = tmp_path_factory.mktemp("rights")
    async with district(servers, WIRINGS, folder=folder, gateway=True, logins=logins) as running:
        yield running


async def test_with_the_rights_of_the_page_a_petition_goes_its_whole_way(world: District) -> None:
    people = People(world)
    filed, _, replied = await people.replied()
    visited = (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()
    closed = await world.ask(
        p.CLOSE,
        role="street_committee",
        after=visited["recordVisit"]["position"],
        input={"petitionId": filed.id},
    )
    assert closed.ok()["closePetition"]["petition"]["evaluation"]["state"] == "CLOSED"
    await all_published(world)
    feed = await fetch_all(world, catalogue.department_topic("housing", world.prefix))
    assert len([message for message in feed if message.key == filed.id.encode()]) == 8


@pytest.mark.parametrize("service", WIRINGS)
async def test_a_service_cannot_make_or_write_what_is_anothers(world: District, service: str) -> None:
    login = Broker(world.servers.departments, f"{world.prefix}{service}", PASSWORD)
    with pytest.raises(BrokerError, match=r"(?i)authorization"):
        await create_topics(login, [Topic(f"{world.prefix}petition.other.v1", 1)], replication=1)


def test_both_languages_grant_the_same() -> None:
    assert grants("departments.zh-CN.md") == grants("departments.md")
    assert {granted.allow_principal for granted in grants("departments.md")} == {f"User:{name}" for name in WIRINGS}
