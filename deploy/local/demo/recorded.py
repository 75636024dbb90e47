"""A story that was recorded while the estate's case was played: for the documentation's picture, and for tests."""

from datetime import datetime
from importlib.resources import files

import msgspec

from deploy.local.demo.case import Act
from deploy.local.demo.cases import CASES
from deploy.local.demo.story import Story, Update


class _Recorded(msgspec.Struct, frozen=True):
    """What was told up to an act, the `act`-th of a case; only the last update still has its petition."""

    case: str
    act: int
    now: datetime
    updates: list[Update]


def story() -> tuple[Story, datetime]:
    """Return the story, and the domain's instant at which it stood so."""
    said = msgspec.json.decode(files(__package__ or "").joinpath("recorded.json").read_bytes(), type=_Recorded)
    case = CASES[said.case]
    acts = [step for step in case.steps if isinstance(step, Act)]
    told = Story(case)
    for act in acts[: said.act]:
        told = told.acting(act)
    for update in said.updates:
        told = told.after(update)
    return told, said.now
