"""Images and containers, as far as they can be told without Docker: what is chosen, what is built, what is missing."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images import engine
from deploy.images.__main__ import main
from deploy.images.build import Image, in_order
from deploy.images.distribution import sources_of
from deploy.images.engine import EngineError
from deploy.images.names import ImageSettings, Origin
from deploy.local.jars import KAFKA_VERSION
from deploy.local.settings import ROOT
from tests.support.servers import LEFT_OUT, Kind, chosen

FOLDERS = ROOT / "deploy" / "images"
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("THROUGH_TRAIN_")]:
        monkeypatch.delenv(name)
    return tmp_path


def pretend(search: Path, script: str) -> None:
    """Put a `docker` there that answers by a script of a shell."""
    program = search / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_without_docker_make_says_so_before_it_sets_anything_up(search: Path) -> None:
    make = shutil.which("make", path=os.defpath)
    assert make is not None
    for target in ("test-containers", "images"):
        asked = [make, "--no-print-directory", target, f"PYTHON={sys.executable}"]
        said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        assert said.returncode != 0
        assert said.stdout == ""
        first, made, *more = said.stderr.splitlines()
        assert first.startswith("There is no Docker here: install Docker Engine 20.10 or newer")
        assert (re.match(r"make(\[\d+\])?: \*\*\*", made) is not None, more) == (
            True,
            [],
        )  # within another make it counts


def test_an_engine_that_is_down_is_named_with_what_docker_said(search: Path) -> None:
    pretend(search, f"echo '{DOWN}' >&2; exit 1")
    with pytest.raises(EngineError) as refused:
        engine.require_docker()
    assert str(refused.value).startswith(f"Docker does not answer ({DOWN}): start its service")


def test_an_engine_that_never_answers_is_not_waited_for(search: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(search, "exec /bin/sleep 60")
    monkeypatch.setattr(engine, "ANSWERS_WITHIN", 0.2)
    with pytest.raises(EngineError, match=r"did not answer within 0\.2 s"):
        engine.require_docker()


def test_an_engine_that_stops_answering_later_is_one_sentence(search: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(search, "exec /bin/sleep 60")
    for within in ("ANSWERS_WITHIN", "_PULLED_WITHIN", "_RUN_WITHIN"):
        monkeypatch.setattr(engine, within, 0.2)
    silent = r"^Docker did not answer within 0\.2 s: look after its service and try again\.$"
    with pytest.raises(EngineError, match=silent):
        engine.is_here("odd")
    with pytest.raises(EngineError, match=silent):
        engine.label("odd", "a.label")
    with pytest.raises(EngineError, match=r"^not within 0\.2 s$"):
        engine.pull("odd")
    with pytest.raises(EngineError, match=r"^python3 had not ended in odd after 0\.2 s: look after Docker's service"):
        engine.run("odd", "python3", "-c", "")


def test_an_engine_that_answers_says_its_version(search: Path) -> None:
    pretend(search, 'test "$1" = version && echo 20.10.24')
    assert engine.require_docker() == "20.10.24"


def test_an_image_that_cannot_be_had_is_named_with_what_builds_it(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(search, 'test "$1" = pull && echo "dial tcp: lookup registry: no such host" >&2; exit 1')
    assert main(["require"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "fetching postgres:18",
        (
            "The image postgres:18 is not here and cannot be pulled (dial tcp: lookup registry: no such host): "
            "`make images` builds all that is needed without an image registry, and "
            "`make test-containers IMAGES=local` runs on it."
        ),
    ]


def test_images_that_are_here_are_asked_of_no_registry(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(search, 'test "$1" = image && echo sha256:0')
    assert main(["require"]) == 0
    assert capsys.readouterr().err == ""


def test_official_images_are_taken_unless_others_are_chosen_or_named(
    search: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (ImageSettings().postgres, ImageSettings().kafka) == ("postgres:18", f"apache/kafka:{KAFKA_VERSION}")
    monkeypatch.setenv("THROUGH_TRAIN_IMAGES", "local")
    monkeypatch.setenv("THROUGH_TRAIN_KAFKA_IMAGE", "registry.example/kafka:4")
    built = ImageSettings()
    assert (built.postgres, built.kafka) == ("localhost/through-train/postgres:18", "registry.example/kafka:4")
    assert all(name.startswith("localhost/") for name in (built.services_image, built.gateway_image))


def test_a_wrong_choice_is_refused_with_the_settings_name(
    search: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THROUGH_TRAIN_IMAGES", "foreign")
    assert main(["require"]) == 1
    assert capsys.readouterr().err.startswith("THROUGH_TRAIN_IMAGES: ")


def test_what_images_stand_on_is_built_first_and_only_when_it_is_built_here() -> None:
    assert in_order([Image.GATEWAY], Origin.LOCAL) == [Image.BASE, Image.NODE, Image.GATEWAY]
    assert in_order([Image.GATEWAY, Image.SERVICES], Origin.OFFICIAL) == [Image.SERVICES, Image.GATEWAY]


def test_a_base_comes_from_the_distributions_own_packages_where_the_machine_gets_them() -> None:
    listed = (
        "http://mirror.example/debian/ bookworm main Debian\n"
        "http://mirror.example/debian-security/ bookworm-security main Debian\n"
        "https://elsewhere.example/node nodistro main . nodistro\n"
        "http://mirror.example/debian/ bookworm main Debian\n"
    )
    assert sources_of(listed, "debian") == (
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian-security/ bookworm-security main",
    )
    with pytest.raises(EngineError, match="apt-get update"):
        sources_of(listed, "ubuntu")


@pytest.mark.parametrize("folder", ["services", "gateway"])
def test_what_an_image_is_built_from_is_let_through_and_nothing_else(folder: str) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    let_through = [line.removeprefix("!") for line in lines if line.startswith("!")]
    recipe = (FOLDERS / folder / "Dockerfile").read_text()
    given = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE) for name in line.split()]
    assert given
    for name in given:
        assert any(fnmatch.fnmatch(name, one) or one.startswith(f"{name}/") for one in let_through), name
    for secret in (".data/keys/master-keys.json", ".git/config", "gateway/node_modules/jose/package.json", ".venv"):
        assert not any(fnmatch.fnmatch(secret, one) for one in let_through if one != "gateway/*.mjs"), secret


def test_recipes_need_no_frontend_and_no_base_from_a_registry() -> None:
    for file in FOLDERS.glob("*/Dockerfile"):
        text = file.read_text()
        assert "# syntax=" not in text, file
        stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        assert set(stages) == {"${BASE}"}, file
        assert ("USER " in text) == (file.parent.name != "node"), file


def test_the_runs_servers_are_embedded_unless_containers_are_chosen() -> None:
    assert chosen({}) is Kind.EMBEDDED
    assert chosen({"THROUGH_TRAIN_TEST_SERVERS": "containers"}) is Kind.CONTAINERS
    with pytest.raises(ValueError, match="must be one of embedded, containers, not 'docker'"):
        chosen({"THROUGH_TRAIN_TEST_SERVERS": "docker"})


def test_what_a_kind_of_servers_leaves_out_is_there() -> None:
    assert all((ROOT / name).exists() for names in LEFT_OUT.values() for name in names)
