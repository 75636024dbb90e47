"""`python -m deploy.images`: build images (`make images`), or make sure that a run on containers has its own."""

import sys
from typing import Annotated, Final

from cyclopts import App, Parameter
from pydantic import ValidationError

from deploy.images import engine
from deploy.images.build import Image, build
from deploy.images.engine import EngineError
from deploy.images.names import ImageSettings, Origin
from deploy.local.errors import LocalRunError

app: Final = App(name="python -m deploy.images", help="Images for containers.", result_action="return_value")


@app.command(name="build")
def build_images(
    *wanted: Image, bases: Origin = Origin.LOCAL, renew: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Build images on this machine.

    Parameters
    ----------
    wanted
        Which; all of them unless some are named. What they stand on comes along.
    bases
        Whether the services' and the gateway's stand on what is bootstrapped here, or on official images.
    renew
        Bootstrap the base anew, with today's packages.
    """
    chosen = wanted or ((Image.SERVICES, Image.GATEWAY) if bases is Origin.OFFICIAL else tuple(Image))
    if bases is Origin.OFFICIAL and (odd := sorted(set(chosen) - {Image.SERVICES, Image.GATEWAY})):
        raise EngineError(f"{', '.join(odd)}: there are official ones, and these are for where they cannot be had.")
    for name in build(chosen, bases, renew=renew, say=lambda line: print(f"=> {line}", flush=True)):
        print(name)


@app.command
def require() -> None:
    """Make sure that every image that containers are made from is here; fetch those that a registry has."""
    for image in ImageSettings().needed():
        require_image(image)


def require_image(image: str) -> None:
    """Make sure that an image is here, or fetch it.

    :raises EngineError: it is not, and cannot be had.
    """
    if engine.is_here(image):
        return
    print(f"fetching {image}", file=sys.stderr, flush=True)
    try:
        engine.pull(image)
    except EngineError as error:
        raise EngineError(
            f"The image {image} is not here and cannot be pulled ({error}): `make images` builds all that is needed "
            "without an image registry, and `make test-containers IMAGES=local` runs on it."
        ) from None


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1, with one sentence, when something is missing."""
    try:
        app(arguments)
    except (EngineError, LocalRunError) as error:
        print(error, file=sys.stderr)
        return 1
    except ValidationError as error:
        for fault in error.errors():
            print(f"THROUGH_TRAIN_{str(fault['loc'][0]).upper()}: {fault['msg']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
