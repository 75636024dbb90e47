"""The keys folder: what each file is, and how it is read. Private keys are readable by their owner alone."""

import json
import os
import secrets
from pathlib import Path
from typing import Final

from joserfc.jwk import ECKey, KeySet

DEVELOPMENT_PRIVATE: Final = "development-issuer.private.jwk.json"
DEVELOPMENT_PUBLIC: Final = "development-issuer.jwks.json"
INTAKE_PRIVATE: Final = "intake-issuer.private.jwk.json"
INTAKE_PUBLIC: Final = "intake-issuer.jwks.json"
MASTER: Final = "master-keys.json"
RESIDENT_SECRET: Final = "resident-secret.key"  # noqa: S105 - the name of a file
PHONE_HASH: Final = "phone-hash.key"


class MissingKeyError(Exception):
    """A file that the service needs is not in its keys folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name} is missing from the keys folder {path.parent}")


def create_missing(folder: Path) -> list[str]:
    """Create the key files that do not exist yet, for development; return their names."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    created: list[str] = []
    for private, public in ((DEVELOPMENT_PRIVATE, DEVELOPMENT_PUBLIC), (INTAKE_PRIVATE, INTAKE_PUBLIC)):
        if not (folder / private).exists():
            key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
            _write(folder / private, json.dumps(key.as_dict(private=True)))
            _write(folder / public, json.dumps({"keys": [key.as_dict(private=False)]}), mode=0o644)
            created += [private, public]
    if not (folder / MASTER).exists():
        _write(folder / MASTER, json.dumps({"current": "1", "keys": {"1": secrets.token_hex(32)}}))
        created.append(MASTER)
    for name in (RESIDENT_SECRET, PHONE_HASH):
        if not (folder / name).exists():
            _write(folder / name, secrets.token_hex(32))
            created.append(name)
    return created


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    # Written beside and renamed, so that whoever reads meanwhile never sees half a key.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    draft.replace(path)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise MissingKeyError(path) from None


def private_key(folder: Path, name: str) -> ECKey:
    """Return a private signing key.

    :raises MissingKeyError: there is no such file.
    """
    return ECKey.import_key(json.loads(_read(folder / name)))


def public_keys(path: Path) -> KeySet:
    """Return a JSON Web Key Set.

    :raises MissingKeyError: there is no such file.
    """
    return KeySet.import_key_set(json.loads(_read(path)))


def secret_bytes(folder: Path, name: str) -> bytes:
    """Return a symmetric key of 32 bytes.

    :raises MissingKeyError: there is no such file.
    """
    return bytes.fromhex(_read(folder / name).strip())


def master_keys(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Return the id of the current master key, and all master keys by id.

    :raises MissingKeyError: there is no such file.
    """
    stored = json.loads(_read(folder / MASTER))
    return stored["current"], {name: bytes.fromhex(key) for name, key in stored["keys"].items()}
