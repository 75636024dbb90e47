"""What must hold after every fault: the independent check (deploy/audit) finds nothing."""

from deploy.audit.check import check
from deploy.audit.findings import Finding, Kind
from tests.faults.client import Client, Ledger
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
    report.findings = [found for found in report.findings if not _brought_early(found, ledger)]
    assert report.clean, str(report)


def _brought_early(found: Finding, ledger: Ledger) -> bool:
    return found.kind is Kind.OUT_OF_ORDER and found.petition in ledger.early and "of the topic has" in found.sentence
