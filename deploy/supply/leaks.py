"""No secret is kept in the repository: every tracked file is read, by detect-secrets' detectors and three of ours.

None of its heuristics that let lines pass is used, and none of its look-ups in the network. What is no secret
although it looks like one stands in `.secrets.baseline`, with the reason; what locks versions is told by its form.
"""

import fnmatch
import ipaddress
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, TypedDict, cast

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.ip_public import IPPublicDetector
from detect_secrets.plugins.keyword import DENYLIST, KeywordDetector
from detect_secrets.settings import default_settings, get_plugins  # pyright: ignore[reportUnknownVariableType]
from detect_secrets.transformers import get_transformed_file
from detect_secrets.types import NamedIO

BASELINE: Final = Path(".secrets.baseline")
_PEM: Final = "Private key in PEM"
_JWK: Final = "Private JWK"
_OURS: Final = {
    # A first line in any dress, encrypted ones too; it may also stand inside a JSON string.
    _PEM: re.compile(r"-----BEGIN [A-Z0-9 ]*(PRIVATE KEY)[A-Z0-9 ]*-----"),
    # A private member (RFC 7518 §6) of at least 16 bytes in base64url, also with a script's bare names.
    _JWK: re.compile(r"""(?<![\w$])["']?(?:d|dp|dq|k|p|q|qi)["']?\s*:\s*["']([A-Za-z0-9_-]{22,})["']"""),
    # What shells, unit files and container files assign to a secret's name; letters and digits together, 12 at
    # least, so that names of variables and words of a sentence pass.
    "Secret without quotes": re.compile(
        r"(?i)(?<![\w$])\w*(?:api_?key|passwd|password|private_?key|secret|token)\w*(?:=|:\s+)"
        r"(?=\S*\d)(?=\S*[a-z])([a-z0-9+/_.~^!@#%&*-]{12,})(?=\s|$)"
    ),
}
"""What detect-secrets does not look for, by kind; each pattern's group is the secret."""

_NEVER: Final = frozenset({"Private Key", _PEM, _JWK})
"""Kinds that no entry of the baseline excuses."""

_KEYWORD: Final = re.compile("|".join(DENYLIST), re.IGNORECASE)
"""What each of the keyword detector's patterns contains; asked first, it saves a third of all the time."""

_KEY_STORES: Final = frozenset({".der", ".jks", ".key", ".keystore", ".p12", ".pfx"})
_PRIVATE_KEY: Final = b"PRIVATE KEY-----"

_SUMS: Final = {
    # Hashes of public packages; and a version of four numbers is no address.
    "requirements/*.txt": r"    --hash=sha256:[0-9a-f]{64}( \\)?|[a-z0-9.-]+==[^ ]+( ; .+)?( \\)?",
    "*package-lock.json": r' *"integrity": "sha512-[A-Za-z0-9+/]{86}==",?',
    "deploy/local/jars.sha256": r"[0-9a-f]{64}  \S+\.jar",
    "deploy/supply/jars.json": r' *"sha256": "[0-9a-f]{64}",',
    "docs/licences.md": r"\| \S+ \| [0-9.]+ \| .+ \|",
    # Ids of registered operations: the hashes of their documents.
    "gateway/operations/manifest.json": r' *"id": "[0-9a-f]{64}",',
    "gateway/baseline/operations.json": r' *"id": "[0-9a-f]{64}",',
    # The baseline's own hashes of what it excuses.
    ".secrets.baseline": r' *"hashed_secret": "[0-9a-f]{40}",',
}
"""By file: lines of exactly this form hold a sum or a version of something public, and nothing else is passed over."""


class Entry(TypedDict):
    """What the baseline excuses: a kind and the SHA-1 of what was found, as detect-secrets writes them."""

    type: str
    hashed_secret: str
    reason: str


@dataclass(frozen=True, order=True)
class Finding:
    """Something that looks like a secret; the secret itself is not kept."""

    file: str
    line: int
    kind: str
    digest: str


def problems(root: Path) -> list[str]:
    """Return a sentence for each secret, and for each entry of the baseline that is of no use or has no reason."""
    files = list(tracked(root))
    excused = _baseline(root)
    found = sorted(findings(root, files))
    sentences = [
        _sentence(one) for one in found if one.kind in _NEVER or (one.file, one.kind, one.digest) not in excused
    ]
    known = {(one.file, one.kind, one.digest) for one in found}
    for key, entry in excused.items():
        if key not in known:
            sentences.append(f"{BASELINE} excuses a {key[1]} in {key[0]} that is not there any more: take it out.")
        elif not entry.get("reason", "").strip():
            sentences.append(f"{BASELINE} gives no reason why the {key[1]} in {key[0]} is no secret: add it.")
    return sentences + [
        f"{name} is a key store by its name: keys belong into the keys folder of an installation, never here."
        for name in files
        if PurePath(name).suffix in _KEY_STORES
    ]


def tracked(root: Path) -> Iterator[str]:
    """Yield the files that git keeps; without git, all that .gitignore does not name."""
    # A folder above may be a repository too, which knows nothing of this tree.
    listed = _listed_by_git(root) if (root / ".git").exists() else None
    for name in _walked(root) if listed is None else listed:
        if (root / name).is_file() and not (root / name).is_symlink():
            yield name


def findings(root: Path, files: Sequence[str]) -> set[Finding]:
    """Return what looks like a secret in these files of the tree."""
    with default_settings():
        detectors = cast("list[BasePlugin]", get_plugins())
        known: dict[tuple[str, str], list[tuple[str, str]]] = {}
        found: set[Finding] = set()
        for name in files:
            if b"\0" in (content := (root / name).read_bytes()):
                if _PRIVATE_KEY in content:
                    found.add(Finding(name, 1, _PEM, ""))
                continue
            suffix = PurePath(name).suffix
            for number, line in _lines(root, name):
                # Half of all lines stand somewhere else too; what they hold depends on the kind of file alone.
                key = (suffix, line)
                if key not in known:
                    known[key] = list(_secrets(name, line, detectors))
                found.update(Finding(name, number, kind, digest) for kind, digest in known[key])
    return found


def _lines(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield the lines as they are, and as detect-secrets rewrites settings and YAML, where quotes may be missing."""
    public = [re.compile(form) for pattern, form in _SUMS.items() if fnmatch.fnmatchcase(name, pattern)]
    with (root / name).open(encoding="utf-8", errors="replace") as opened:
        for number, line in enumerate(opened, start=1):
            if not any(form.fullmatch(line.rstrip()) for form in public):
                yield number, line.rstrip()
        for eager in (False, True) if not public else ():
            opened.seek(0)
            rewritten = get_transformed_file(cast("NamedIO", opened), use_eager_transformers=eager) or []
            yield from ((number, line.rstrip()) for number, line in enumerate(rewritten, start=1))


def _secrets(name: str, line: str, detectors: Sequence[BasePlugin]) -> Iterator[tuple[str, str]]:
    """Yield kind and digest of what looks like a secret in a line."""
    for detector in detectors:
        if not isinstance(detector, KeywordDetector) or _KEYWORD.search(line):
            for secret in detector.analyze_line(filename=name, line=line):
                if not isinstance(detector, IPPublicDetector) or _is_public(secret.secret_value or ""):
                    yield secret.type, secret.secret_hash
    for kind, pattern in _OURS.items():
        for secret in pattern.findall(line):
            yield kind, PotentialSecret.hash_secret(secret)


def _is_public(address: str) -> bool:
    """Tell whether an address is somebody's: those of RFC 5737, for examples, are nobody's."""
    return ipaddress.ip_address(address.partition(":")[0]).is_global


def _sentence(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line} holds what looks like a secret ({finding.kind})"
    if finding.kind in _NEVER:
        return f"{where}: take it out, and withdraw the key if it was ever pushed; private keys are never excused."
    return (
        f"{where}: take it out, and change the secret if it was ever pushed. If it is none, excuse it in {BASELINE} "
        f"with the reason: {json.dumps({'type': finding.kind, 'hashed_secret': finding.digest, 'reason': '…'})}"
    )


def _baseline(root: Path) -> dict[tuple[str, str, str], Entry]:
    content = json.loads((root / BASELINE).read_text(encoding="utf-8"))
    results = cast("dict[str, list[Entry]]", content["results"])
    return {(name, one["type"], one["hashed_secret"]): one for name, entries in results.items() for one in entries}


def _listed_by_git(root: Path) -> list[str] | None:
    try:
        output = subprocess.run(
            ["git", "ls-files", "-z", "--cached"],  # noqa: S607
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):  # no git here, or one that does not trust the folder's owner
        return None
    return output.decode().split("\0")[:-1]


def _walked(root: Path) -> Iterator[str]:
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_any(name, ignored))
        for name in sorted(files):
            if not _is_any(name, ignored):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _is_any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
