"""Whether what was loaded is true: by the independent check, by views made anew, and by going on with it.

Everything is read for it, so this is for small installations; the same copies make the large ones.
"""

import os
import sys
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import aiohttp

from bench.ended import ended
from bench.installation import Installation
from bench.large import acts
from bench.large.lives import Offices
from bench.life import WHOLE, Client, Timings
from deploy.audit.check import check
from deploy.audit.place import Place
from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from deploy.local.settings import ROOT
from services.intake.operating import open_vault
from services.kernel.auth.development import sign
from services.kernel.db import own_connection

ASKED: Final = 200
"""Petitions that are asked for, and how many of those that can go on do."""

_SETTLE_SECONDS: Final = 60.0
_PATIENCE: Final = 3600.0

_AT_INTAKE: Final = frozenset({"SUBMITTED", "ACCEPTED", "SCREENING"})
_VIEW: Final = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'view' ORDER BY table_name"
_DIGEST: Final = "SELECT md5(string_agg(md5(entry::text), '' ORDER BY md5(entry::text))) FROM view.{} AS entry"
_ANY_OF: Final = "SELECT petition_id::text AS id FROM own.petition ORDER BY md5(petition_id::text) LIMIT $1"
_PICKED: Final = (
    "SELECT petition_id, tracking_code, street, state FROM own.petition WHERE petition_id = ANY($1::uuid[])"
)


class UntrueError(LocalRunError):
    """What was loaded is not what a system that lived through it would hold."""


async def true(running: Installation, *, random: Random, say: Callable[[str], None]) -> None:
    """Check everything.

    :raises UntrueError: something is wrong, and what.
    """
    say("the independent check reads everything")
    report = await check(
        Place({service: running.dsn(service) for service in SERVICES}, running.bootstrap), settle_within=_SETTLE_SECONDS
    )
    if not report.clean:
        raise UntrueError(str(report))
    say(str(report))
    for service in SERVICES:
        await _rebuilds_alike(running, service)
        say(f"{service}'s view, made anew from the topics, is the same")
    async with aiohttp.ClientSession() as session:
        timings = Timings()
        client = Client(session, running.url, lambda: timings)
        went_on = await _goes_on(client, running, random)
    say(f"{ASKED} petitions answer, open with their secrets, and {went_on} of them went on")


async def _rebuilds_alike(running: Installation, service: str) -> None:
    before = await _digests(running.dsn(service))
    told = {
        **os.environ,
        "THROUGH_TRAIN_DATABASE_URL": running.dsn(service),
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": running.bootstrap,
    }
    command = (sys.executable, "-m", f"services.{service}", "rebuild")
    rebuild = await ended(*command, environment=told, folder=ROOT)
    if rebuild.code:
        raise UntrueError(f"{service}'s view cannot be made anew: {rebuild.complained}")
    after = await _digests(running.dsn(service))
    if other := [table for table in before if before[table] != after[table]]:
        raise UntrueError(f"{service}'s view, made anew, has other rows in {', '.join(other)}")


async def _digests(dsn: str) -> Mapping[str, str]:
    async with own_connection(dsn, application="bench", patience=_PATIENCE) as connection:
        tables = [row["table_name"] for row in await connection.fetch(_VIEW)]
        return {table: await connection.fetchval(_DIGEST.format(table)) for table in tables}


async def _goes_on(client: Client, running: Installation, random: Random) -> int:
    """Ask for petitions, open each as its resident, and do the next act of those that intake can go on with."""
    vault, offices = open_vault(running.keys), Offices(running.keys)
    async with own_connection(running.dsn("intake"), application="bench") as connection:
        ids = [row["id"] for row in await connection.fetch(_ANY_OF, ASKED)]
        found = await connection.fetch(_PICKED, ids)
    went_on = 0
    for petition in random.sample(list(found), len(found)):
        of = {"petitionId": str(petition["petition_id"])}
        whole = await client.ask("read", WHOLE, offices.supervisor, {"id": of["petitionId"]})
        _whole(petition, whole["petition"])
        secret = vault.secret(petition["petition_id"])
        code = petition["tracking_code"]
        opened = await client.ask("open", acts.OPEN, "", {"input": {"trackingCode": code, "secret": secret}})
        resident = opened["openPetition"]["token"]
        if petition["state"] in _AT_INTAKE:
            looked = await client.ask("look", acts.LOOK_UP, resident, {"input": {**of, "purpose": "核对"}})
            if not looked["lookUpContact"]["phone"].startswith("13"):
                raise UntrueError(f"petition {petition['petition_id']} has no contact data")
            await client.act("add", acts.ADD, resident, **of, words="又堵了")
            committee = sign(running.keys, "street_committee", sub="bench-check", street=petition["street"])
            await _next(client, committee, petition["state"], of)
            went_on += 1
    return went_on


def _whole(stored: Mapping[str, Any], shown: Mapping[str, Any] | None) -> None:
    if shown is None or shown["trackingCode"].replace("-", "") != stored["tracking_code"]:
        raise UntrueError(f"petition {stored['petition_id']} does not answer as it is stored: {shown}")
    if not shown["timeline"]["edges"]:
        raise UntrueError(f"petition {stored['petition_id']} has no timeline")


async def _next(client: Client, committee: str, state: str, of: Mapping[str, str]) -> None:
    """Do the committee's next act."""
    if state == "SUBMITTED":
        await client.act("accept", acts.ACCEPT, committee, **of, title="核对", category="other")
    elif state == "ACCEPTED":
        await client.act("listen", acts.LISTEN, committee, **of, said="核对")
