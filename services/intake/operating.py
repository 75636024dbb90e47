"""An operator's commands at intake: keys, wrapping anew, erasing, and the reference data that it owns.

`python -m services.intake keys|rotate-keys|erase|reference …`.

Those that need the database work beside running replicas, and without any.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Never
from uuid import UUID

from cyclopts import App, Parameter
from rich.console import Console

from services.contracts.vocabulary import Role, Source
from services.intake.commands import erasure, rewrapping
from services.intake.commands.reference import record_entries
from services.intake.domain import reference
from services.intake.store.erasures import Receipt
from services.intake.vault import Vault
from services.kernel import recording, text
from services.kernel.access import Actor
from services.kernel.auth import keyrings, keys
from services.kernel.auth.keyrings import KeyFileError, Keyring, Watched
from services.kernel.ids import PetitionId, new_uuid
from services.kernel.mutation import Mutations, Request
from services.kernel.operating import ActingSettings, Because, By
from services.kernel.pulse import Pulse
from services.kernel.settings import OperatorSettings
from services.kernel.tracing import untraced
from services.kernel.transaction import Database, open_database

PUBLISHED_SECONDS: Final = 15.0
"""How long a new signing key is published before it signs: whoever checks tokens asks for keys every 5 s at most."""

_TELL_EVERY: Final = 10_000
_LONGEST_BY: Final = 500

_console: Final = Console(highlight=False, soft_wrap=True)

Folder = Annotated[Path, Parameter(help="The keys folder.")]
Retire = Annotated[str | None, Parameter(help="Take this older key away.")]


class KeeperSettings(OperatorSettings):
    """What wrapping keys anew needs besides the database."""

    keys_folder: Path


def open_vault(folder: Path) -> Vault:
    """Return the vault with the keys of a keys folder.

    :raises KeyFileError: one of them is missing, or is no key.
    """
    return Vault(
        masters=Watched(folder / keys.MASTER, keyrings.read_keyring),
        resident_secrets=Watched(folder / keys.RESIDENT_SECRET, keyrings.read_keyring),
        phone_key=keyrings.read_only_key(folder / keys.PHONE_HASH),
        signing_key=Watched(folder / keys.INTAKE_PRIVATE, keys.signing_key),
    )


@asynccontextmanager
async def _database(settings: OperatorSettings) -> AsyncGenerator[Database]:
    url = settings.database_url.get_secret_value()
    database = await open_database(url, connections=2, application="intake-operator")
    try:
        yield database
    finally:
        await database.close()


def _say(sentence: str) -> None:
    _console.print(sentence, markup=False)


def _who(by: str) -> str:
    return f"command line:{text.required(by, 'by', longest=_LONGEST_BY)}"


def _not_writable(path: Path, what: str, error: OSError) -> Never:
    raise KeyFileError(f"{path} cannot be written ({error.strerror}): {what}") from None


def _keys() -> App:
    app = App(name="keys", help="Make and renew keys. Running services take changed files by themselves.")

    @app.command
    def create(folder: Folder) -> None:
        """Make the keys of an installation in a folder that has none."""
        try:
            for name in keys.create_new(folder):
                _say(name)
        except keys.KeysThereError as error:
            raise KeyFileError(str(error)) from None
        _say(
            f"Keep a copy of {folder} apart from the databases' backups: without it nobody reads what residents wrote."
        )

    @app.command
    def rotate_signing(
        folder: Folder,
        *,
        retire: Retire = None,
        wait: Annotated[
            float, Parameter(help="Seconds between publishing the new key and signing with it.")
        ] = PUBLISHED_SECONDS,
    ) -> None:
        """Make a key for residents' tokens. The old one counts until it is retired (`--retire KID`), an hour later."""
        if retire is not None:
            keys.retire_signing_key(folder, retire)
            _say(f"{retire} is retired: tokens that it signed are refused")
            return
        old = keys.signing_key(folder / keys.INTAKE_PRIVATE).kid
        new = keys.publish_signing_key(folder)
        _say(f"{new.kid} is published; it signs in {wait:g} s, when everybody can know it")
        time.sleep(wait)
        keys.sign_with(folder, new)
        _say(f"{new.kid} signs. When tokens of {old} have ended, in an hour: rotate-signing {folder} --retire {old}")

    @app.command
    def rotate_secret(folder: Folder, *, retire: Retire = None) -> None:
        """Make a new key for residents' secrets. Older secrets open until theirs is retired, and then never again."""
        path = folder / keys.RESIDENT_SECRET
        if retire is not None:
            with keyrings.changing(folder):
                keyrings.write_keyring(path, keyrings.without_key(keyrings.read_keyring(path), path, retire))
            _say(f"{retire} is retired: the secrets that were made with it open nothing any more")
            return
        ring = _with_new_key(path)
        _say(f"{ring.current} makes the secrets of new petitions; those of older keys still open theirs")

    return app


def _with_new_key(path: Path) -> Keyring:
    with keyrings.changing(path.parent):
        ring = keyrings.read_keyring(path)
        mark = keys.MADE_FOR_DEVELOPMENT if ring.current.startswith(keys.MADE_FOR_DEVELOPMENT) else ""
        ring = keyrings.with_new_key(ring, mark)
        keyrings.write_keyring(path, ring)
    return ring


def rotate_keys(
    *,
    by: By,
    new_master: Annotated[
        bool, Parameter(help="Make a new master key first, in the keys folder.", negative=())
    ] = False,
    retire: Annotated[str | None, Parameter(help="Afterwards take this older master key away for good.")] = None,
) -> None:
    """Wrap the keys of all records anew with the current master key. What is sealed is not touched.

    Begun again after a stop, it goes on with what is left. Where the keys folder cannot be written, supply the new
    master key as you supply the folder, as the current one of two, and run this without --new-master.
    """
    settings = KeeperSettings()  # pyright: ignore[reportCallIssue]
    who = _who(by)
    path = settings.keys_folder / keys.MASTER
    if new_master:
        try:
            _say(f"{_with_new_key(path).current} is the new master key: copy the keys folder before anything else goes")
        except OSError as error:
            _not_writable(path, "supply the new master key yourself, and leave --new-master out", error)
    asyncio.run(_rotate(settings, who, retire))


async def _rotate(settings: KeeperSettings, by: str, retire: str | None) -> None:
    vault = open_vault(settings.keys_folder)
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= _TELL_EVERY:
            told = done
            _say(f"{done} …")

    async with _database(settings) as database:
        done = await rewrapping.rewrap_keys(database.reader, vault, by=by, told=tell)
        _say(f"{done} record keys were wrapped anew; all are under {vault.current_master}")
        if retire is not None:
            await rewrapping.retire_master(database, vault, retire, by=by)
            _take_away(settings.keys_folder / keys.MASTER, retire)


def _take_away(path: Path, master: str) -> None:
    with keyrings.changing(path.parent):
        ring = keyrings.read_keyring(path)
        if master in ring.keys:
            try:
                keyrings.write_keyring(path, keyrings.without_key(ring, path, master))
            except OSError as error:
                _not_writable(path, f"no record needs {master} any more, so take it out of there yourself", error)
    _say(f"{master} is retired: destroy its copies, and no backup from before can be opened any more")


def erase(petition: UUID, *, by: By, because: Because) -> None:
    """Erase a petition's personal data for good, and print the receipt. The masked story stays."""
    settings = ActingSettings()  # pyright: ignore[reportCallIssue]
    actor = Actor(_who(by), frozenset({Role.OPERATOR}))
    asyncio.run(_erase(settings, actor, PetitionId(petition), because))


async def _erase(settings: ActingSettings, actor: Actor, petition: PetitionId, because: str) -> None:
    request = Request(actor, "erasePersonalData", {"petitionId": str(petition)}, None, str(new_uuid()))
    async with _database(settings) as database:
        it = await Mutations(database, Pulse(), traces=untraced(Source.INTAKE.value)).run(
            request,
            Receipt,
            lambda tx: erasure.erase_personal_data(tx, petition, because, by=actor, now=settings.now()),
        )
    _say(f"receipt {it.id}: petition {it.petition_id}, {it.erased_at.isoformat(timespec='seconds')}, {it.by.subject}")
    _say(
        f"destroyed: {it.originals} submission, {it.additions} additions, {it.contacts} record of contact data, "
        f"{it.phone_hashes} hash of a phone number"
    )
    _say(f"wrapped key (SHA-256): {it.wrapped_key_sha256}")


def commands() -> App:
    """Return the commands."""
    app = App(name="python -m services.intake", help="Operate intake.")
    app.command(_keys())
    app.command(rotate_keys)
    app.command(erase)
    app.command(recording.commands(Source.INTAKE, reference.OWNED, record_entries))
    return app


COMMANDS: Final[Mapping[str, Callable[[], App]]] = MappingProxyType(
    dict.fromkeys(("keys", "rotate-keys", "erase", "reference"), commands)
)
"""The command lines that only intake's operator has, by their first word."""
