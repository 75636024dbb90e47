"""The vault: sealing what residents wrote and how they can be reached, and the secret that opens a petition.

AES-GCM-SIV with a random key per record, wrapped by a master key; the petition's id is bound in as associated data, so
that a sealed value moved to another record does not open. Keys come from files, which are followed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final
from unicodedata import digit
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from joserfc.jwk import ECKey

from services.kernel.auth.keyrings import Keyring
from services.kernel.errors import Unavailable
from services.kernel.ids import ALPHABET, TrackingCode

log = structlog.get_logger()

_NONCE: Final = 12
_SECRET_LENGTH: Final = 16
_LOOKALIKES: Final = str.maketrans("ILO", "110")
_NETWORK_BITS: Final = 64
_WITH_COUNTRY_CODE: Final = 11
"""Digits that a number in China has at most without the country's code, and more than that with it."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A record's key, sealed with the master key of that name."""

    master_key: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Contact:
    """How a resident can be reached; both parts are optional."""

    name: str = ""
    phone: str = ""


class Vault:
    """Seals and opens with keys that never leave this process. What is called to get a key is asked at each use."""

    def __init__(
        self,
        *,
        masters: Callable[[], Keyring],
        resident_secrets: Callable[[], Keyring],
        phone_key: bytes,
        signing_key: Callable[[], ECKey],
    ) -> None:
        self._masters = masters
        self._resident_secrets = resident_secrets
        self._phone_key = phone_key
        self._signing_key = signing_key

    @property
    def signing_key(self) -> ECKey:
        """The key that residents' tokens are signed with."""
        return self._signing_key()

    @property
    def current_master(self) -> str:
        """The id of the master key that new records are wrapped with."""
        return self._masters().current

    def has_master(self, master_key: str) -> bool:
        """Tell whether a master key is here."""
        return master_key in self._masters().keys

    def new_key(self, petition: UUID) -> tuple[bytes, WrappedKey]:
        """Return a record key for a petition, plain and wrapped."""
        key = AESGCMSIV.generate_key(256)
        return key, self._wrap(petition, key)

    def _wrap(self, petition: UUID, key: bytes) -> WrappedKey:
        masters = self._masters()
        return WrappedKey(masters.current, _seal(masters.key, petition, "key", key))

    def unwrap(self, petition: UUID, wrapped: WrappedKey) -> bytes:
        """Return a record key.

        :raises Unavailable: the master key is not here: it is new and has not come yet, or was taken away.
        :raises cryptography.exceptions.InvalidTag: it was wrapped for another record, or was altered.
        """
        master = self._masters().keys.get(wrapped.master_key)
        if master is None:
            log.error("master key is not here", master_key=wrapped.master_key, petition_id=str(petition))
            raise Unavailable("The key of this petition's personal data is not here; try again in a minute.")
        return _open(master, petition, "key", wrapped.sealed)

    def rewrap(self, petition: UUID, wrapped: WrappedKey) -> WrappedKey:
        """Return the same record key, wrapped with the current master key.

        :raises Unavailable: the master key is not here.
        :raises cryptography.exceptions.InvalidTag: it was wrapped for another record, or was altered.
        """
        return self._wrap(petition, self.unwrap(petition, wrapped))

    def seal(self, key: bytes, petition: UUID, purpose: str, text: str) -> bytes:
        """Seal a text with a record's key for one purpose."""
        return _seal(key, petition, purpose, text.encode())

    def open(self, key: bytes, petition: UUID, purpose: str, sealed: bytes) -> str:
        """Return a sealed text.

        :raises cryptography.exceptions.InvalidTag: it belongs to another record or purpose, or was altered.
        """
        return _open(key, petition, purpose, sealed).decode()

    def phone_hash(self, phone: str) -> bytes | None:
        """Return a keyed hash that is equal for the same phone number, however it is written."""
        digits = "".join(str(digit(c)) for c in phone if c.isdigit()).lstrip("0")
        if len(digits) > _WITH_COUNTRY_CODE:
            digits = digits.removeprefix("86").lstrip("0")
        return hmac.digest(self._phone_key, digits.encode(), "sha256") if digits else None

    def latch(self, code: TrackingCode, origin: str) -> bytes:
        """Return what failed openings are counted by: a keyed hash of a tracking code and of where they come from.

        It tells nothing of either, not even that two of them come from one place.

        :param origin: a client's address. Of IPv6 the network counts, since a household has all addresses of one.
        """
        return hmac.digest(self._phone_key, f"opening|{code}|{_network(origin)}".encode(), "sha256")

    def keyed(self, digest: bytes) -> bytes:
        """Return a keyed hash of a hash: of what holds a resident's words, so that it cannot be found by trying."""
        return hmac.digest(self._phone_key, b"input|" + digest, "sha256")

    def secret(self, petition: UUID, epoch: int = 1) -> str:
        """Return the secret that opens a petition: derived, so that nothing replayable is stored; 80 bits."""
        return _secret(self._resident_secrets().key, petition, epoch)

    def opens(self, petition: UUID, secret: str) -> bool:
        """Tell in constant time whether a secret opens a petition, made with whichever of the keys."""
        given = secret.upper().replace("-", "").replace(" ", "").translate(_LOOKALIKES).encode(errors="replace")
        keys = self._resident_secrets().keys.values()
        right = [hmac.compare_digest(given, _secret(key, petition).encode()) for key in keys]
        return any(right)


def _secret(key: bytes, petition: UUID, epoch: int = 1) -> str:
    raw = hmac.digest(key, f"{petition}|{epoch}".encode(), hashlib.sha256)
    number = int.from_bytes(raw[:10])
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(0, _SECRET_LENGTH * 5, 5))


def _network(origin: str) -> str:
    try:
        address = ip_address(origin)
    except ValueError:
        return origin
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> _NETWORK_BITS:x}::/{_NETWORK_BITS}"


def _seal(key: bytes, petition: UUID, purpose: str, plain: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCMSIV(key).encrypt(nonce, plain, petition.bytes + purpose.encode())


def _open(key: bytes, petition: UUID, purpose: str, sealed: bytes) -> bytes:
    return AESGCMSIV(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], petition.bytes + purpose.encode())
