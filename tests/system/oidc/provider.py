"""A certified OpenID Connect provider as a process, and signing in at it over HTTP, as a browser and a program do."""

import base64
import hashlib
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

from deploy.local.node import find_node, install_packages
from deploy.local.ports import free_port
from deploy.local.process import Command
from deploy.local.settings import default_cache_folder
from deploy.local.web import Address, WebProcess

_FILES: Final = ("package.json", "package-lock.json", "issuer.mjs")
_RESOURCE: Final = "https://through-train.example/"
_PORTAL: Final = "https://portal.example/signed-in"

CLAIMS: Final = '{"roles": "realm_access.roles", "street": "unit.street", "department": "unit.department"}'
"""Where this provider says what of its people, as THROUGH_TRAIN_ORGANISATION_CLAIMS takes it."""


@dataclass(frozen=True)
class Tokens:
    """What somebody who signed in has."""

    access: str
    id: str


async def _installed() -> Path:
    """Return the folder of the program and its packages: 40 of them, 3.4 MB, downloaded once per cache folder."""
    folder = default_cache_folder() / "test-issuer"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copy(Path(__file__).with_name(name), folder / name)
    await install_packages(find_node(), folder, folder)
    return folder


class Provider:
    """The running provider; its keys outlive a stop."""

    def __init__(self, process: WebProcess, session: aiohttp.ClientSession, proof: str) -> None:
        self._process = process
        self._session = session
        self._proof = proof

    @classmethod
    async def of(cls, folder: Path, session: aiohttp.ClientSession) -> Self:
        """Describe a provider on a free port; `folder` takes its log and keys, `session` is who drives it."""
        program, address, proof = await _installed(), Address(free_port(), "ISSUER_PORT"), secrets.token_hex(16)
        settings = {
            "ISSUER_PORT": str(address.port),
            "ISSUER_KEYS": str(folder / "issuer-keys.json"),
            "ISSUER_PROGRAM": proof,
        }
        command = Command("issuer", [find_node().program, program / "issuer.mjs"], environment=settings, folder=program)
        return cls(WebProcess(command, address, logs=folder, pids=folder), session, proof)

    @property
    def address(self) -> str:
        """The issuer's name, and where it is."""
        return self._process.address.url

    async def start(self) -> None:
        await self._process.start()

    async def stop(self) -> None:
        await self._process.stop()

    async def operate(self, order: str) -> None:
        """Do what its operator does: rotate-to-rs256, rotate-to-es256, withdraw-old-keys."""
        async with self._session.post(f"{self.address}/operator/{order}") as response:
            assert response.status == 204

    async def sign_in(self, person: str, *, resource: str | None = _RESOURCE) -> Tokens:
        """Sign a person in by the authorization code flow with PKCE, through the provider's own pages."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
        digest = hashlib.sha256(verifier.encode()).digest()
        meant = {"resource": resource} if resource else {}
        asked = {
            "client_id": "portal",
            "response_type": "code",
            "redirect_uri": _PORTAL,
            "scope": "openid petitions",
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **meant,
        }
        self._session.cookie_jar.clear()  # nobody is signed in yet
        returned = await self._through_the_pages(f"{self.address}/auth", asked, person)
        told = parse_qs(urlsplit(returned).query)
        assert told.get("state") == [state], returned
        exchange = {
            "grant_type": "authorization_code",
            "client_id": "portal",
            "code": told["code"][0],
            "redirect_uri": _PORTAL,
            "code_verifier": verifier,
            **meant,
        }
        answer = await self._token(exchange)
        return Tokens(answer["access_token"], answer["id_token"])

    async def _through_the_pages(self, url: str, query: dict[str, str], person: str) -> str:
        """Follow redirects and fill in every form that comes; return the address that leads back to the portal."""
        response = await self._session.get(url, params=query, allow_redirects=False)
        for _ in range(12):
            page = await response.text()
            location = response.headers.get("Location", "")
            if location.startswith(_PORTAL):
                return location
            if response.status == 303:
                response = await self._session.get(urljoin(str(response.url), location), allow_redirects=False)
                continue
            form = re.search(r'action="([^"]+)".*?name="prompt" value="(\w+)"', page, re.DOTALL)
            assert form is not None, page
            filled = {"prompt": form[2], "login": person, "password": secrets.token_hex()}  # any will do
            response = await self._session.post(form[1], data=filled, allow_redirects=False)
        raise AssertionError(f"signing in leads nowhere: {response.url}")

    async def of_program(self) -> str:
        """Return the access token of a program, by its own credentials."""
        credentials = aiohttp.encode_basic_auth("hotline-import", self._proof)
        exchange = {"grant_type": "client_credentials", "scope": "petitions", "resource": _RESOURCE}
        return (await self._token(exchange, credentials))["access_token"]

    async def _token(self, exchange: dict[str, str], credentials: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": credentials} if credentials else {}
        async with self._session.post(f"{self.address}/token", data=exchange, headers=headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer
