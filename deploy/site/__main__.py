"""`python -m deploy.site`, which is `make docs`: the documentation as a site, in build/site."""

import sys

from deploy.local.errors import LocalRunError
from deploy.site.build import SITE, build


def main() -> int:
    """Return the process's exit status: 1, with a sentence, when something is wrong with the pages."""
    try:
        build()
    except LocalRunError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The documentation is in {SITE}: open {SITE / 'index.html'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
