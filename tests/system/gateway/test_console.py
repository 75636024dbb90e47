"""The console over HTTP: what it serves and under which rules, and whom its door for tokens turns away."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.kernel.auth import development, keys
from services.kernel.auth.issuers import DEVELOPMENT_ISSUER
from tests.system.gateway.conftest import AUDIENCE, World
from tests.system.gateway.process import Gateway, start_and_fail, started

PAGES: Final = {
    "/console": "text/html",
    "/console/app.js": "text/javascript",
    "/console/console.css": "text/css",
    "/console/icon.svg": "image/svg+xml",
    "/console/operations": "application/json",
    "/console/users": "application/json",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    development.create_keys(folder)
    return folder


@pytest.fixture(scope="module")
async def console(world: World, session: aiohttp.ClientSession, folder: Path) -> AsyncIterator[Gateway]:
    """A gateway with its console, which trusts the development issuer."""
    issuers = [{"issuer": DEVELOPMENT_ISSUER, "jwks": str(folder / keys.DEVELOPMENT_PUBLIC)}]
    settings = {
        "GATEWAY_ISSUERS": json.dumps(issuers),
        "GATEWAY_CONSOLE": "on",
        "GATEWAY_CONSOLE_KEYS": str(folder),
    }
    async with started(session, world.settings | settings) as gateway:
        yield gateway


async def ask(
    gateway: Gateway,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], str]:
    data = body if isinstance(body, str | None) else json.dumps(body)
    async with gateway.session.request(
        method, gateway.root + path, data=data, headers=headers, allow_redirects=False
    ) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.text()


async def test_the_front_door_leads_to_it(console: Gateway) -> None:
    status, headers, _ = await ask(console, "GET", "/")
    assert (status, headers["location"]) == (302, "/console")


@pytest.mark.parametrize("path", PAGES)
async def test_all_that_it_serves_keeps_what_is_foreign_out(console: Gateway, path: str) -> None:
    status, headers, body = await ask(console, "GET", path)
    assert status == 200
    assert body
    assert headers["content-type"].startswith(PAGES[path])
    policy = dict(one.split(" ", 1) for one in headers["content-security-policy"].split("; "))
    host = console.root.removeprefix("http://")
    nonce = policy.pop("style-src").removeprefix("'self' 'nonce-").removesuffix("'")
    assert len(nonce) == 24
    assert policy == {
        "default-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' ws://{host}",
        **dict.fromkeys(
            ("font-src", "worker-src", "object-src", "base-uri", "form-action", "frame-ancestors"), "'none'"
        ),
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    if path == "/console":
        assert nonce in body
        again = await ask(console, "GET", path)
        assert nonce not in again[2]


async def test_it_names_who_one_can_be_and_keeps_their_claims_and_keys(console: Gateway, folder: Path) -> None:
    _, _, body = await ask(console, "GET", "/console/users")
    users = json.loads(body)
    assert {user["id"] for user in users} == set(development.DEMO_USERS)
    assert all(user.keys() == {"id", "role", "roleName", "name"} for user in users)
    for path in (f"/console/{keys.DEVELOPMENT_PRIVATE}", "/console/../package.json", "/console/operations/.."):
        assert (await ask(console, "GET", path))[0] == 404


def of_the_page(gateway: Gateway, **headers: str) -> dict[str, str]:
    """The headers of a request that the console's own page makes; a name with underscores replaces or adds one."""
    own = {"Origin": gateway.root, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    return own | {name.replace("_", "-").title(): value for name, value in headers.items()}


@pytest.mark.parametrize("user", development.DEMO_USERS)
async def test_its_page_may_be_any_demo_user_with_the_token_that_python_would_sign(
    console: Gateway, folder: Path, user: str
) -> None:
    status, headers, body = await ask(console, "POST", "/console/token", {"user": user}, headers=of_the_page(console))
    assert status == 200
    assert headers["cache-control"] == "no-store"
    given = json.loads(body)
    public = KeySet.import_key_set(json.loads((folder / keys.DEVELOPMENT_PUBLIC).read_text()))

    def claims(token: str) -> dict[str, Any]:
        return dict(jwt.decode(token, public).claims)

    ours, pythons = claims(given["token"]), claims(development.sign(folder, user, audience=AUDIENCE))
    assert given["expires"] == ours["exp"] * 1000
    assert ours["exp"] - ours["iat"] == pythons["exp"] - pythons["iat"]
    assert {**ours, "iat": 0, "exp": 0} == {**pythons, "iat": 0, "exp": 0}
    assert (await console.ask("{ whoAmI }", token=given["token"])).errors == []


ELSEWHERE: Final[Mapping[str, tuple[dict[str, str], int]]] = {
    "a page of another site": ({"origin": "https://elsewhere.example", "sec_fetch_site": "cross-site"}, 403),
    "a page of another port of this machine": ({"origin": "http://127.0.0.1:3000", "sec_fetch_site": "same-site"}, 403),
    "a sandboxed page": ({"origin": "null"}, 403),
    "a page under a name that was bound to this machine": (
        {"host": "rebound.example", "origin": "http://rebound.example"},
        403,
    ),
    "a name that only begins like this machine's": (
        {"host": "127.0.0.1.elsewhere.example", "origin": "http://127.0.0.1.elsewhere.example"},
        403,
    ),
    "a browser that says it comes from elsewhere": ({"sec_fetch_site": "cross-site"}, 403),
    "a form": ({"content_type": "text/plain"}, 415),
}


@pytest.mark.parametrize("who", ELSEWHERE)
async def test_the_door_for_tokens_turns_away(console: Gateway, who: str) -> None:
    given, expected = ELSEWHERE[who]
    headers = of_the_page(console, **given)
    status, answered, body = await ask(console, "POST", "/console/token", {"user": "street_committee"}, headers=headers)
    assert status == expected
    assert "token" not in json.loads(body)
    assert "access-control-allow-origin" not in answered


async def test_the_door_for_tokens_turns_away_who_does_not_say_where_it_comes_from(console: Gateway) -> None:
    headers = {name: value for name, value in of_the_page(console).items() if name != "Origin"}
    assert (await ask(console, "POST", "/console/token", {"user": "operator"}, headers=headers))[0] == 403
    assert (await ask(console, "GET", "/console/token?user=operator", headers=of_the_page(console)))[0] == 405
    asked_before = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    status, answered, _ = await ask(
        console, "OPTIONS", "/console/token", headers={"Origin": "https://elsewhere.example", **asked_before}
    )
    assert status == 405
    assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"user": "mayor"}, 404),
        ({"user": "__proto__"}, 404),
        ({"user": ["operator"]}, 400),
        ({}, 400),
        ("operator", 400),
        ("null", 400),
        ({"user": "operator", "padding": "x" * 2000}, 400),
    ],
    ids=["a stranger", "a property of objects", "a list", "nobody", "no JSON", "nothing", "too much"],
)
async def test_a_token_is_for_a_demo_user_that_there_is(console: Gateway, body: Any, expected: int) -> None:
    status, _, answered = await ask(console, "POST", "/console/token", body, headers=of_the_page(console))
    assert status == expected
    assert json.loads(answered)["errors"][0]["extensions"]["code"] in {"NOT_FOUND", "INVALID_INPUT"}


@pytest.mark.parametrize("path", ["/", *PAGES])
async def test_nothing_of_it_is_served_under_a_foreign_name(console: Gateway, path: str) -> None:
    status, headers, _ = await ask(console, "GET", path, headers={"Host": "rebound.example"})
    assert status == 403
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_without_keys_it_knows_nobody(world: World, session: aiohttp.ClientSession) -> None:
    async with started(session, world.settings | {"GATEWAY_CONSOLE": "on"}) as gateway:
        assert (await ask(gateway, "GET", "/console/users"))[2] == "[]"
        asked = await ask(gateway, "POST", "/console/token", {"user": "operator"}, headers=of_the_page(gateway))
        assert asked[0] == 404


async def test_there_is_none_unless_it_is_switched_on(a_gateway: Gateway) -> None:
    for path in ("/", *PAGES, "/console/token"):
        assert (await ask(a_gateway, "GET", path))[0] == 404


REFUSED: Final[Mapping[str, tuple[dict[str, str], str]]] = {
    "in production": ({"GATEWAY_ENVIRONMENT": "production"}, "GATEWAY_CONSOLE must be off in production."),
    "where others reach it": ({"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_CONSOLE_KEYS needs a GATEWAY_HOST"),  # noqa: S104
    "without the console": ({"GATEWAY_CONSOLE": "off"}, "GATEWAY_CONSOLE_KEYS is for the console"),
}


@pytest.mark.parametrize("where", REFUSED)
def test_the_keys_for_it_are_refused(world: World, folder: Path, where: str) -> None:
    given, sentence = REFUSED[where]
    console = {"GATEWAY_CONSOLE": "on", "GATEWAY_CONSOLE_KEYS": str(folder)}
    ended = start_and_fail(world.settings | console | given)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
