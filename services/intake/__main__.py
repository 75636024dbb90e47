"""`python -m services.intake [api relay consumer scheduler | migrate | parked … | rebuild]`."""

import sys

from services.intake.app import WIRING
from services.kernel.service import main

main(WIRING, sys.argv[1:])
