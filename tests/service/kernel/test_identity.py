"""A service's door as it really is: what production refuses at its start, and what hostile tokens get for an answer."""

import asyncio
import ipaddress
import json
import os
import ssl
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local.ports import free_port
from services.kernel.auth import development, keys
from tests.support.district import District, eventually
from tests.support.issuer import Issuer, ec_key, issuing
from tests.support.servers import ROOT, Servers, template

ISSUER: Final = "https://sso.through-train.example/realms/district"


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    said: str


@dataclass(frozen=True)
class Production:
    """Production settings with nothing wrong in them, and a folder to make them wrong with."""

    environment: dict[str, str]
    folder: Path

    @property
    def keys(self) -> Path:
        return Path(self.environment["THROUGH_TRAIN_KEYS_FOLDER"])

    def with_(self, **settings: str | None) -> dict[str, str]:
        """Return the environment with other settings; None leaves one out."""
        changed = {f"THROUGH_TRAIN_{name.upper()}": value for name, value in settings.items()}
        return {name: value for name, value in {**self.environment, **changed}.items() if value is not None}


@pytest.fixture(scope="module")
async def database(servers: Servers) -> str:
    """A migrated database of dispatch."""
    name = f"identity_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template('dispatch')} OWNER dispatch")
    await admin.close()
    return servers.dsns["dispatch"].rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def production(servers: Servers, database: str, tmp_path: Path) -> Production:
    folder = tmp_path / "keys"
    keys.create_new(folder)
    environment = {
        "PATH": os.environ["PATH"],
        "THROUGH_TRAIN_DATABASE_URL": database,
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": servers.bootstrap,
        "THROUGH_TRAIN_TOPIC_PREFIX": f"identity-{uuid4().hex[:8]}-",
        "THROUGH_TRAIN_TOPIC_PARTITIONS": "1",
        "THROUGH_TRAIN_PORT": str(free_port()),
        "THROUGH_TRAIN_KEYS_FOLDER": str(folder),
        "THROUGH_TRAIN_ORGANISATION_ISSUER": ISSUER,
    }
    return Production(environment, tmp_path)


async def start(environment: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.dispatch", *arguments),
        cwd=ROOT,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(environment: Mapping[str, str], *arguments: str) -> Ended:
    process = await start(environment, *arguments)
    try:
        async with asyncio.timeout(60):
            _, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(await process.wait(), complaints.decode())


def made_for_development(of: Production) -> dict[str, str]:
    keys.create_missing(of.folder / "development")
    return of.with_(keys_folder=str(of.folder / "development"))


def one_key_made_for_development(of: Production) -> dict[str, str]:
    keys.create_missing(of.folder / "development")
    (of.folder / "development" / keys.MASTER).replace(of.keys / keys.MASTER)
    return of.with_()


def for_all_to_read(of: Production) -> dict[str, str]:
    (of.keys / keys.RESIDENT_SECRET).chmod(0o644)
    return of.with_()


def not_a_key(of: Production) -> dict[str, str]:
    (of.keys / keys.MASTER).write_text("not a key")
    return of.with_()


def a_guess(of: Production) -> dict[str, str]:
    credentials, address = "dispatch:dispatch", of.environment["THROUGH_TRAIN_DATABASE_URL"].rsplit("@", 1)[1]
    return of.with_(database_url=f"postgresql://{credentials}@{address}")


WRONG: Final[dict[str, tuple[str, str, Callable[[Production], dict[str, str]]]]] = {
    "keys made for development": ("KEYS_FOLDER", "were made for development", made_for_development),
    "a key made for development": ("KEYS_FOLDER", "were made for development", one_key_made_for_development),
    "keys for all to read": ("KEYS_FOLDER", "not their owner's alone", for_all_to_read),
    "a file that holds no key": ("KEYS_FOLDER", keys.MASTER, not_a_key),
    "no issuer": ("ORGANISATION_ISSUER", "only residents can sign in", lambda of: of.with_(organisation_issuer=None)),
    "the development issuer": (
        "ORGANISATION_ISSUER",
        "an issuer of our own",
        lambda of: of.with_(organisation_issuer="https://through-train.local/development"),
    ),
    "an issuer over plain http": (
        "ORGANISATION_ISSUER",
        "an https address",
        lambda of: of.with_(organisation_issuer="http://sso.example"),
    ),
    "keys over plain http": (
        "ORGANISATION_JWKS_URL",
        "over https alone",
        lambda of: of.with_(organisation_jwks_url="http://127.0.0.1:8080/keys"),
    ),
    "claims that are no JSON": (
        "ORGANISATION_CLAIMS",
        "give JSON, such as",
        lambda of: of.with_(organisation_claims="roles=realm_access.roles"),
    ),
    "the user's name as the password": (
        "DATABASE_URL",
        "the user's own name",
        a_guess,
    ),
    "another time than the real one": (
        "DOMAIN_CLOCK",
        "for development alone",
        lambda of: of.with_(domain_clock=str(of.folder / "clock.json")),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_production_refuses_to_start_and_names_the_setting(production: Production, wrong: str) -> None:
    setting, why, change = WRONG[wrong]
    environment = change(production)
    ended = await run(environment)
    assert ended.code == 1
    assert ended.said.startswith(f"THROUGH_TRAIN_{setting}: ")
    assert why in ended.said
    assert len(ended.said.splitlines()) == 1
    assert environment["THROUGH_TRAIN_DATABASE_URL"] not in ended.said


async def test_each_wrong_setting_is_named_in_a_line_of_its_own(production: Production) -> None:
    environment = production.with_(port="x", organisation_issuer=None, organisation_jwks_url="http://x.example")
    ended = await run(environment)
    assert ended.code == 1
    assert [line.split(":")[0] for line in ended.said.splitlines()] == [
        "THROUGH_TRAIN_PORT",
        "THROUGH_TRAIN_ORGANISATION_ISSUER",
        "THROUGH_TRAIN_ORGANISATION_JWKS_URL",
    ]


async def test_an_operators_command_needs_the_database_alone(production: Production) -> None:
    environment = {name: production.environment[name] for name in ("PATH", "THROUGH_TRAIN_DATABASE_URL")}
    assert await run(environment, "parked", "list") == Ended(0, "")


def certified(folder: Path) -> ssl.SSLContext:
    """Return what a server on loopback needs for TLS; `ca.pem` in the folder is whom clients must trust for it."""
    begin = datetime.now(UTC) - timedelta(hours=1)

    def certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
        builder = builder.not_valid_after(begin + timedelta(days=1))
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return builder.add_extension(identifier, critical=False)

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the district's authority")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    signs = x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
    authority = (
        certificate("the district's authority", authority_key, name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    known_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    server = (
        certificate("issuer", key, name)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(known_by, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + server.public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context


@asynccontextmanager
async def serving(environment: Mapping[str, str]) -> AsyncGenerator[str]:
    """Run dispatch until the block ends; it must then end well. Yields its GraphQL address."""
    process = await start(environment)
    root = f"http://127.0.0.1:{environment['THROUGH_TRAIN_PORT']}"
    said = asyncio.create_task(process.communicate())
    try:
        async with aiohttp.ClientSession() as session:

            async def alive() -> bool:
                assert process.returncode is None, (await said)[1].decode()
                try:
                    async with session.get(f"{root}/healthz") as response:
                        return response.status == 200
                except aiohttp.ClientError:
                    return False

            await eventually(alive, within=60)
        yield f"{root}/graphql"
    finally:
        if process.returncode is None:
            process.terminate()
        await said
    assert process.returncode == 0


async def ask(url: str, token: str) -> tuple[int, str]:
    """Return the status of an answer, and its code, `ok` without one."""
    async with aiohttp.ClientSession() as session:
        body = {"query": "{ __typename }"}
        async with session.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as response:
            answer = await response.json()
            return response.status, next((e["extensions"]["code"] for e in answer.get("errors", [])), "ok")


async def test_production_believes_the_organisation_over_tls_and_nobody_made_for_development(
    production: Production,
) -> None:
    async with issuing(tls=certified(production.folder)) as organisation:
        key = ec_key()
        organisation.publish(key)
        trusted = {"SSL_CERT_FILE": str(production.folder / "ca.pem")}
        environment = production.with_(organisation_issuer=organisation.address) | trusted
        assert await run(environment, "migrate") == Ended(0, "")
        keys.create_missing(production.folder / "development")
        made_for_development = development.sign(production.folder / "development", development.Role.OPERATOR)
        async with serving(environment) as url:
            assert await ask(url, organisation.token(key)) == (200, "ok")
            assert await ask(url, organisation.token(ec_key())) == (401, "UNAUTHENTICATED")
            assert await ask(url, made_for_development) == (401, "UNAUTHENTICATED")
        assert organisation.fetches == 1
        # Without its authority nobody believes the organisation's server, so that nothing it says counts.
        async with serving(production.with_(organisation_issuer=organisation.address)) as url:
            assert await ask(url, organisation.token(key)) == (503, "UNAVAILABLE")
        assert organisation.fetches == 1


HOSTILE: Final[list[dict[str, Any]]] = [
    {"placements": "community-73"},
    {"placements": [{"code": "community-73"}]},
    {"street": 7},
    {"street": ["huangtupo"]},
    {"street": "huangtupo\0"},
    {"department": {"code": "housing"}},
    {"sub": None},
    {"sub": "a\0b"},
    {"roles": "operator"},
    {"roles": [["operator"]]},
    {"roles": {"operator": True}},
    {"roles": ["resident"], "petition": "0193c2f0-7d51-7c2e-9a44-6f1b0e9d2a51"},
    {"exp": "tomorrow"},
    {"iat": "yesterday"},
    {"nbf": []},
    {"aud": {"through-train": True}},
    {"iss": 5},
    {"jti": 5},
    {"more": "x" * 100_000},
]


@pytest.mark.parametrize("claims", HOSTILE, ids=lambda claims: json.dumps(claims)[:60])
async def test_hostile_claims_are_unauthenticated_and_never_a_bug(
    dispatch_alone: District, claims: dict[str, Any]
) -> None:
    token = dispatch_alone.token("district_supervisor", **claims)
    answer = await dispatch_alone.ask(
        "{ workOrders { edges { node { id } } } }", token=token, url=dispatch_alone.dispatch.url
    )
    assert (answer.status, answer.data, answer.codes) == (401, None, ["UNAUTHENTICATED"])
    assert answer.errors[0]["message"].endswith(".")


@pytest.mark.parametrize("petition", [None, 5, [], "x", "0" * 40, {"id": "x"}])
async def test_a_residents_token_names_a_petition(dispatch_alone: District, petition: Any) -> None:
    token = dispatch_alone.residents_token(petition)
    answer = await dispatch_alone.ask("{ __typename }", token=token, url=dispatch_alone.dispatch.url)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


async def test_an_organisation_in_development_may_be_on_this_machine(
    dispatch_alone: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = dispatch_alone.dispatch
    async with issuing() as organisation:
        key = ec_key()
        organisation.publish(key)
        before = service.settings
        await service.stop()
        organised = {"organisation_issuer": organisation.address, "organisation_claims": {"roles": "groups"}}
        service.settings = type(before).model_validate({**before.model_dump(), **organised})
        await service.start()
        try:
            await _accepts(dispatch_alone, organisation, key)
        finally:
            await service.stop()
            service.settings = before
            await service.start()


async def _accepts(world: District, organisation: Issuer, key: Any) -> None:
    url = world.dispatch.url
    grouped = organisation.token(key, roles=None, groups=["everybody", "district_supervisor"])
    assert (await world.ask("{ __typename }", token=grouped, url=url)).ok()
    (await world.ask("{ __typename }", token=organisation.token(key), url=url)).refused("UNAUTHENTICATED")
