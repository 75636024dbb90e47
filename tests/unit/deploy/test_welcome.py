"""What a run says when everything is ready: short, and in the reader's language."""

import pytest

from deploy.local.demo.words import Language
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.welcome import welcome
from services.kernel.auth.development import DEMO_USERS

LANGUAGES = (Language(), Language(terms=False), Language(chinese=True))


def columns(line: str) -> int:
    return sum(2 if sign > "\u2e80" else 1 for sign in line)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_fits_a_terminal_and_begins_with_the_console(language: Language) -> None:
    settings = LocalSettings(gateway_port=61234, intake_port=61235, dispatch_port=61236, feedback_port=61237)
    lines = welcome(settings, language).splitlines()
    assert "http://127.0.0.1:61234/" in lines[1]
    assert all(f":{port}" in "\n".join(lines) for port in (61235, 61236, 61237))
    assert [line for line in lines if columns(line) > 80 and str(settings.data_folder) not in line] == []
    assert len(lines) < 24


def test_a_terminal_without_chinese_signs_gets_none() -> None:
    assert welcome(LocalSettings(), Language(terms=False)).isascii()


def test_every_command_and_role_that_it_names_is_one() -> None:
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line}
    words = welcome(LocalSettings(), Language()).split()
    named = {words[place + 1].strip("`") for place, word in enumerate(words) if word.strip("`(") == "make"}
    assert named - {"-s"} <= targets
    roles = {word for word in words if "_" in word and word.isascii() and word.islower()}
    assert roles <= set(DEMO_USERS)
    assert "street_committee" in roles
