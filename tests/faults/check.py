"""What must hold after every fault: the independent check (deploy/audit) finds nothing."""

from deploy.audit.check import check
from tests.faults.client import Client
from tests.faults.installation import SETTLES_WITHIN


async def nothing_lost(client: Client, *, within: float = SETTLES_WITHIN) -> None:
    """Wait until nothing is under way any more, and check all that the installation has ever promised."""
    installation, ledger = client.installation, client.ledger
    assert client.internal == [], f"errors that no service expected: {client.internal}"
    report = await check(
        installation.place,
        ledger.acknowledged,
        settle_within=within,
        now=installation.domain_now,
        attempted=ledger.attempted,
        foreign=ledger.foreign,
    )
    assert report.clean, str(report)
