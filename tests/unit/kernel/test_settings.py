"""Which settings are refused, and the sentence that says so. What the process prints is tried in test_identity.py."""

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from services.kernel.auth import keys
from services.kernel.auth.issuers import ORGANISATION_ROLES, RESIDENTS
from services.kernel.auth.key_sets import Discovered, Published
from services.kernel.auth.tokens import issuers
from services.kernel.settings import Settings

ISSUER: Final = "https://sso.example/realms/district"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.create_new(tmp_path / "keys")
    return tmp_path / "keys"


def settings(folder: Path, environment: str = "production", **given: Any) -> Settings:
    others = {"database_url": "postgresql://dispatch@db/dispatch", "kafka_bootstrap": "kafka:9092", "port": 4002}
    return Settings.model_validate(
        {"environment": environment, "keys_folder": folder, "organisation_issuer": ISSUER, **others, **given}
    )


def refusal(folder: Path, environment: str = "production", **given: Any) -> tuple[str, str]:
    """Return the one setting that is refused, and why."""
    with pytest.raises(ValidationError) as error:
        settings(folder, environment, **given)
    (fault,) = error.value.errors()
    return str(fault["loc"][0]), fault["msg"]


def test_an_issuer_in_production_needs_its_name_alone(folder: Path) -> None:
    trusted = {issuer.name: issuer for issuer in issuers(settings(folder))}
    assert trusted.pop(ISSUER).keys == Discovered(ISSUER, development=False)
    assert {(one.keys, one.roles) for one in trusted.values()} == {(folder / keys.INTAKE_PUBLIC, RESIDENTS)}


def test_the_development_issuer_is_trusted_in_development_alone(folder: Path) -> None:
    trusted = issuers(settings(folder, "development", organisation_issuer=None))
    assert [(one.keys, one.roles) for one in trusted] == [
        (folder / keys.INTAKE_PUBLIC, RESIDENTS),
        (folder / keys.DEVELOPMENT_PUBLIC, ORGANISATION_ROLES),
    ]


def test_an_address_of_keys_goes_before_discovery(folder: Path) -> None:
    url = "https://keys.example/district"
    trusted = issuers(settings(folder, organisation_jwks_url=url, intake_jwks_url="http://intake/keys"))
    assert [one.keys for one in trusted] == [Published("http://intake/keys"), Published(url)]


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "sso.example",
        "http://sso.example",
        "http://127.0.0.1:8080",
        "https://",
        "https:///realms",
        "https://sso.example/?realm=x",
        "https://sso.example/#x",
        "ftp://sso.example",
    ],
)
def test_an_issuer_in_production_is_an_https_address(folder: Path, issuer: str) -> None:
    setting, why = refusal(folder, organisation_issuer=issuer)
    assert (setting, why.split(" ")[:5]) == ("organisation_issuer", ["an", "issuer", "is", "an", "https"])


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8080/x", "http://[::1]:8080", "http://localhost", ISSUER])
def test_in_development_an_issuer_may_be_on_this_machine(folder: Path, issuer: str) -> None:
    assert settings(folder, "development", organisation_issuer=issuer).organisation_issuer == issuer


@pytest.mark.parametrize("issuer", ["http://sso.example", "http://127.0.0.1.example", "http://10.0.0.1"])
def test_in_development_too_an_issuer_elsewhere_needs_https(folder: Path, issuer: str) -> None:
    assert refusal(folder, "development", organisation_issuer=issuer)[0] == "organisation_issuer"


@pytest.mark.parametrize("name", ["development", "intake"])
@pytest.mark.parametrize("environment", ["development", "production"])
def test_our_own_issuers_are_nobodys_organisation(folder: Path, environment: str, name: str) -> None:
    issuer = f"https://through-train.local/{name}"
    setting, why = refusal(folder, environment, organisation_issuer=issuer)
    assert (setting, "an issuer of our own" in why) == ("organisation_issuer", True)


def test_keys_without_an_issuer_are_refused(folder: Path) -> None:
    given = {"organisation_issuer": None, "organisation_jwks_url": "https://keys.example"}
    setting, why = refusal(folder, "development", **given)
    assert (setting, "THROUGH_TRAIN_ORGANISATION_ISSUER" in why) == ("organisation_jwks_url", True)


@pytest.mark.parametrize("environment", ["development", "production"])
def test_keys_from_elsewhere_come_over_https(folder: Path, environment: str) -> None:
    assert refusal(folder, environment, organisation_jwks_url="http://keys.example")[0] == "organisation_jwks_url"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ("", "give JSON"),
        ("roles", "give JSON"),
        ("[]", "valid dictionary"),
        ('{"role": "x"}', "'roles', 'street'"),
        ('{"sub": "email"}', "'roles', 'street'"),
        ('{"roles": ""}', "at least 1 character"),
        ('{"roles": ["a", "b"]}', "valid string"),
    ],
)
def test_claims_that_cannot_be_meant_are_refused(folder: Path, claims: str, why: str) -> None:
    setting, said = refusal(folder, organisation_claims=claims)
    assert (setting, why in said) == ("organisation_claims", True)


def test_claims_are_given_as_json_and_the_others_keep_their_names(folder: Path) -> None:
    given = settings(folder, organisation_claims='{"roles": "realm_access.roles"}')
    claims = issuers(given)[-1].claims
    assert (claims["roles"], claims["street"]) == ("realm_access.roles", "street")


@pytest.mark.parametrize("seconds", [0, 4.9, 3601, "soon"])
def test_keys_are_renewed_neither_at_once_nor_never(folder: Path, seconds: object) -> None:
    assert refusal(folder, keys_refresh=seconds)[0] == "keys_refresh"


def test_production_needs_a_folder_of_keys(folder: Path) -> None:
    assert refusal(folder / "none") == ("keys_folder", f"there is no folder {folder / 'none'}")


@pytest.mark.parametrize(
    "credentials",
    ["dispatch:dispatch", "dispatch:", ":", "o%27neill:o%27neill", "o%27neill:o'neill", "dispatch:%64ispatch"],
)
def test_a_password_that_everybody_guesses_is_refused_in_production(folder: Path, credentials: str) -> None:
    url = f"postgresql://{credentials}@db/dispatch"
    setting, why = refusal(folder, database_url=url)
    assert (setting, "password" in why, url in why) == ("database_url", True, False)
    assert settings(folder, "development", database_url=url).database_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("credentials", "query"),
    [
        ("dispatch@", "password=dispatch"),
        ("", "user=dispatch&password=dispatch"),
        ("dispatch@", "password="),
        ("dispatch:Eigh2aeb@", "password=dispatch"),
    ],
)
def test_a_password_to_guess_is_found_behind_the_question_mark_too(folder: Path, credentials: str, query: str) -> None:
    assert refusal(folder, database_url=f"postgresql://{credentials}db/dispatch?{query}")[0] == "database_url"


def test_an_unknown_log_level_is_refused_by_its_name(folder: Path) -> None:
    assert refusal(folder, log_level="CHATTY")[0] == "log_level"


@pytest.mark.parametrize("credentials", ["dispatch:Eigh2aeb@", "dispatch@", ""])
def test_a_real_password_or_another_proof_is_taken(folder: Path, credentials: str) -> None:
    url = f"postgresql://{credentials}db/dispatch"
    assert settings(folder, database_url=url).database_url.get_secret_value() == url


def test_a_group_may_not_read_a_private_key(folder: Path) -> None:
    (folder / keys.MASTER).chmod(0o640)
    setting, why = refusal(folder)
    assert (setting, keys.MASTER in why) == ("keys_folder", True)
    assert settings(folder, "development").keys_folder == folder


def test_one_key_made_for_development_is_enough_to_be_refused(folder: Path, tmp_path: Path) -> None:
    keys.create_missing(tmp_path / "development")
    (tmp_path / "development" / keys.INTAKE_PRIVATE).replace(folder / keys.INTAKE_PRIVATE)
    setting, why = refusal(folder)
    assert (setting, why.startswith(f"{keys.INTAKE_PRIVATE} in ")) == ("keys_folder", True)
