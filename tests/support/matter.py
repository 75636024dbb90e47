"""What a work order is about, where a test does not care."""

from typing import Final

from services.contracts.dispatch import Matter
from services.contracts.vocabulary import Urgency

MATTER: Final = Matter(
    tracking_code="7K4M-9XQ2-VR3T",
    title="二中批发巷下水道堵塞",
    category="drainage",
    urgency=Urgency.NORMAL,
    request="请疏通二中批发巷主排水管，并答复商户",
)
