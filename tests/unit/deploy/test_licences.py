"""Licences: what is locked is listed and weighed, whichever way it comes; what nobody has looked at is refused."""

import json
import shutil
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from deploy.local.jars import kafka_jars
from deploy.local.settings import ROOT, LocalSettings
from deploy.supply import inside, licences, maven, pypi, spdx
from deploy.supply.policy import EXCEPTIONS, PERMISSIVE, WITH_A_REASON

HERE = pypi.installed()
STALE = "docs/licences.md is not what is locked: run `make schema` and commit the result."
ALLOW = "or allow the licence or the package, with the reason, in deploy/supply/policy.py."


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with copies of everything that is read, beside this environment's packages."""
    for name in (
        *("requirements/runtime.txt", "requirements/dev.txt", "deploy/local/jars.sha256", "deploy/supply/jars.json"),
        *(file.relative_to(ROOT).as_posix() for file in sorted(ROOT.glob("*/package-lock.json"))),
        *(file.relative_to(ROOT).as_posix() for file in sorted(ROOT.glob("deploy/*/package-lock.json"))),
        *(file.relative_to(ROOT).as_posix() for file in sorted(ROOT.glob("examples/*/package-lock.json"))),
        *(file.relative_to(ROOT).as_posix() for file in sorted(ROOT.glob("tests/**/package-lock.json"))),
        "docs/licences.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


class Wheel:
    """An installed package that the test makes up, locked in a copy of the requirements."""

    def __init__(self, root: Path, name: str = "planted", metadata: str = "License-Expression: MIT") -> None:
        """Install it as version 1.0 under `root`/packages, and lock it."""
        self.packages = root / "packages"
        self.about = self.packages / f"{name}-1.0.dist-info"
        self.about.mkdir(parents=True)
        (self.about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}\n")
        (self.about / "RECORD").write_text("")
        with (root / "requirements" / "runtime.txt").open("a") as requirements:
            requirements.write(f"{name}==1.0 \\\n    --hash=sha256:{'0' * 64}\n")

    def holding(self, path: str, content: str = "") -> "Wheel":
        """Put a file into it."""
        file = self.packages / path.format(about=self.about.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        with (self.about / "RECORD").open("a") as record:
            record.write(f"{file.relative_to(self.packages).as_posix()},,\n")
        return self

    @property
    def here(self) -> dict[str, Distribution]:
        """This package and the environment's."""
        return pypi.installed([str(self.packages), *sys.path])


def test_everything_that_is_locked_is_taken_and_listed() -> None:
    assert licences.problems(ROOT, HERE) == []


def test_the_page_tells_what_serves_from_what_only_helps_to_build() -> None:
    page = (ROOT / licences.PAGE).read_text()
    services, workshop = (
        page.index("## Python packages for the services"),
        page.index("## Python packages for the local"),
    )
    assert services < page.index("\n| asyncpg | ") < workshop < page.index("\n| pytest | ")
    assert "\n| pywin32 (on other platforms) | 312 | PSF-2.0 AND" in page
    assert (
        page.index("## Packages from npm for the gateway") < page.index("\n| graphql | 16.") < page.index("## Jars for")
    )


def test_a_copy_of_all_that_is_read_passes(copy: Path) -> None:
    assert licences.problems(copy, HERE) == []


# A forbidden or unknown licence, in each kind of input


def test_a_python_package_under_a_forbidden_licence_is_named(copy: Path) -> None:
    wheel = Wheel(copy, metadata="License-Expression: AGPL-3.0-only")
    assert licences.problems(copy, wheel.here) == [
        f"Python package planted 1.0 is under AGPL-3.0-only, which is not taken here: do without it, {ALLOW}",
        STALE,
    ]


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("Classifier: License :: OSI Approved :: BSD License", "it says 'BSD License'"),
        ("License: my own\nClassifier: License :: OSI Approved :: MIT License", "it says 'my own'"),
        (
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: ISC License",
            "it says 'MIT License; ISC License'",
        ),
        ("License: UNKNOWN", "it says nothing"),
    ],
)
def test_a_python_package_that_leaves_its_licence_open_is_named(copy: Path, metadata: str, says: str) -> None:
    wheel = Wheel(copy, metadata=metadata)
    assert licences.problems(copy, wheel.here)[0] == (
        f"Python package planted 1.0 has no licence that SPDX knows, for {says}: "
        "look into its source, and enter the licence and the place in deploy/supply/pypi.py."
    )


def test_a_package_of_another_platform_is_looked_up_for_each_version(copy: Path) -> None:
    requirements = copy / "requirements" / "dev.txt"
    requirements.write_text(requirements.read_text().replace("pywin32==312", "pywin32==313"))
    assert licences.problems(copy, HERE)[0] == (
        "Python package pywin32 313 has no licence that SPDX knows, for other platforms alone install it: "
        "look into its wheel, and enter it in deploy/supply/pypi.py."
    )


def test_a_package_that_is_locked_but_not_installed_is_named(copy: Path) -> None:
    with (copy / "requirements" / "dev.txt").open("a") as requirements:
        requirements.write("absent==1.0 \\\n")
    assert licences.problems(copy, HERE)[0] == (
        "Python package absent 1.0 has no licence that SPDX knows, "
        "for it is not installed in this version: `make lint` installs what is locked."
    )


def test_what_a_person_found_holds_only_as_long_as_the_package_says_the_same(copy: Path) -> None:
    for requirements in (copy / "requirements").iterdir():
        lines = [line for line in requirements.read_text().splitlines() if not line.startswith("python-stdnum==")]
        requirements.write_text("\n".join(lines) + "\n")
    wheel = Wheel(copy, name="python-stdnum", metadata="License: GPL-3.0-only")
    assert licences.problems(copy, wheel.here)[0] == (
        f"Python package python-stdnum 1.0 is under GPL-3.0-only, which is not taken here: do without it, {ALLOW}"
    )


@pytest.mark.parametrize(
    ("licence", "sentence"),
    [
        ("SSPL-1.0", "is under SSPL-1.0, which is not taken here: do without it, " + ALLOW),
        ("Elastic-2.0", "is under Elastic-2.0, which is not taken here: do without it, " + ALLOW),
        (
            "SEE LICENSE IN LICENSE",
            (
                "has no licence that SPDX knows, for it says 'SEE LICENSE IN LICENSE': "
                "look into its source, and enter the licence and the place in deploy/supply/npm.py."
            ),
        ),
        (
            None,
            (
                "has no licence that SPDX knows, for it says nothing: "
                "look into its source, and enter the licence and the place in deploy/supply/npm.py."
            ),
        ),
    ],
)
def test_an_npm_package_under_a_forbidden_or_unknown_licence_is_named(
    copy: Path, licence: str | None, sentence: str
) -> None:
    file = copy / "gateway" / "package-lock.json"
    lock = json.loads(file.read_text())
    lock["packages"]["node_modules/planted"] = {"version": "1.0.0", **({"license": licence} if licence else {})}
    file.write_text(json.dumps(lock))
    assert licences.problems(copy, HERE) == [f"npm package planted 1.0.0 {sentence}", STALE]


def test_a_lock_file_anywhere_in_the_tree_counts_but_not_one_that_a_package_brings(copy: Path) -> None:
    lock = {"packages": {"": {}, "node_modules/planted": {"version": "1.0.0", "license": "SSPL-1.0"}}}
    for folder in (copy / "tests" / "somewhere", copy / "gateway" / "node_modules" / "other"):
        folder.mkdir(parents=True)
        (folder / "package-lock.json").write_text(json.dumps(lock))
        lock["packages"]["node_modules/unseen"] = {"version": "1.0.0", "license": "SSPL-1.0"}
    assert [sentence.split(" is under")[0] for sentence in licences.problems(copy, HERE)] == [
        "npm package planted 1.0.0",
        STALE,
    ]


def test_a_jar_under_a_forbidden_licence_is_named(copy: Path) -> None:
    file = copy / "deploy" / "supply" / "jars.json"
    table = json.loads(file.read_text())
    table["re2j-1.8.jar"]["licence"] = "LGPL-3.0-only"
    file.write_text(json.dumps(table))
    assert licences.problems(copy, HERE) == [
        f"jar re2j 1.8 is under LGPL-3.0-only, which is not taken here: do without it, {ALLOW}",
        STALE,
    ]


@pytest.mark.parametrize("line", ["{other}  re2j-1.8.jar", "{other}  planted-1.0.jar"])
def test_a_jar_that_was_locked_without_reading_its_licence_is_named(copy: Path, line: str) -> None:
    file = copy / "deploy" / "local" / "jars.sha256"
    lines = [known for known in file.read_text().splitlines() if not known.endswith("re2j-1.8.jar")]
    file.write_text("\n".join([*lines, line.format(other="0" * 64)]) + "\n")
    assert licences.problems(copy, HERE)[0].endswith(
        "has no licence that SPDX knows, for it is not the jar that deploy/supply/jars.json knows: run `make lock`."
    )


# What comes inside


def test_a_piece_in_a_wheels_bill_of_materials_is_weighed_too(copy: Path) -> None:
    bill = {
        "components": [
            {"name": "good", "version": "1", "licenses": [{"expression": "GPL-3.0-only OR MIT"}]},
            {"name": "bad", "version": "2", "licenses": [{"license": {"id": "GPL-3.0-only"}}, {"expression": "MIT"}]},
            {"name": "mute", "version": "3"},
        ]
    }
    wheel = Wheel(copy).holding("{about}/sboms/planted.cdx.json", json.dumps(bill)).holding("planted/code.so")
    assert licences.problems(copy, wheel.here) == [
        "component bad 2 inside planted is under (GPL-3.0-only) AND (MIT), which is not taken here: do without it, "
        + ALLOW,
        (
            "component mute 3 inside planted has no licence that SPDX knows, for it says nothing: "
            "look into its source, and enter the licence and the place in deploy/supply/inside.py."
        ),
        STALE,
    ]


def test_an_npm_package_inside_a_wheel_is_weighed_too(copy: Path) -> None:
    package = {"name": "buried", "version": "3.1.0", "license": "CC-BY-NC-4.0"}
    wheel = Wheel(copy).holding("planted/lib/node_modules/buried/package.json", json.dumps(package))
    assert licences.problems(copy, wheel.here)[0] == (
        f"component buried 3.1.0 inside planted is under CC-BY-NC-4.0, which is not taken here: do without it, {ALLOW}"
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "planted/code.cpython-311-x86_64-linux-gnu.so",
            (
                "Python package planted 1.0 holds compiled code: look into its source what of others is in it, "
                "and enter that, or that nothing is, in deploy/supply/inside.py."
            ),
        ),
        (
            "planted.libs/libreadline-0a1b2c3d.so.8",
            (
                "Python package planted 1.0 brings libreadline-0a1b2c3d.so.8: "
                "find its licence, and enter it in deploy/supply/inside.py."
            ),
        ),
        (
            "planted/legal/java.base/planted.md",
            (
                "Python package planted 1.0 has a note that nobody has read, planted/legal/java.base/planted.md: "
                "read it, and enter it in deploy/supply/inside.py."
            ),
        ),
    ],
)
def test_what_nobody_has_looked_at_in_a_wheel_is_named(copy: Path, path: str, sentence: str) -> None:
    wheel = Wheel(copy).holding(path)
    assert sentence in licences.problems(copy, wheel.here)


@pytest.mark.parametrize(
    ("package", "part"),
    [
        (package, part)
        for package, parts in inside.PARTS.items()
        for part in parts
        if part.seen.endswith(" in the wheel")
    ],
    ids=str,
)
def test_what_is_said_to_stand_in_a_wheel_stands_there(package: str, part: inside.Part) -> None:
    files = [str(file) for file in pypi.installed()[package].files or ()]
    assert any(fnmatch(file, f"*{part.seen.removesuffix(' in the wheel')}*") for file in files)


# What has become stale


def test_a_stale_page_is_named(copy: Path) -> None:
    page = copy / licences.PAGE
    page.write_text(page.read_text().replace("| asyncpg | 0", "| asyncpg | 1"))
    assert licences.problems(copy, HERE) == [STALE]
    page.unlink()
    assert licences.problems(copy, HERE) == [STALE]


def test_an_entry_that_nothing_needs_any_more_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXCEPTIONS, "gone", EXCEPTIONS["python-stdnum"])
    monkeypatch.setitem(maven.BY_HAND, "gone-too", maven.BY_HAND["re2j"])
    assert set(licences.problems(copy, HERE)) == {
        "Nothing named gone is locked any more: take it out of deploy/supply/policy.py.",
        "Nothing named gone-too is locked any more: take it out of deploy/supply/maven.py.",
        STALE,
    }


# Expressions


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT AND GPL-3.0-only OR ISC", True),
        ("ISC OR MIT AND GPL-3.0-only", True),
        ("(ISC OR MIT) AND GPL-3.0-only", False),
        ("GPL-3.0-only AND (ISC OR MIT)", False),
        ("(GPL-3.0-only OR ISC) AND (MIT OR AGPL-3.0-only)", True),
        ("((GPL-3.0-only))", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0 OR Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0+", False),
    ],
)
def test_an_or_needs_one_side_and_an_and_both(expression: str, holds: bool) -> None:
    assert spdx.holds(expression, lambda licence: licence in PERMISSIVE) is holds


def test_what_is_taken_is_known_to_spdx() -> None:
    taken = [*PERMISSIVE, *WITH_A_REASON, *(exempt.licence for exempt in EXCEPTIONS.values())]
    assert [licence for licence in taken if spdx.expression(licence) != licence] == []
    assert not PERMISSIVE & WITH_A_REASON.keys()


# Jars


def _jar(folder: Path, **files: str) -> Path:
    jar = folder / "some-thing-1.2.3.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n" + files.pop("manifest", ""))
        for path, content in files.items():
            archive.writestr(path, content)
    return jar


_POM = '<project xmlns="http://maven.apache.org/POM/4.0.0"><licenses>{}</licenses></project>'
_NAME = "<license><name>{}</name></license>"


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"META-INF/maven/x/some-thing/pom.xml": _POM.format(_NAME.format("The MIT License"))}, "MIT"),
        (
            {"META-INF/maven/x/some-thing/pom.xml": _POM.format(_NAME.format("GPL-3.0-only") + _NAME.format("MIT"))},
            "GPL-3.0-only OR MIT",
        ),
        # A jar inside this one, whose licence is not the whole's.
        ({"META-INF/maven/x/other/pom.xml": _POM.format(_NAME.format("The MIT License"))}, None),
        ({"manifest": "Bundle-License: https://www.apache.org/licenses/LICEN\r\n SE-2.0.txt\r\n"}, "Apache-2.0"),
        ({"manifest": 'Bundle-License: "Apache-2.0";link="https://example.org"\r\n'}, "Apache-2.0"),
        ({"manifest": "Bundle-License: ask us\r\n"}, None),
        ({"META-INF/LICENSE": "\n   Apache License\n   Version 2.0, January 2004\n"}, "Apache-2.0"),
        ({"META-INF/LICENSE": "All rights reserved."}, None),
        ({}, None),
    ],
)
def test_a_jars_licence_is_read_from_its_pom_manifest_or_text(
    copy: Path, files: dict[str, str], licence: str | None
) -> None:
    jar = _jar(copy, **files)
    (copy / "deploy" / "local" / "jars.sha256").write_text(f"{'0' * 64}  {jar.name}\n")
    maven.record(copy, copy)
    assert [one.licence for one in maven.components(copy)] == [licence]


async def test_the_committed_table_is_what_the_jars_say(copy: Path) -> None:
    (copy / "deploy" / "supply" / "jars.json").unlink()
    maven.record(copy, await kafka_jars(LocalSettings().cache_folder))
    assert (copy / "deploy" / "supply" / "jars.json").read_text() == (ROOT / "deploy/supply/jars.json").read_text()
