"""The demonstration district: invented, but for the few places and people that the report names.

What is invented is marked `generated`. `small` holds what the report's cases need and is written down in `small.json`;
`full` is `small`, unchanged, and around it a district of the report's size, made by `whole.py` from the tables under
`names/`: the same bytes on every machine. Nothing here is part of an installation; it is recorded through the services'
own command, as a real district's reference data would be.

Ids to stand on, in both sizes: streets huangtupo, fenghuang, hongyan, dewu; communities community-73, renmin-west,
maan, dongfeng-west, zhiyuan; estates erzhong-lane, zhiyuan-9; venue venue-maan-corner; representatives rep-hui-bi,
rep-peng-xuan, rep-huang-meiping, rep-xu-jin, rep-ge-chunyan, and in Dewu (invented) rep-dewu-001, rep-dewu-002;
departments civil-affairs, housing, public-order, urban-management, water-utility, power-utility, office-dewu and the
other three streets' offices; a rule for each category that every installation has.
"""

from enum import StrEnum
from importlib.resources import files

import msgspec

from deploy.district import whole
from services.contracts.reference import AnyEntry, Department, RoutingRule
from services.contracts.vocabulary import Source


class Size(StrEnum):
    """How much of the district."""

    SMALL = "small"
    FULL = "full"


def entries(size: Size) -> list[AnyEntry]:
    """Return the district's entries: each after those that it names."""
    small = msgspec.json.decode(files(__name__).joinpath("small.json").read_bytes(), type=list[AnyEntry])
    return small if size is Size.SMALL else whole.around(small)


def entries_of(source: Source, size: Size) -> list[AnyEntry]:
    """Return the entries that one service owns: dispatch departments and routing, intake the rest, feedback none."""
    of_dispatch = (Department, RoutingRule)
    return [
        entry
        for entry in entries(size)
        if (Source.DISPATCH if isinstance(entry, of_dispatch) else Source.INTAKE) is source
    ]
