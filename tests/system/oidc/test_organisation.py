"""An organisation's real identity provider: found by its name, believed by every service, rotated while all run."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from deploy.local.gateway import Gateway, Issuer
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel.auth import keys
from services.kernel.auth.issuers import DEVELOPMENT_ISSUER, INTAKE_ISSUER
from tests.support.district import District, district, eventually
from tests.support.people import People
from tests.support.servers import Servers
from tests.system.oidc.provider import CLAIMS, Provider

KEYS_REFRESH: Final = 5.0
PETITION: Final = "query($id: ID!) { petition(id: $id) { id state } }"
WAYS: Final = ("gateway", "intake")


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Provider]:
    jar = aiohttp.CookieJar(unsafe=True)  # a browser keeps cookies of an address without a name too
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        running = await Provider.of(tmp_path_factory.mktemp("issuer"), browser)
        await running.start()
        yield running
        await running.stop()


@pytest.fixture(scope="module")
async def world(
    servers: Servers, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[District]:
    """All three services and a gateway, which know of the organisation its issuer's name alone."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("THROUGH_TRAIN_ORGANISATION_ISSUER", provider.address)
        environment.setenv("THROUGH_TRAIN_ORGANISATION_CLAIMS", CLAIMS)
        environment.setenv("THROUGH_TRAIN_KEYS_REFRESH", str(KEYS_REFRESH))
        wirings = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
        folder = tmp_path_factory.mktemp("gateway")
        async with district(servers, wirings, folder=folder, gateway=False) as running:
            issuers = [
                Issuer(DEVELOPMENT_ISSUER, str(Path(servers.keys) / keys.DEVELOPMENT_PUBLIC)),
                Issuer(INTAKE_ISSUER, str(Path(servers.keys) / keys.INTAKE_PUBLIC)),
                Issuer(provider.address),
            ]
            subgraphs = {name: service.url for name, service in running.services.items()}
            age = {"GATEWAY_KEYS_SECONDS": str(KEYS_REFRESH)}
            async with Gateway(folder, subgraphs, issuers, environment=age) as gateway:
                running.gateway = gateway
                yield running


async def everywhere(world: District, token: str) -> set[str]:
    """Show a token to the gateway and to each service, with a question that anyone may put; return what came of it."""
    asked = [world.ask("{ streets { id } }", token=token)]
    asked += [world.ask("{ __typename }", token=token, url=service.url) for service in world.services.values()]
    return {" ".join(answer.codes) or "ACCEPTED" for answer in await asyncio.gather(*asked)}


@pytest.mark.parametrize("way", WAYS)
async def test_a_person_who_signed_in_sees_what_is_theirs_and_nothing_else(
    world: District, provider: Provider, way: str
) -> None:
    url = None if way == "gateway" else world.intake.url
    people = People(world)
    own, foreign = await people.file(), await people.file(community="maan", estate=None)
    token = (await provider.sign_in("wang-street")).access
    seen = (await world.ask(PETITION, token=token, url=url, id=own.id)).ok()
    assert seen == {"petition": {"id": own.id, "state": "SUBMITTED"}}
    (await world.ask(PETITION, token=token, url=url, id=foreign.id)).refused("NOT_FOUND")


async def test_a_person_of_a_department_is_known_by_it(world: District, provider: Provider) -> None:
    token = (await provider.sign_in("li-housing")).access
    assert await everywhere(world, token) == {"ACCEPTED"}
    assert (await world.ask("{ workOrders { edges { node { id } } } }", token=token)).ok() == {
        "workOrders": {"edges": []}
    }


@pytest.mark.parametrize("way", WAYS)
async def test_a_program_signs_in_with_its_own_credentials(world: District, provider: Provider, way: str) -> None:
    url = None if way == "gateway" else world.intake.url
    own = await People(world).file()
    token = await provider.of_program()
    assert (await world.ask(PETITION, token=token, url=url, id=own.id)).ok()["petition"]["id"] == own.id


@pytest.mark.parametrize("person", ["zhao-visitor", "qian-forger"])
async def test_who_has_no_role_here_or_one_that_only_intake_gives_is_refused(
    world: District, provider: Provider, person: str
) -> None:
    assert await everywhere(world, (await provider.sign_in(person)).access) == {"UNAUTHENTICATED"}


async def test_what_was_given_for_another_use_does_not_open_the_door(world: District, provider: Provider) -> None:
    tokens = await provider.sign_in("wang-street")
    assert await everywhere(world, tokens.id) == {"UNAUTHENTICATED"}
    opaque = await provider.sign_in("wang-street", resource=None)
    assert await everywhere(world, opaque.access) == {"UNAUTHENTICATED"}


async def test_keys_are_rotated_while_everything_runs(world: District, provider: Provider) -> None:
    old = (await provider.sign_in("wang-street")).access
    assert await everywhere(world, old) == {"ACCEPTED"}
    await provider.operate("rotate-to-rs256")
    new = (await provider.sign_in("wang-street")).access

    async def is_accepted(token: str = new) -> bool:
        return await everywhere(world, token) == {"ACCEPTED"}

    await eventually(is_accepted)
    assert await everywhere(world, old) == {"ACCEPTED"}
    await provider.operate("withdraw-old-keys")

    async def old_is_refused() -> bool:
        return await everywhere(world, old) == {"UNAUTHENTICATED"}

    await eventually(old_is_refused, within=KEYS_REFRESH + 5)
    assert await everywhere(world, new) == {"ACCEPTED"}
    assert await everywhere(world, (await provider.sign_in("li-housing")).access) == {"ACCEPTED"}


async def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_must_wait(
    world: District, provider: Provider
) -> None:
    known = (await provider.sign_in("wang-street")).access
    another = (await provider.sign_in("li-housing")).access
    assert await everywhere(world, known) == {"ACCEPTED"}
    await provider.operate("rotate-to-es256")
    unknown = (await provider.sign_in("wang-street")).access
    await provider.stop()
    try:

        async def is_unavailable() -> bool:
            return await everywhere(world, unknown) == {"UNAVAILABLE"}

        await eventually(is_unavailable)  # for 5 s after the last look at the keys it is a key of nobody's
        assert await everywhere(world, known) == {"ACCEPTED"}
        assert await everywhere(world, another) == {"ACCEPTED"}
    finally:
        await provider.start()

    async def is_accepted() -> bool:
        return await everywhere(world, unknown) == {"ACCEPTED"}

    await eventually(is_accepted)
