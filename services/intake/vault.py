"""The vault: sealing what residents wrote and how they can be reached, and the secret that opens a petition.

AES-GCM-SIV with a random key per record, wrapped by a master key; the petition's id is bound in as associated data, so
that a sealed value moved to another record does not open.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from joserfc.jwk import ECKey

from services.kernel.ids import ALPHABET

_NONCE: Final = 12
_SECRET_LENGTH: Final = 16


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
    """Seals and opens with keys that never leave this process."""

    def __init__(
        self,
        current: str,
        masters: Mapping[str, bytes],
        *,
        secret_key: bytes,
        phone_key: bytes,
        signing_key: ECKey,
    ) -> None:
        self._current = current
        self._masters = masters
        self._secret_key = secret_key
        self._phone_key = phone_key
        self.signing_key = signing_key

    def new_key(self, petition: UUID) -> tuple[bytes, WrappedKey]:
        """Return a record key for a petition, plain and wrapped."""
        key = AESGCMSIV.generate_key(256)
        return key, WrappedKey(self._current, _seal(self._masters[self._current], petition, "key", key))

    def unwrap(self, petition: UUID, wrapped: WrappedKey) -> bytes:
        """Return a record key.

        :raises KeyError: the master key is not here.
        :raises cryptography.exceptions.InvalidTag: it was wrapped for another record, or was altered.
        """
        return _open(self._masters[wrapped.master_key], petition, "key", wrapped.sealed)

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
        digits = "".join(c for c in phone if c.isdigit()).removeprefix("86")
        return hmac.digest(self._phone_key, digits.encode(), "sha256") if digits else None

    def secret(self, petition: UUID, epoch: int = 1) -> str:
        """Return the secret that opens a petition: derived, so that nothing replayable is stored; 80 bits."""
        raw = hmac.digest(self._secret_key, f"{petition}|{epoch}".encode(), hashlib.sha256)
        number = int.from_bytes(raw[:10])
        return "".join(ALPHABET[(number >> shift) & 31] for shift in range(0, _SECRET_LENGTH * 5, 5))

    def opens(self, petition: UUID, secret: str) -> bool:
        """Tell in constant time whether a secret opens a petition."""
        given = secret.upper().replace("-", "").replace(" ", "").translate(str.maketrans("ILO", "110"))
        return hmac.compare_digest(given.encode(), self.secret(petition).encode())


def _seal(key: bytes, petition: UUID, purpose: str, plain: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCMSIV(key).encrypt(nonce, plain, petition.bytes + purpose.encode())


def _open(key: bytes, petition: UUID, purpose: str, sealed: bytes) -> bytes:
    return AESGCMSIV(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], petition.bytes + purpose.encode())
