"""While a newer version is being rolled out, the older one saves to tables that have columns it does not know."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from services.contracts.vocabulary import Extent, PetitionKind, Urgency
from services.dispatch.domain import assignment
from services.dispatch.domain.work_order import Act
from services.dispatch.store import petitions as dispatch
from services.feedback.store import petitions as feedback
from services.intake.domain import acceptance
from services.intake.domain.acceptance import Submission
from services.intake.store import petitions as intake
from services.kernel.head import Decision
from services.kernel.ids import PetitionId, new_tracking_code
from services.kernel.transaction import Cause, Transaction
from tests.support import cases, work_orders
from tests.support.plans import full
from tests.support.servers import Servers
from tests.support.terms import TERMS


class Saving(NamedTuple):
    """A service's store, the tables that it saves to, and acts from the first on."""

    store: Any
    tables: Sequence[str]
    first: Callable[[], Decision[Any]]
    then: Callable[[Any], Decision[Any]]


def _submitted() -> Decision[Any]:
    said = Submission(
        PetitionId(uuid4()), new_tracking_code(), PetitionKind.DEMAND, "visit", "huangtupo", "community-73", None,
        None, "下水道堵了",
    )  # fmt: skip
    return acceptance.submit(said, TERMS, by=work_orders.BY, now=work_orders.NOW)


def _accepted(petition: Any) -> Decision[Any]:
    analysis: dict[str, Any] = {
        "title": "堵塞",
        "category": "drainage",
        "urgency": Urgency.NORMAL,
        "extent": Extent.COMMUNITY,
    }
    return acceptance.accept(petition, **analysis, terms=TERMS, by=work_orders.BY, now=work_orders.NOW)


def _opened() -> Decision[Any]:
    asked, suggested = work_orders.handed_over(), work_orders.SUGGESTED
    decision = assignment.open_order(None, asked, suggested, TERMS, now=work_orders.NOW)
    assert decision is not None
    return decision


SAVINGS = {
    "intake": Saving(intake, ["petition"], _submitted, _accepted),
    "dispatch": Saving(
        dispatch,
        ["petition", "work_order", "instruction"],
        _opened,
        lambda petition: work_orders.press(work_orders.do(petition, Act.ASSIGN).state),
    ),
    "feedback": Saving(
        feedback, ["petition", "case", "visit", "rate"], lambda: cases.reply(cases.unheard()), cases.visit
    ),
}


@pytest.mark.parametrize("service", SAVINGS)
async def test_what_a_later_version_added_gets_its_default(servers: Servers, service: str) -> None:
    saving = SAVINGS[service]
    later = "".join(f"ALTER TABLE own.{t} ADD COLUMN later text NOT NULL DEFAULT 'new';" for t in saving.tables)
    async with full(servers, service, later) as there, there.connection.transaction():
        tx = Transaction(there.connection, Cause("test", "test"))
        saved = await saving.store.save(tx, None, saving.first(), now=work_orders.NOW)
        saved = await saving.store.save(tx, saved, saving.then(saved), now=work_orders.NOW)
        assert await saving.store.find(tx, saved.head.id) is not None
        for table in saving.tables:
            rows = await there.connection.fetch(f"SELECT later FROM own.{table}")
            assert {row["later"] for row in rows} == {"new"}, table
