"""The supervisor's instructions that must still be answered: the desks of those who must, and the supervisor's own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.dispatch.domain.instruction import Instruction
from services.dispatch.domain.work_order import Petition
from services.dispatch.queries.work_orders import READ
from services.dispatch.store.petitions import petition_of
from services.kernel.access import Reach
from services.kernel.db import Connection, Row
from services.kernel.ids import InstructionId

Found = tuple[Petition, Instruction]
"""An instruction and the petition that it is about."""


def _page(name: str, column: str = "", value: str = "", until: str = "") -> str:
    """Compose a page's statement: straight from an index of the open ones, as the desks of work orders are read."""
    return f"""
-- instructions.{name}: a page of what must be answered
WITH page AS (
    SELECT petition_id, instruction_id FROM (
        SELECT petition_id, instruction_id FROM own.instruction
        WHERE ({column} instruction_id) > ({value} $1) {until} AND answer IS NULL AND lapsed_at IS NULL
        ORDER BY {column} instruction_id LIMIT 101
    ) AS longest LIMIT $2
)
SELECT {READ}, page.instruction_id
FROM page JOIN own.petition ON petition.petition_id = page.petition_id ORDER BY page.instruction_id"""


PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "all": _page("all"),
        "of_street": _page("of_street", "street,", "$3,", "AND street <= $3"),
        "of_lead": _page("of_lead", "lead,", "$3,", "AND lead <= $3"),
    }
)
"""One statement for each index (instruction_open…)."""

_BEFORE_ALL: Final = UUID(int=0)


async def to_answer(
    reader: Connection, reach: Reach, *, after: InstructionId | None, first: int
) -> tuple[list[Found], bool]:
    """Return a page of the open instructions within reach, oldest first, and whether there is more."""
    streets = [("of_street", (street,)) for street in reach.streets]
    leads = [("of_lead", (lead,)) for lead in reach.departments]
    pages: list[tuple[str, tuple[str, ...]]] = [("all", ())] if reach.everything else [*streets, *leads]
    start = (after or _BEFORE_ALL, first + 1)
    rows = [row for name, place in pages for row in await reader.fetch(PAGES[name], *start, *place)]
    by_id = {row["instruction_id"]: row for row in rows}
    found = [_found(by_id[instruction_id]) for instruction_id in sorted(by_id)]
    return found[:first], len(found) > first


def _found(row: Row) -> Found:
    petition = petition_of(row)
    return petition, petition.instruction(row["instruction_id"])
