"""The local run's settings: from the environment, checked, with the ports that are documented."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.district import Size
from deploy.local.gateway import Issuer
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.stack import Stack


def test_the_defaults_are_those_that_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_FOLDER", "CACHE_FOLDER", "GATEWAY_PORT", "KAFKA_PORT"):
        monkeypatch.delenv(f"THROUGH_TRAIN_{name}", raising=False)
    settings = LocalSettings()
    assert settings.data_folder == ROOT / ".data"
    assert (settings.gateway_port, settings.intake_port) == (4000, 4001)
    assert (settings.dispatch_port, settings.feedback_port) == (4002, 4003)
    assert (settings.postgres_port, settings.kafka_port) == (15432, 9094)


def test_every_port_is_set_by_the_variable_that_its_error_names(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LocalSettings()
    for name in (field.removesuffix("_port") for field in LocalSettings.model_fields if field.endswith("_port")):
        monkeypatch.setenv(settings.port_setting(name), "12345")
        assert getattr(LocalSettings(), f"{name}_port") == 12345
    assert set(LocalSettings().ports().values()) == {12345}


def test_no_port_is_left_out_where_they_are_checked() -> None:
    settings = LocalSettings()
    fields = {name.removesuffix("_port") for name in LocalSettings.model_fields if name.endswith("_port")}
    assert set(settings.ports()) == {settings.port_setting(name) for name in fields}
    assert settings.server_ports().items() <= settings.ports().items()


def test_a_relative_data_folder_means_the_same_for_every_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGH_TRAIN_DATA_FOLDER", "some where")
    assert LocalSettings().data_folder == Path.cwd() / "some where"


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_an_impossible_port_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("THROUGH_TRAIN_KAFKA_PORT", port)
    with pytest.raises(ValidationError, match="kafka_port"):
        LocalSettings()


def test_the_districts_size_is_chosen_by_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THROUGH_TRAIN_DISTRICT", raising=False)
    assert LocalSettings().district is Size.FULL
    monkeypatch.setenv("THROUGH_TRAIN_DISTRICT", "small")
    assert LocalSettings().district is Size.SMALL
    monkeypatch.setenv("THROUGH_TRAIN_DISTRICT", "huge")
    with pytest.raises(ValidationError, match="'small' or 'full'"):
        LocalSettings()


def test_a_service_starts_when_its_part_of_the_district_is_recorded() -> None:
    after = {part.name: part.after for part in Stack(LocalSettings()).parts()}
    for service in ("intake", "dispatch"):
        assert f"{service} district" in after[service]
        assert "preparation" in after[f"{service} district"]
    assert "preparation" in after["feedback"]
    assert "feedback district" not in after


def test_the_gateway_takes_the_tokens_that_the_services_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THROUGH_TRAIN_ORGANISATION_ISSUER", raising=False)
    assert len(Stack(LocalSettings()).issuers()) == 2
    monkeypatch.setenv("THROUGH_TRAIN_ORGANISATION_ISSUER", "http://127.0.0.1:9000")
    assert Stack(LocalSettings()).issuers()[-1] == Issuer("http://127.0.0.1:9000")
    monkeypatch.setenv("THROUGH_TRAIN_ORGANISATION_JWKS_URL", "http://127.0.0.1:9000/keys")
    assert Stack(LocalSettings()).issuers()[-1] == Issuer("http://127.0.0.1:9000", "http://127.0.0.1:9000/keys")
