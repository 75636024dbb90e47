"""A gateway process before three stub services, and an issuer on each side of the trust."""

import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from deploy.local.node import install_packages
from tests.system.gateway import stubs
from tests.system.gateway.process import NODE, Gateway, compose, started
from tests.system.gateway.stubs import Stub

AUDIENCE = "through-train"
OPERATIONS = {
    "desk/who": "query Who($wait: Float! = 0) { whoAmI(wait: $wait) }",
    "desk/wide": "query Wide($first: Int!) { petitions(first: $first) { edges { node { id } } } }",
    "rename": 'mutation Rename($title: String!) { rename(id: "p1", title: $title) { position } }',
    "submit": "mutation Submit($input: SubmitPetitionInput!) { submitPetition(input: $input) { position } }",
    "story": 'subscription Story($upto: Int!) { timeline(id: "p1", upto: $upto) { sequence petition { stage } } }',
    "old": "query Old { caller }",
}
"""The persisted operations of every gateway here, by their files."""
SKEW = 30
"""By how many seconds clocks may differ; a token that ends soon has to be older than that."""


@dataclass
class Issuer:
    """One who may give tokens: a name, and keys of its own."""

    name: str
    key: ECKey

    @classmethod
    def of(cls, name: str) -> "Issuer":
        return cls(name, ECKey.generate_key("P-256", {"kid": f"{name}-1", "use": "sig"}))

    def jwks(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def token(self, sub: str = "someone", *, lives: float = 600, key: Any = None, **claims: Any) -> str:
        key = key or self.key
        header = {"alg": "ES256", "kid": self.key.kid}
        now = time.time()
        body = {"iss": self.name, "aud": AUDIENCE, "sub": sub, "iat": int(now), "exp": now + lives} | claims
        return jwt.encode(header, {name: value for name, value in body.items() if value is not None}, key)


_RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
ODD_KEYS: Mapping[str, Any] = {
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed25519", "use": "sig"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "p-384", "use": "sig"}),
    "PS256": _RSA,
    "RS512": _RSA,
}
"""Keys that the organisation publishes too, by the algorithm that nobody may sign with."""


@dataclass
class World:
    """Everything a test talks to: the services, the issuers, a gateway for each planner."""

    services: dict[str, Stub]
    supergraph: Path
    organisation: Issuer
    odd_keys: Mapping[str, Any]
    residents: Issuer
    settings: dict[str, str]
    gateways: dict[str, Gateway]

    def clear(self) -> None:
        for service in self.services.values():
            service.received.clear()
            service.hung_up.clear()


@pytest.fixture(scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory, session: aiohttp.ClientSession) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("gateway with a space")
    await install_packages(NODE, folder)
    for name, schema in stubs.SCHEMAS.items():
        (folder / f"{name}.graphql").write_text(schema.as_str())
    composed = compose("--from", folder, "--to", folder / "supergraph.graphql")
    assert composed.returncode == 0, composed.stderr
    organisation, residents = Issuer.of("organisation"), Issuer.of("intake")
    odd = {key.kid: key.as_dict(private=False) for key in ODD_KEYS.values()}
    published = [*organisation.jwks()["keys"], *odd.values()]
    (folder / "organisation.json").write_text(json.dumps({"keys": published}))
    for name, document in OPERATIONS.items():
        file = folder / "operations" / f"{name}.graphql"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document)
    async with AsyncExitStack() as stack:
        services = {name: await stack.enter_async_context(stubs.running(name)) for name in stubs.SCHEMAS}
        services["intake"].jwks = residents.jwks()
        issuers = [
            {"issuer": organisation.name, "jwks": str(folder / "organisation.json")},
            {"issuer": residents.name, "jwks": services["intake"].url.replace("graphql", "jwks.json")},
        ]
        settings = {f"{name.upper()}_URL": service.url for name, service in services.items()} | {
            "GATEWAY_SUPERGRAPH": str(folder / "supergraph.graphql"),
            "GATEWAY_PERSISTED_OPERATIONS": str(folder / "operations"),
            "GATEWAY_ISSUERS": json.dumps(issuers),
            "GATEWAY_ENVIRONMENT": "development",
        }
        gateways = {
            planner: await stack.enter_async_context(started(session, settings | {"GATEWAY_PLANNER": planner}))
            for planner in ("js", "rust")
        }
        supergraph = folder / "supergraph.graphql"
        yield World(services, supergraph, organisation, ODD_KEYS, residents, settings, gateways)


@pytest.fixture(params=["js", "rust"])
def gateway(request: pytest.FixtureRequest, world: World) -> Gateway:
    """The gateway with each planner in turn; what the services had received before is forgotten."""
    world.clear()
    return world.gateways[request.param]


@pytest.fixture
def a_gateway(world: World) -> Gateway:
    """The gateway as it runs by default, for what no planner has a part in."""
    world.clear()
    return world.gateways["rust"]


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/graphql"
