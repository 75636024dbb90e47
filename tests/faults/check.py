"""What must hold after every fault, asked of the topics and the databases."""

from collections import defaultdict

from deploy.local.postgres import SERVICES
from tests.faults.client import Client
from tests.faults.installation import SETTLES_WITHIN, Installation

_EVENTS = "SELECT aggregate_id::text AS id, sequence, event_id::text AS event_id FROM own.event WHERE cycle > 0"


async def nothing_lost(client: Client, *, spoilt: frozenset[str] = frozenset(), within: float = SETTLES_WITHIN) -> None:
    """Wait until nothing is under way any more, and check all that the installation has ever promised.

    `spoilt` are petitions about which the test itself published what no service said.
    """
    installation = client.installation
    await installation.settle(within)
    assert client.internal == []
    wrong: list[str] = []
    recorded = {service: await _recorded(installation, service) for service in SERVICES}
    for service in SERVICES:
        heard: dict[tuple[str, int], set[str]] = defaultdict(set)
        for message in await installation.broker.messages(installation.petition_topics()[service]):
            if message.about not in spoilt and "ce_sequence" in message.header:
                heard[message.about, int(message.header["ce_sequence"])].add(message.header["ce_id"])
        known = {at: {event} for at, event in recorded[service].items() if at[0] not in spoilt}
        wrong += [f"{service} topic: {at} {heard.get(at)} {known.get(at)}" for at in heard.keys() | known.keys()
                  if heard.get(at) != known.get(at)]  # fmt: skip
        last: dict[str, int] = defaultdict(int)
        for about, sequence in sorted(known):
            wrong += [] if sequence == last[about] + 1 else [f"{service} gap: {about} before {sequence}"]
            last[about] = sequence
        for other in SERVICES:
            if other == service:
                continue
            for schema in ("own", "view"):
                rows = await installation.fetch(
                    other, f"SELECT aggregate_id::text AS id, applied FROM {schema}.progress WHERE source = $1", service
                )
                applied = {row["id"]: row["applied"] for row in rows if row["applied"] and row["id"] not in spoilt}
                wrong += [
                    f"{other} {schema}: {about} of {service}: {applied.get(about)}, not {last.get(about)}"
                    for about in last.keys() | applied.keys()
                    if applied.get(about) != last.get(about)
                ]
        wrong += [
            f"{service} parked: {row}"
            for row in await installation.fetch(service, "SELECT aggregate_id::text AS id, reason FROM own.parked")
            if row["id"] not in spoilt
        ]
    for done in client.acknowledged:
        if (done.aggregate, done.sequence) not in recorded[done.source.value]:
            wrong.append(f"lost: {done}")
    assert wrong == []


async def _recorded(installation: Installation, service: str) -> dict[tuple[str, int], str]:
    rows = await installation.fetch(service, _EVENTS)
    return {(row["id"], row["sequence"]): row["event_id"] for row in rows}
