"""Keys at intake, on real servers: renewed under a service that runs, taken away only when nothing needs them."""

import asyncio
import base64
import io
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest
from cryptography.exceptions import InvalidTag

from services.intake import operating
from services.intake.app import WIRING as INTAKE
from services.intake.commands import rewrapping
from services.intake.store import key_changes, originals
from services.intake.vault import Contact, Vault, WrappedKey
from services.kernel.auth import keyrings, keys
from services.kernel.auth.keyrings import KeyFileError, Keyring
from services.kernel.errors import InvalidInput, Unavailable
from services.kernel.ids import PetitionId, new_uuid
from services.kernel.operating import operate
from services.kernel.transaction import Cause, Database
from tests.support import people as p
from tests.support.district import District, district, eventually
from tests.support.people import People
from tests.support.servers import Servers

LOOK_UP: Final = p.act("lookUpContact", "LookUpContactInput", "name phone")
RECORDS: Final = 1_200
"""More than two pages of the command line's."""


@pytest.fixture
async def world(servers: Servers, tmp_path: Path) -> AsyncIterator[District]:
    """Intake alone, with keys of its own that a test may change."""
    folder = tmp_path / "keys"
    keys.create_missing(folder)
    apart = replace(servers, keys=str(folder))
    async with district(apart, {"intake": INTAKE}, folder=tmp_path, gateway=False) as running:
        yield running


def people_of(world: District) -> People:
    return People(world, world.intake.url)


def folder_of(world: District) -> Path:
    return Path(world.servers.keys)


def database_of(world: District) -> Database:
    assert world.intake.runtime is not None
    return world.intake.runtime.database


def masters(world: District) -> Keyring:
    return keyrings.read_keyring(folder_of(world) / keys.MASTER)


def vault_with(world: District, ring: Keyring) -> Vault:
    """Return the vault of a service whose keys folder has other master keys, an older copy, say."""
    signing = keys.private_key(folder_of(world), keys.INTAKE_PRIVATE)
    return Vault(
        masters=lambda: ring,
        resident_secrets=lambda: ring,
        phone_key=bytes(32),
        signing_key=lambda: signing,
    )


async def seal(world: District, vault: Vault, records: int = 1) -> list[PetitionId]:
    """Seal what so many residents wrote."""
    sealed = [PetitionId(new_uuid()) for _ in range(records)]
    async with database_of(world).transaction(Cause("test", "test")) as tx:
        for petition in sealed:
            await originals.seal(tx, vault, petition, "下水道堵了", Contact("王小明", "13800138000"))
    return sealed


async def records(world: District) -> dict[PetitionId, dict[str, Any]]:
    rows = await world.intake.fetch(
        "SELECT original.*, contact.sealed FROM own.original JOIN own.contact USING (petition_id)"
    )
    return {row["petition_id"]: row for row in rows}


def wrapped(row: dict[str, Any]) -> WrappedKey:
    return WrappedKey(row["master_key"], row["wrapped_key"])


def environment(world: District) -> dict[str, str]:
    """Return what a command of intake's operator is told."""
    return {
        "THROUGH_TRAIN_DATABASE_URL": world.intake.settings.database_url.get_secret_value(),
        "THROUGH_TRAIN_KEYS_FOLDER": world.servers.keys,
    }


async def begin(world: District, *arguments: str) -> asyncio.subprocess.Process:
    """Begin a command of intake's operator as a program of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("THROUGH_TRAIN_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.intake", *arguments),
        env={**inherited, **environment(world)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def program(world: District, *arguments: str) -> tuple[int, str]:
    """Run a command of intake's operator as a program of its own; return its code and what it said."""
    process = await begin(world, *arguments)
    output, _ = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in output, output.decode()
    return process.returncode, output.decode()


async def command(world: District, *arguments: str) -> tuple[str | None, str]:
    """Run a command here, where it need not start first; return what was wrong, and what it said."""

    def run() -> tuple[str | None, str]:
        said = io.StringIO()
        with redirect_stdout(said), pytest.MonkeyPatch.context() as patched:
            for name, value in environment(world).items():
                patched.setenv(name, value)
            try:
                wrong = operate(operating.commands(), arguments)
            except KeyFileError as error:
                wrong = str(error)
        return wrong, said.getvalue()

    return await asyncio.to_thread(run)


async def done(world: District, *arguments: str) -> str:
    wrong, said = await command(world, *arguments)
    assert wrong is None, wrong
    return said


async def refused(world: District, *arguments: str) -> str:
    wrong, said = await command(world, *arguments)
    assert wrong is not None, said
    return wrong


@asynccontextmanager
async def held(world: District, petition: PetitionId) -> AsyncGenerator[None]:
    """Hold one record's row, as somebody's long transaction would."""
    async with database_of(world).transaction(Cause("test", "test")) as tx:
        await tx.connection.execute("SELECT 1 FROM own.original WHERE petition_id = $1 FOR UPDATE", petition)
        yield


async def waits(world: District, statement: str) -> bool:
    """Tell whether somebody waits for a lock in a statement of that name."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%-- ' || $1 || ':%'"
    return bool(await world.intake.fetch(waiting, statement))


async def test_a_service_that_runs_seals_and_opens_while_all_keys_are_wrapped_anew(world: District) -> None:
    people = people_of(world)
    await seal(world, vault_with(world, masters(world)), RECORDS)
    old, before = masters(world), await records(world)
    first = await people.file()
    finished = asyncio.Event()
    shown: list[dict[str, str]] = []

    async def work() -> None:
        while not finished.is_set() or len(shown) < 3:
            filed = await people.file()
            for petition in (first.id, filed.id):
                given = {"petitionId": petition, "purpose": "核实"}
                shown.append((await people.do(LOOK_UP, "street_committee", **given)).ok()["lookUpContact"])

    working = asyncio.create_task(work())
    await eventually(lambda: _true(len(shown) >= 2))
    code, said = await program(world, "rotate-keys", "--new-master", "--by", "管理员")
    finished.set()
    assert code == 0, said
    await working
    assert all(contact == {"name": "王小明", "phone": "13800138000"} for contact in shown)
    new = masters(world)
    assert old.current in new.keys
    assert new.current != old.current
    assert new.current in said
    after = await records(world)
    assert {row["master_key"] for row in after.values()} == {new.current}
    assert len(after) == RECORDS + 1 + len(shown) // 2
    vault = vault_with(world, new)
    for petition, row in before.items():
        assert (after[petition]["words"], after[petition]["sealed"]) == (row["words"], row["sealed"])
        assert vault.unwrap(petition, wrapped(after[petition])) == vault.unwrap(petition, wrapped(row))
    # The old master key alone opens nothing any more, under whichever name.
    alone = vault_with(world, old)
    for petition, row in after.items():
        with pytest.raises(Unavailable):
            alone.unwrap(petition, wrapped(row))
        with pytest.raises(InvalidTag):
            alone.unwrap(petition, WrappedKey(old.current, row["wrapped_key"]))
    rotations = await world.intake.fetch("SELECT began_by, master_key, records FROM own.key_rotation")
    assert [(r["began_by"], r["master_key"]) for r in rotations] == [("command line:管理员", new.current)]
    assert RECORDS < rotations[0]["records"] <= len(after)
    assert f"{rotations[0]['records']} record keys were wrapped anew" in said


async def _true(value: bool) -> bool:
    return value


async def test_a_run_that_is_killed_halfway_leaves_nothing_half_done_and_the_next_goes_on(world: District) -> None:
    old = masters(world)
    sealed = await seal(world, vault_with(world, old), RECORDS)
    before = await records(world)
    counted = "SELECT records FROM own.key_rotation"
    async with held(world, sealed[700]):  # in the second page
        process = await begin(world, "rotate-keys", "--new-master", "--by", "管理员")
        try:
            await eventually(lambda: waits(world, "originals.rewrap"))
        finally:
            process.kill()
            await process.communicate()
        # Its server process would finish the statement once the row is free; let that be gone too.
        gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'intake-operator'"
        await world.intake.fetch(gone)
    new = masters(world)

    async def under(master: str) -> list[PetitionId]:
        return [petition for petition, row in (await records(world)).items() if row["master_key"] == master]

    assert set(await under(new.current)) == set(sealed[:500])
    assert await world.intake.fetch(counted) == [{"records": 500}]
    vault = vault_with(world, new)
    for petition, row in (await records(world)).items():
        assert vault.unwrap(petition, wrapped(row)) == vault.unwrap(petition, wrapped(before[petition]))
    said = await done(world, "rotate-keys", "--by", "管理员")
    assert f"{RECORDS - 500} record keys were wrapped anew" in said
    assert set(await under(new.current)) == set(sealed)
    assert masters(world) == new
    assert "\n0 record keys" in "\n" + await done(world, "rotate-keys", "--by", "管理员")
    assert len(await world.intake.fetch(counted)) == 2  # a run that found nothing to do is none


async def test_two_runs_at_once_wrap_everything_once(world: District) -> None:
    await seal(world, vault_with(world, masters(world)), 300)
    path = folder_of(world) / keys.MASTER
    keyrings.write_keyring(path, keyrings.with_new_key(masters(world)))
    vault, reader = operating.open_vault(folder_of(world)), database_of(world).reader
    counts = await asyncio.gather(*(rewrapping.rewrap_keys(reader, vault, by="x", page=7) for _ in range(3)))
    assert sum(counts) == 300
    after = await records(world)
    assert {row["master_key"] for row in after.values()} == {masters(world).current}
    for petition, row in after.items():
        vault.unwrap(petition, wrapped(row))


async def test_a_master_key_is_taken_away_only_when_no_record_needs_it(world: District) -> None:
    people, old = people_of(world), masters(world)
    filed = await people.file()
    assert "no master key" in await refused(world, "rotate-keys", "--by", "管理员", "--retire", "misspelt")
    assert await world.intake.fetch("SELECT 1 FROM own.retired_key") == []
    assert "first" in await refused(world, "rotate-keys", "--by", "管理员", "--retire", old.current)
    await done(world, "rotate-keys", "--new-master", "--by", "管理员")
    # A service that was not given the new key yet goes on with the old one.
    [late] = await seal(world, vault_with(world, old))
    vault, database = operating.open_vault(folder_of(world)), database_of(world)
    with pytest.raises(InvalidInput, match="not been given the new key"):
        await rewrapping.retire_master(database, vault, old.current, by="管理员")
    assert old.current in masters(world).keys
    said = await done(world, "rotate-keys", "--by", "管理员", "--retire", old.current)
    assert "1 record keys were wrapped anew" in said
    assert list(masters(world).keys) == [vault.current_master]
    [row] = await world.intake.fetch("SELECT master_key, retired_by FROM own.retired_key")
    assert row == {"master_key": old.current, "retired_by": "command line:管理员"}
    with pytest.raises(Unavailable):
        await seal(world, vault_with(world, old))
    assert set(await records(world)) == {late, PetitionId(UUID(filed.id))}
    given = {"petitionId": filed.id, "purpose": "核实"}
    assert (await people.do(LOOK_UP, "street_committee", **given)).ok()["lookUpContact"]["name"] == "王小明"
    # What was retired is not made the current key again, not even by an older copy of the folder.
    keyrings.write_keyring(folder_of(world) / keys.MASTER, Keyring(old.current, {**masters(world).keys, **old.keys}))
    assert "is retired" in await refused(world, "rotate-keys", "--by", "管理员")
    (await people.do(p.SUBMIT, words="水", channel="visit", community="community-73")).refused("UNAVAILABLE")


async def test_retiring_waits_for_whoever_seals_with_the_old_key_at_this_moment(world: District) -> None:
    old = masters(world)
    keyrings.write_keyring(folder_of(world) / keys.MASTER, keyrings.with_new_key(old))
    vault, database = operating.open_vault(folder_of(world)), database_of(world)
    async with database.transaction(Cause("test", "test")) as tx:
        await originals.seal(tx, vault_with(world, old), PetitionId(new_uuid()), "水", Contact())
        retiring = asyncio.create_task(rewrapping.retire_master(database, vault, old.current, by="x"))
        await eventually(lambda: waits(world, "key_changes.hold"))
        later = asyncio.create_task(seal(world, vault_with(world, old)))
        await asyncio.sleep(0.2)
        assert not retiring.done()
    with pytest.raises(InvalidInput, match="Records are wrapped"):
        await retiring
    await later
    assert not await key_changes.is_retired(database.reader, old.current)


async def test_whoever_comes_while_a_key_is_being_retired_finds_it_retired(world: District) -> None:
    old = masters(world)
    keyrings.write_keyring(folder_of(world) / keys.MASTER, keyrings.with_new_key(old))
    database = database_of(world)
    async with database.transaction(Cause("test", "test")) as tx:
        assert await key_changes.retire(tx, old.current, by="x")
        late = asyncio.create_task(seal(world, vault_with(world, old)))
        await eventually(lambda: waits(world, "originals.seal"))
    with pytest.raises(Unavailable):
        await late
    assert await records(world) == {}


async def test_where_the_folder_cannot_be_written_the_operator_supplies_the_new_key(world: District) -> None:
    await seal(world, vault_with(world, masters(world)), 3)
    folder = folder_of(world)
    path, old = folder / keys.MASTER, masters(world)
    # As a mounted secret is exchanged: by somebody else, in one step, before the command runs.
    new = keyrings.with_new_key(old)
    keyrings.write_keyring(path, new)
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}
    await done(world, "rotate-keys", "--by", "管理员")
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()} == before
    assert {row["master_key"] for row in (await records(world)).values()} == {new.current}
    (folder / f".{keys.MASTER}.{os.getpid()}").mkdir()  # nothing can be written here now, not even by root
    with pytest.raises(KeyFileError, match="take it out of there yourself"):
        operating._take_away(path, old.current)
    assert "supply the new master key yourself" in await refused(world, "rotate-keys", "--new-master", "--by", "管理员")
    assert masters(world) == new


async def test_a_service_that_lacks_a_master_key_says_so_and_recovers_by_itself(world: District) -> None:
    people, filed, old = people_of(world), await people_of(world).file(), masters(world)
    path = folder_of(world) / keys.MASTER
    await done(world, "rotate-keys", "--new-master", "--by", "管理员")
    new = masters(world)
    keyrings.write_keyring(path, old)  # the folder of a service that has not been given the new key yet
    given = {"petitionId": filed.id, "purpose": "核实"}
    (await people.do(LOOK_UP, "street_committee", **given)).refused("UNAVAILABLE")
    assert await world.intake.fetch("SELECT 1 FROM own.contact_look") == []
    assert "is not in the keys folder" in await refused(world, "rotate-keys", "--by", "管理员")
    keyrings.write_keyring(path, new)
    (await people.do(LOOK_UP, "street_committee", **given)).ok()


async def test_a_broken_key_file_stops_no_service_that_runs_and_none_starts_with_it(world: District) -> None:
    people, path = people_of(world), folder_of(world) / keys.MASTER
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    filed = await people.file()
    given = {"petitionId": filed.id, "purpose": "核实"}
    (await people.do(LOOK_UP, "street_committee", **given)).ok()
    assert "is not JSON" in await refused(world, "rotate-keys", "--by", "管理员")
    await world.intake.stop()
    with pytest.raises(KeyFileError, match=r"master-keys\.json"):
        await world.intake.start()
    path.write_text(whole)


# Signing and secrets


async def published(world: District) -> Sequence[str]:
    url = world.intake.url.replace("/graphql", "/.well-known/jwks.json")
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return [key["kid"] for key in (await response.json())["keys"]]


async def test_the_signing_key_is_renewed_under_a_service_that_runs(world: District) -> None:
    people, folder = people_of(world), world.servers.keys
    filed = await people.file()
    query = "query($id: ID!) { petition(id: $id) { state } }"
    old = await people.resident(filed)
    (await world.ask(query, token=old, url=people.url, id=filed.id)).ok()
    [first] = await published(world)
    # Longer than those who check tokens wait between two looks for new keys.
    said = await done(world, "keys", "rotate-signing", folder, "--wait", "6")
    _, second = await published(world)
    assert first in said
    assert f"{second} signs" in said
    new = await people.resident(filed)
    assert keys_of(new) == second
    for token in (old, new):
        (await world.ask(query, token=token, url=people.url, id=filed.id)).ok()
    assert "signs with it" in await refused(world, "keys", "rotate-signing", folder, "--retire", second)
    await done(world, "keys", "rotate-signing", folder, "--retire", first)
    assert await published(world) == [second]
    await world.intake.stop()
    await world.intake.start()
    (await world.ask(query, token=old, url=people.url, id=filed.id)).refused("UNAUTHENTICATED")
    (await world.ask(query, token=new, url=people.url, id=filed.id)).ok()


def keys_of(token: str) -> str:
    header = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]


async def test_secrets_of_an_older_key_open_until_it_is_retired(world: District) -> None:
    people, folder = people_of(world), world.servers.keys
    first = keyrings.read_keyring(folder_of(world) / keys.RESIDENT_SECRET).current
    older = await people.file()
    await done(world, "keys", "rotate-secret", folder)
    newer = await people.file()
    for filed in (older, newer):
        assert await people.resident(filed)
    assert "first" in await refused(
        world, "keys", "rotate-secret", folder, "--retire", keyrings.read_keyring(_secrets(world)).current
    )
    await done(world, "keys", "rotate-secret", folder, "--retire", first)
    given = {"trackingCode": older.code, "secret": older.secret}
    (await people.do(p.OPEN, **given)).refused("NOT_FOUND")
    assert await people.resident(newer)


def _secrets(world: District) -> Path:
    return folder_of(world) / keys.RESIDENT_SECRET


async def test_an_installations_keys_are_made_once_without_any_for_development(world: District, tmp_path: Path) -> None:
    folder = tmp_path / "of the installation"
    code, said = await program(world, "keys", "create", str(folder))
    assert code == 0, said
    made = {file.name for file in folder.iterdir()}
    assert made == {keys.INTAKE_PRIVATE, keys.INTAKE_PUBLIC, keys.MASTER, keys.RESIDENT_SECRET, keys.PHONE_HASH}
    assert all(name in said for name in made)
    assert keys.development_keys(folder) == []
    assert keys.readable_by_others(folder) == []
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    code, said = await program(world, "keys", "create", str(folder))
    assert (code, "nothing was changed" in said) == (1, True)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
