"""The public keys of an issuer: fetched when first needed, looked for again when one is unknown, renewed as they age.

A source that is away does no harm to keys that are known, and no request waits for it twice.
"""

import asyncio
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from services.kernel.errors import Unauthenticated, Unavailable

log = structlog.get_logger()

ES256: Final = "ES256"
RS256: Final = "RS256"
ALGORITHMS: Final = (ES256, RS256)
LARGEST_DOCUMENT: Final = 256 * 1024
_RSA_BITS: Final = range(2048, 8192 + 1)
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

# Headers that nobody here knows are ignored, as RFC 7515 asks; whole certificate chains stand in some. The longest
# signature is that of an RSA key of 8192 bits.
REGISTRY: Final = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
REGISTRY.max_header_length = 8 * 1024
REGISTRY.max_signature_length = 1400


@dataclass(frozen=True, slots=True)
class Published:
    """A key set at an address."""

    address: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """A key set whose address the issuer's OpenID configuration tells; in development it may be this machine's."""

    issuer: str
    development: bool = False


Place = Path | Published | Discovered
"""Where an issuer's keys are: in a file, at an address, or where its OpenID configuration says."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How old things may grow, and how often a source is asked. In seconds.

    `trusted` is the age at which keys are fetched again, and a verified token is verified again; `again` lies between
    two fetches at least; `retry` after the first failure when there are no keys yet; waits double up to `longest`.
    `fetch` is how long a source may take.
    """

    trusted: float = 600.0
    again: float = 5.0
    retry: float = 0.5
    longest: float = 30.0
    fetch: float = 3.0


AGES: Final = Ages()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures may be checked with, and the one algorithm that it fits."""

    kid: str | None
    algorithm: str
    thumbprint: str
    key: ECKey | RSAKey


def is_secure(address: str, *, development: bool) -> bool:
    """Tell whether what an address answers can be trusted: https, or in development this machine itself.

    :raises ValueError: it is no address.
    """
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return development and parts.scheme == "http" and parts.hostname in _LOOPBACK


class IssuerKeys:
    """The public keys of one issuer, as they are known here."""

    def __init__(
        self, issuer: str, place: Place, *, ages: Ages = AGES, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._place = place
        self._ages = ages
        self._ticks = ticks
        self._keys: tuple[PublicKey, ...] | None = None
        self._thumbprints: frozenset[str] = frozenset()
        self._fetched = self._tried = float("-inf")
        self._wait = 0.0
        self._away = False
        self._fetching: asyncio.Task[None] | None = None

    async def signer(self, token: jws.CompactSignature) -> str:
        """Return the thumbprint of the key that signed a token.

        :raises Unauthenticated: none of the issuer's keys did.
        :raises Unavailable: the key is not known, and the source cannot be asked for it.
        """
        if self._keys is None or self._overdue():
            await self._fetch_again()
        else:
            self._renew()
        signer = self._signer(token)
        if signer is None and await self._fetch_again():
            signer = self._signer(token)
        if signer is not None:
            return signer.thumbprint
        if self._keys is None or (self._away and self._fitting(token) is None):
            raise Unavailable("The token's issuer cannot be reached for its keys; try again later.")
        raise Unauthenticated("The token is not signed by a key of its issuer.")

    def stands(self, thumbprint: str) -> bool:
        """Tell whether a token that this key signed may still be believed without checking it anew."""
        self._renew()
        return thumbprint in self._thumbprints

    def _fitting(self, token: jws.CompactSignature) -> PublicKey | None:
        """Return the one key that a token's header means. Without a key id it must be the only one that fits."""
        header = token.headers()
        fitting = [
            key
            for key in self._keys or ()
            if key.algorithm == header["alg"] and ("kid" not in header or key.kid == header["kid"])
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _signer(self, token: jws.CompactSignature) -> PublicKey | None:
        key = self._fitting(token)
        try:
            signed = key is not None and jws.validate_compact(token, key.key, registry=REGISTRY)
        except (JoseError, ValueError):
            return None
        return key if signed else None

    def _overdue(self) -> bool:
        """Tell whether the keys are so old that a look at their source comes before their use; not while it is away."""
        return not self._away and self._ticks() - self._fetched > 2 * self._ages.trusted

    def _renew(self) -> None:
        if self._ticks() - self._fetched > self._ages.trusted:
            self._begin()

    async def _fetch_again(self) -> bool:
        """Wait for the fetch that is under way, or for a new one if it is time; tell whether there was one."""
        fetching = self._begin()
        if fetching is None:
            return False
        await asyncio.shield(fetching)  # whoever leaves first must not take it from the others
        return True

    def _begin(self) -> asyncio.Task[None] | None:
        if self._fetching is None and self._ticks() - self._tried >= self._wait:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._ages.fetch):
                keys = usable_keys(await _read(self._place))
        except (OSError, aiohttp.ClientError, ValueError, RecursionError) as error:  # TimeoutError is an OSError
            first = self._ages.again if self._keys is not None else self._ages.retry
            self._wait = min(self._wait * 2, self._ages.longest) if self._away else first
            self._away = True
            why = f"{type(error).__name__}: {error}"
            log.warning("issuer keys not fetched", issuer=self._issuer, error=why, retry_after=self._wait)
        else:
            self._keys = keys
            self._thumbprints = frozenset(key.thumbprint for key in keys)
            self._fetched = self._ticks()
            self._wait = self._ages.again
            self._away = False
            log.info("issuer keys fetched", issuer=self._issuer, keys=[key.kid for key in keys])
        finally:
            self._tried = self._ticks()
            self._fetching = None


def usable_keys(document: object) -> tuple[PublicKey, ...]:
    """Return the keys of a JSON Web Key Set that may check our tokens; others (for encryption, say) are passed over.

    A set without any is the issuer's word too: it has withdrawn them all.

    :raises ValueError: it is no key set.
    """
    entries = _object(document).get("keys")
    if isinstance(entries, list):
        return tuple(key for entry in cast(Sequence[object], entries) if (key := _usable(entry)) is not None)
    raise ValueError("not a JSON Web Key Set")


def _object(document: object) -> Mapping[str, Any]:
    if isinstance(document, dict):
        return cast(Mapping[str, Any], document)
    raise ValueError("not a JSON object")


def _usable(entry: object) -> PublicKey | None:
    if not isinstance(entry, dict):
        return None
    jwk = cast(dict[str, Any], entry)
    algorithm = {"EC": ES256, "RSA": RS256}.get(str(jwk.get("kty")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    if _PRIVATE_MEMBERS & jwk.keys():  # a private key that lies open belongs to everybody
        return None
    try:
        key = _import(algorithm, jwk)
        key.check_key_op("verify")
        return PublicKey(jwk.get("kid"), algorithm, key.thumbprint(), key)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _import(algorithm: str, jwk: dict[str, Any]) -> ECKey | RSAKey:
    if algorithm == ES256:
        curve = ECKey.import_key(jwk)
        if curve.curve_name != "P-256":
            raise ValueError("another curve than P-256")
        return curve
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of short keys, which are refused right here
        rsa = RSAKey.import_key(jwk)
    if rsa.public_key.key_size not in _RSA_BITS:
        raise ValueError("an RSA key of another size than 2048 to 8192 bits")
    return rsa


async def _read(place: Place) -> object:
    if isinstance(place, Path):
        return json.loads(place.read_bytes())
    async with aiohttp.ClientSession() as session:
        if isinstance(place, Published):
            return await _get(session, place.address)
        return await _get(session, await _discover(session, place))


async def _discover(session: aiohttp.ClientSession, place: Discovered) -> str:
    """Return where an issuer says that its keys are (OpenID Connect Discovery 1.0, sections 4 and 7.2)."""
    told = _object(await _get(session, f"{place.issuer.rstrip('/')}/.well-known/openid-configuration"))
    if told.get("issuer") != place.issuer:
        raise ValueError("the OpenID configuration is another issuer's")
    address = told.get("jwks_uri")
    if not isinstance(address, str) or not is_secure(address, development=place.development):
        raise ValueError("the OpenID configuration names no https address for the keys")
    return address


async def _get(session: aiohttp.ClientSession, address: str) -> object:
    async with session.get(address, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"status {response.status} from {address}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_DOCUMENT:
                raise ValueError(f"more than {LARGEST_DOCUMENT // 1024} kB from {address}")
    return json.loads(body)
