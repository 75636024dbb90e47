"""What every installation starts with: categories, channels, grounds, referrals, and the first deadline policy.

Places, people and departments are each district's own: they are recorded (`reference record`), never seeded.
"""

from importlib.resources import files

import msgspec

from services.contracts.reference import AnyEntry


def entries() -> list[AnyEntry]:
    """Return the seed entries."""
    return msgspec.json.decode(files(__name__).joinpath("reference.json").read_bytes(), type=list[AnyEntry])
