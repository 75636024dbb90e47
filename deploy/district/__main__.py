"""`python -m deploy.district intake|dispatch [--size small]`: print it as `reference record` takes it."""

import sys
from typing import Literal

from cyclopts import App

from deploy.district import Size, entries_of
from services.contracts.vocabulary import Source
from services.kernel.entries import written

app = App(name="python -m deploy.district", help="The demonstration district, as a file for `reference record`.")


@app.default
def show(service: Literal["intake", "dispatch"], /, *, size: Size = Size.FULL) -> None:
    """Print the entries that a service owns."""
    sys.stdout.buffer.write(written(entries_of(Source(service), size)))


if __name__ == "__main__":
    app()
