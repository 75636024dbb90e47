"""What becomes of every table when petitions are multiplied is said for all that the migrations make."""

import pytest

from bench.large.tables import BYTES, TREATMENTS, Treatment, UncoveredError, tables_of
from deploy.local.postgres import SERVICES
from tests.support.plans import full
from tests.support.servers import Servers


async def test_no_table_and_no_column_of_bytes_is_forgotten_nor_named_in_vain(servers: Servers) -> None:
    named, filled = set[str](), set[str]()
    for service in SERVICES:
        async with full(servers, service, "SELECT") as empty:
            tables = await tables_of(service, empty.connection)
            named |= {table.name for table in tables}
            filled |= {f"{table.name}.{column}" for table in tables if table.is_written for column in table.columns}
            assert all(table.petition >= 0 for table in tables if table.treatment is Treatment.COPIED)
    assert named == set(TREATMENTS)
    assert set(BYTES) <= filled


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("CREATE TABLE own.survey (petition_id uuid PRIMARY KEY)", "own.survey"),
        ("ALTER TABLE own.visit ADD COLUMN picture bytea", "own.visit.picture"),
    ],
)
async def test_what_is_added_stops_the_load_until_it_is_said_what_becomes_of_it(
    servers: Servers, added: str, told: str
) -> None:
    async with full(servers, "feedback", added) as changed:
        with pytest.raises(UncoveredError, match=told):
            await tables_of("feedback", changed.connection)
