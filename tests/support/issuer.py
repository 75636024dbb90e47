"""An OpenID Connect issuer over HTTP: what it publishes, and whether it answers at all, is the test's to say."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "through-train"


def ec_key(kid: str = "one") -> ECKey:
    """Return a new signing key on P-256."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def raw(key: ECKey, header: object, payload: object, *, encoded: bool = True) -> str:
    """Sign what no library would: any header, any payload."""
    body = part(payload) if encoded else json.dumps(payload, separators=(",", ":")).replace(".", r"\u002e")
    signed = f"{part(header)}.{body}"
    return f"{signed}.{part(jws.JWSRegistry.algorithms['ES256'].sign(signed.encode(), key))}"


def sign(key: ECKey | RSAKey, claims: Mapping[str, Any], **header: Any) -> str:
    """Return a signed token; a claim or header of None is left out."""
    alg = "RS256" if isinstance(key, RSAKey) else "ES256"
    told = {name: value for name, value in {"alg": alg, "kid": key.kid, **header}.items() if value is not None}
    return jwt.encode(told, {name: value for name, value in claims.items() if value is not None}, key)


@dataclass
class Issuer:
    """What an issuer publishes now, and what it was asked."""

    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    configuration: dict[str, Any] = field(default_factory=dict[str, Any])
    address: str = ""
    asked: list[str] = field(default_factory=list[str])
    answer: Callable[[], web.Response] | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, *keys: ECKey | RSAKey) -> None:
        """Publish these keys alone."""
        self.keys = [dict(key.as_dict(private=False)) for key in keys]

    def token(self, key: ECKey | RSAKey, /, *, at: float | None = None, lives: float = 3600, **claims: Any) -> str:
        """Return a token of this issuer; one of the street committee of Huangtupo unless told otherwise."""
        now = int(time.time() if at is None else at)
        given = {"iss": self.address, "aud": AUDIENCE, "sub": "someone", "iat": now, "exp": now + lives}
        return sign(key, {**given, "roles": ["street_committee"], "street": "huangtupo", **claims})

    @property
    def fetches(self) -> int:
        """How often its keys were fetched."""
        return self.asked.count("/keys")

    async def _reply(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self.open.wait()
        if self.answer is not None:
            return self.answer()
        if request.path == "/keys":
            return web.Response(text=json.dumps({"keys": self.keys}), content_type="application/jwk-set+json")
        told = {"issuer": self.address, "jwks_uri": f"{self.address}/keys", **self.configuration}
        return web.json_response(told)


@asynccontextmanager
async def issuing(*, port: int = 0, tls: Any = None) -> AsyncGenerator[Issuer]:
    """Run an issuer on a loopback port; while its `open` is cleared it leaves all requests waiting."""
    issuer = Issuer()
    issuer.open.set()
    app = web.Application()
    app.router.add_get("/keys", issuer._reply)
    app.router.add_get("/.well-known/openid-configuration", issuer._reply)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        scheme = "https" if tls else "http"
        issuer.address = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield issuer
    finally:
        issuer.open.set()
        await runner.cleanup()
