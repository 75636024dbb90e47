"""`python -m services.feedback [api relay consumer scheduler | migrate | parked … | rebuild]`."""

import sys

from services.feedback.app import WIRING
from services.kernel.service import main

main(WIRING, sys.argv[1:])
