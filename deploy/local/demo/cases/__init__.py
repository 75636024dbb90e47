"""The cases that can be played, by what CASE names; the first is played when none is named."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from deploy.local.demo.case import Case
from deploy.local.demo.cases import departments, estate, household, late, sewer

CASES: Final[Mapping[str, Case]] = MappingProxyType(
    {case.name: case for case in (sewer.CASE, household.CASE, estate.CASE, late.CASE, departments.ORDER)}
)
"""Those that are one petition's path."""

ALL: Final = (*CASES.values(), departments.TITLED)
"""These, and the one that departments' own programs play in (departments.py of the demo)."""
