"""SECURITY.md names files, tests, settings and commands: each of them exists, so the page cannot outlive them."""

import re
from pathlib import Path

import pytest

from deploy.local.settings import ROOT
from services.kernel.settings import Settings

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
CODE = frozenset(re.findall(r"`([^`\n]+)`", PAGE))
FOLDERS = ("deploy", "docs", "gateway", "requirements", "services", "tests")


def _named(pattern: str) -> list[str]:
    return sorted({found for word in CODE for found in re.findall(pattern, word)})


FILES = _named(rf"(?:(?:{'|'.join(FOLDERS)})/[\w./-]+[\w-]|(?<![\w/.])[\w.-]+\.(?:json|md|mjs|py|sha256|toml))")
TESTS = _named(r"\btest_\w+(?!\w*\.py)")
SERVICE_SETTINGS = _named(r"\bTHROUGH_TRAIN_(\w+)")
GATEWAY_SETTINGS = _named(r"\bGATEWAY_\w+")
TARGETS = _named(r"^make (?:-s )?([a-z-]+)")


def test_the_page_names_enough_to_be_held_to_it() -> None:
    assert len(FILES) > 30
    assert len(TESTS) > 10
    assert SERVICE_SETTINGS
    assert GATEWAY_SETTINGS
    assert TARGETS


@pytest.mark.parametrize("name", FILES)
def test_every_file_named_is_there(name: str) -> None:
    here = (ROOT / name).exists()
    # A file of the keys folder is named as the code names it.
    assert here or name in (ROOT / "services" / "kernel" / "auth" / "keys.py").read_text()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE))))
def test_every_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("name", TESTS)
def test_every_test_named_is_there(name: str) -> None:
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert any(re.search(rf"\bdef {name}\(", source) for source in sources) or any(
        file.stem == name for file in (ROOT / "tests").rglob("test_*.py")
    )


@pytest.mark.parametrize("name", SERVICE_SETTINGS)
def test_every_setting_of_a_service_named_is_one(name: str) -> None:
    assert name.lower() in Settings.model_fields


@pytest.mark.parametrize("name", GATEWAY_SETTINGS)
def test_every_setting_of_the_gateway_named_is_one(name: str) -> None:
    assert name in (ROOT / "gateway" / "settings.mjs").read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_every_command_named_is_one(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_page_names_no_host_and_nobody() -> None:
    assert not re.search(r"https?://|[\w.+-]+@[\w-]+\.\w+|/home/|/root/|/work/", PAGE)


def test_each_of_the_six_threats_has_its_part() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| **")]
    letters = [row[4] for row in rows]
    assert letters == sorted(letters, key="STRIDE".index)
    assert set(letters) == set("STRIDE")
    for row in rows:
        threat, answer, left = (cell.strip() for cell in row.strip("|").split("|"))
        assert threat
        assert answer.count("`") >= 2, f"{threat[:40]}: what keeps the answer is not named"
        assert left


def test_the_page_is_linked_where_people_look() -> None:
    assert [
        name
        for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md")
        if "SECURITY.md" not in Path(ROOT / name).read_text()
    ] == []
