"""`python -m services.dispatch [api relay consumer scheduler | migrate | parked … | rebuild]`."""

import sys

from services.dispatch.app import WIRING
from services.kernel.service import main

main(WIRING, sys.argv[1:])
