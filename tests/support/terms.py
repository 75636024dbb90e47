"""The seeded deadline policy and the official calendar, for rules that are tried without a server."""

from typing import Final

from services.intake.seed import entries
from services.kernel.reference import References, collect
from services.kernel.terms import Terms

REFERENCES: Final[References] = collect(entries())
TERMS: Final[Terms] = REFERENCES.terms
