"""The keys folder: which files there are, making and renewing them, and what production must not take.

Private files are for their owner alone. Keys that were made for development say so in their ids.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from services.kernel.auth.keyrings import (
    UnusableKeyError,
    changing,
    new_id,
    new_keyring,
    read_json,
    read_keyring,
    write,
    write_keyring,
)

DEVELOPMENT_PRIVATE: Final = "development-issuer.private.jwk.json"
DEVELOPMENT_PUBLIC: Final = "development-issuer.jwks.json"
INTAKE_PRIVATE: Final = "intake-issuer.private.jwk.json"
INTAKE_PUBLIC: Final = "intake-issuer.jwks.json"
MASTER: Final = "master-keys.json"
RESIDENT_SECRET: Final = "resident-secret-keys.json"  # noqa: S105 - the name of a file
PHONE_HASH: Final = "phone-hash-key.json"

MADE_FOR_DEVELOPMENT: Final = "development-"
"""How the ids of keys begin that the development command made."""

_KEYRINGS: Final = (MASTER, RESIDENT_SECRET, PHONE_HASH)
_PRIVATE: Final = (INTAKE_PRIVATE, DEVELOPMENT_PRIVATE, *_KEYRINGS)
_READABLE: Final = 0o644


class KeysThereError(Exception):
    """Keys are to be made where there are some: none is ever written over."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        super().__init__(f"there are keys in {folder} already, and nothing was changed: {', '.join(names)}")


def create_missing(folder: Path) -> list[str]:
    """Create the key files that do not exist yet, for development; return their names."""
    _enter(folder)
    names = ((DEVELOPMENT_PRIVATE, DEVELOPMENT_PUBLIC), (INTAKE_PRIVATE, INTAKE_PUBLIC))
    return [*_create_issuers(folder, names, MADE_FOR_DEVELOPMENT), *_create_keyrings(folder, MADE_FOR_DEVELOPMENT)]


def create_new(folder: Path) -> list[str]:
    """Create the key files of an installation; return their names.

    :raises KeysThereError: one of them is there.
    :raises OSError: the folder cannot be written.
    """
    _enter(folder)
    if there := [name for name in (*_PRIVATE, INTAKE_PUBLIC, DEVELOPMENT_PUBLIC) if (folder / name).exists()]:
        raise KeysThereError(folder, there)
    return [*_create_issuers(folder, ((INTAKE_PRIVATE, INTAKE_PUBLIC),), ""), *_create_keyrings(folder, "")]


def _enter(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _create_issuers(folder: Path, names: tuple[tuple[str, str], ...], mark: str) -> Iterator[str]:
    for private, public in names:
        if not (folder / private).exists():
            key = _new_signing_key(mark)
            _write_public(folder / public, [key])
            _write_signing_key(folder / private, key)
            yield from (private, public)


def _create_keyrings(folder: Path, mark: str) -> Iterator[str]:
    for name in _KEYRINGS:
        if not (folder / name).exists():
            write_keyring(folder / name, new_keyring(mark))
            yield name


def _new_signing_key(mark: str) -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": new_id(mark)})


def _write_signing_key(path: Path, key: ECKey) -> None:
    write(path, json.dumps(key.as_dict(private=True)))


def _write_public(path: Path, keys: list[ECKey]) -> None:
    write(path, json.dumps({"keys": [key.as_dict(private=False) for key in keys]}), mode=_READABLE)


def signing_key(path: Path) -> ECKey:
    """Return the private signing key in a file.

    :raises MissingKeyError: there is no such file.
    :raises UnusableKeyError: it holds no such key.
    """
    try:
        return ECKey.import_key(cast(dict[str, Any], read_json(path)))
    except (JoseError, ValueError, KeyError, TypeError):
        raise UnusableKeyError(path, "holds no private key for ES256") from None


def private_key(folder: Path, name: str) -> ECKey:
    """Return the private signing key of an issuer.

    :raises KeyFileError: there is none.
    """
    return signing_key(folder / name)


def public_keys(path: Path) -> KeySet:
    """Return a JSON Web Key Set.

    :raises MissingKeyError: there is no such file.
    :raises UnusableKeyError: it holds no key set.
    """
    try:
        return KeySet.import_key_set(cast(Any, read_json(path)))
    except (JoseError, ValueError, KeyError, TypeError):
        raise UnusableKeyError(path, "holds no JSON Web Key Set") from None


def publish_signing_key(folder: Path) -> ECKey:
    """Make a signing key for intake and publish its public part beside those that count; it signs nothing yet.

    :raises KeyFileError: there are no keys yet.
    :raises OSError: the folder cannot be written.
    """
    present = signing_key(folder / INTAKE_PRIVATE)
    mark = MADE_FOR_DEVELOPMENT if str(present.kid).startswith(MADE_FOR_DEVELOPMENT) else ""
    key = _new_signing_key(mark)
    with changing(folder):
        _write_public(folder / INTAKE_PUBLIC, [*_published(folder), key])
    return key


def sign_with(folder: Path, key: ECKey) -> None:
    """Let intake sign with a key that is published.

    :raises OSError: the folder cannot be written.
    """
    _write_signing_key(folder / INTAKE_PRIVATE, key)


def retire_signing_key(folder: Path, kid: str) -> None:
    """Take a public key back: tokens that it signed are refused from then on.

    :raises KeyFileError: there is no such key, or intake signs with it.
    :raises OSError: the folder cannot be written.
    """
    path = folder / INTAKE_PUBLIC
    with changing(folder):
        published = _published(folder)
        if kid not in [key.kid for key in published]:
            raise UnusableKeyError(path, f"has no key {kid}; it has {', '.join(str(key.kid) for key in published)}")
        if kid == signing_key(folder / INTAKE_PRIVATE).kid:
            raise UnusableKeyError(path, f"cannot lose {kid}: intake signs with it; make a new key first")
        _write_public(path, [key for key in published if key.kid != kid])


def _published(folder: Path) -> list[ECKey]:
    return [cast(ECKey, key) for key in public_keys(folder / INTAKE_PUBLIC).keys]


def development_keys(folder: Path) -> list[str]:
    """Return the names of the files in a folder that hold a key made for development.

    :raises UnusableKeyError: a file holds no keys.
    """
    return [
        name
        for name in (*_PRIVATE, INTAKE_PUBLIC, DEVELOPMENT_PUBLIC)
        if (folder / name).exists() and any(id_.startswith(MADE_FOR_DEVELOPMENT) for id_ in _ids(folder / name))
    ]


def _ids(path: Path) -> list[str]:
    if path.name in _KEYRINGS:
        return list(read_keyring(path).keys)
    if path.name in {INTAKE_PUBLIC, DEVELOPMENT_PUBLIC}:
        return [str(key.kid) for key in public_keys(path).keys]
    return [str(signing_key(path).kid)]


def readable_by_others(folder: Path) -> list[str]:
    """Return the names of the private files in a folder that others than their owner can read or write.

    The rule is PostgreSQL's for its server's key: a file of our own may be open to nobody else; one that belongs to
    root may be open for reading to its group, which is how a Kubernetes secret reaches a process without rights.
    """
    return [name for name in _PRIVATE if (folder / name).exists() and not _is_private(folder / name)]


def writable_by_others(folder: Path) -> list[str]:
    """Return what of a keys folder others than its owner can write, the folder itself as `.`: with one more public key
    they could sign for any resident. A folder that is mounted for reading only is safe, whatever its mode says.
    """
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return []
    places = {".": folder, **{name: folder / name for name in (INTAKE_PUBLIC, DEVELOPMENT_PUBLIC, *_PRIVATE)}}
    return [name for name, path in places.items() if path.exists() and path.stat().st_mode & 0o022]


def _is_private(path: Path) -> bool:
    of = path.stat()
    if of.st_uid == os.geteuid():
        return not of.st_mode & 0o077
    return of.st_uid == 0 and not of.st_mode & 0o037
