"""Whether everything that was said has been heard everywhere."""

from typing import Any

from tests.support.district import District, RunningService, eventually
from tests.support.topics import published


async def settled(district: District) -> None:
    """Wait until everything that was published has been applied everywhere, as far as it can be."""

    async def quiet() -> bool:
        return not await _behind(district) and await published(district)

    await eventually(quiet)


async def _behind(district: District) -> bool:
    # First what is known, then what there is to know: what becomes of an event between the two looks counts as unknown.
    known = {
        name: (
            await service.fetch("SELECT aggregate_id, source, applied FROM own.progress"),
            await _entries(service, "view"),
        )
        for name, service in district.services.items()
    }
    counts = "SELECT aggregate_id, max(sequence) AS n FROM own.event WHERE type <> 'reference.recorded' GROUP BY 1"
    for source, service in district.services.items():
        recorded, entries = await service.fetch(counts), await _entries(service, "own")
        for name in set(district.services) - {source}:
            rows, kept = known[name]
            applied = {row["aggregate_id"]: row["applied"] for row in rows if row["source"] == source}
            if not entries <= kept or any(applied.get(row["aggregate_id"], 0) < row["n"] for row in recorded):
                return True
    return False


async def _entries(service: RunningService, schema: str) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in await service.fetch(f"SELECT kind, id, sequence FROM {schema}.reference")}
