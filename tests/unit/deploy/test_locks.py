"""The locked versions: hashes for everything, and no address of any registry or machine."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_requirements_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"https?:|--index|--find-links|file:", text)
    for requirement in re.findall(r"^[a-z0-9].*==.*(?:\n(?: .*))*", text, flags=re.MULTILINE):
        assert "--hash=sha256:" in requirement


def test_services_run_on_the_versions_that_were_tested() -> None:
    runtime, dev = (
        set(re.findall(r"^([\w-]+==\S+)", (ROOT / "requirements" / name).read_text(), flags=re.MULTILINE))
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime <= dev


def test_the_gateways_lock_has_no_addresses() -> None:
    assert '"resolved"' not in (ROOT / "gateway" / "package-lock.json").read_text()
