"""The consumer at its border: what cannot be kept goes to the dead letters, and what comes after it is taken."""

from collections.abc import Sequence

from services.contracts.reference import Ground, Name
from services.contracts.vocabulary import Source
from tests.support.district import District, eventually
from tests.support.references import publish_entries
from tests.support.topics import Message, fetch_all

_KEPT = "SELECT id FROM view.reference WHERE id IN ('spoilt', 'sound')"


async def test_a_reference_entry_that_no_column_holds_stops_none_behind_it(dispatch_alone: District) -> None:
    entries = [
        Ground(id="spoilt", name=Name(zh="a\0b", en="spoilt"), uses=()),
        Ground(id="sound", name=Name(zh="另行处理", en="sound"), uses=()),
    ]
    bootstrap, prefix = dispatch_alone.servers.bootstrap, dispatch_alone.prefix
    await publish_entries(bootstrap, prefix, Source.INTAKE, entries, now=dispatch_alone.time())

    async def kept() -> Sequence[object]:
        return await dispatch_alone.dispatch.fetch(_KEPT)

    assert await eventually(kept) == [{"id": "sound"}]

    async def buried() -> list[Message]:
        return await fetch_all(dispatch_alone, f"{prefix}deadletter.dispatch.v1")

    [letter] = await eventually(buried)
    assert dict(letter.headers)["dl_error"].endswith(b"contains the character U+0000, which no text may contain.")
