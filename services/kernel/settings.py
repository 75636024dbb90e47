"""Settings of a service, from the environment (prefix THROUGH_TRAIN_) and from files of a secrets folder."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AnyHttpUrl, Field, SecretStr, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, from_json
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.kernel.auth import keys
from services.kernel.auth.issuers import DEVELOPMENT_ISSUER, INTAKE_ISSUER, Claim
from services.kernel.auth.key_sets import is_secure
from services.kernel.auth.keyrings import KeyFileError
from services.kernel.kafka import Broker

ClaimPath = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Environment(StrEnum):
    """Where the service runs. Production refuses everything made for development."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class OperatorSettings(BaseSettings):
    """What an operator's commands need: the service's database alone."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    database_url: SecretStr


class BrokerSettings(BaseSettings):
    """How the broker is reached, and what the names of its topics begin with."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    kafka_bootstrap: str
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_tls: bool = False
    kafka_ca_file: Path | None = None
    topic_prefix: str = ""

    @property
    def broker(self) -> Broker:
        """Return how the broker is reached."""
        password = self.kafka_password.get_secret_value() if self.kafka_password else None
        return Broker(self.kafka_bootstrap, self.kafka_username, password, self.kafka_tls, self.kafka_ca_file)

    @field_validator("kafka_password")
    @classmethod
    def _whose_password(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (password is None) != (info.data.get("kafka_username") is None):
            raise _refused("a user's name and password go together: give both, or neither")
        return password

    @field_validator("kafka_ca_file")
    @classmethod
    def _a_ca_to_check(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and not file.is_file():
            raise _refused(f"there is no file {file}")
        if file is not None and not info.data.get("kafka_tls"):
            raise _refused("a CA is for TLS: set THROUGH_TRAIN_KAFKA_TLS=true too")
        return file


class RebuildSettings(BrokerSettings, OperatorSettings):
    """What the rebuild of a view needs: the service's database, and the topics."""


class Settings(BrokerSettings):
    """What a service can be told from outside. Lengths of time are seconds."""

    environment: Environment = Environment.PRODUCTION
    database_url: SecretStr
    database_connections: int = Field(10, ge=2, le=200)
    topic_partitions: int = Field(12, ge=1)
    topic_replication: int = Field(1, ge=1)
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    keys_folder: Path
    audience: str = "through-train"
    intake_jwks_url: AnyHttpUrl | None = None
    organisation_issuer: str | None = None
    organisation_jwks_url: AnyHttpUrl | None = None
    organisation_claims: Annotated[dict[Claim, ClaimPath], NoDecode] = {}
    keys_refresh: float = Field(default=600.0, ge=5, le=3600)
    outbox_poll: float = Field(0.25, gt=0)
    scheduler_poll: float = Field(1.0, gt=0)
    reference_staleness: float = Field(2.0, ge=0)
    figures_poll: float = Field(5.0, gt=0)
    traces_endpoint: AnyHttpUrl | None = None
    traces_ratio: float = Field(0.05, ge=0, le=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    domain_clock: Path | None = None

    @field_validator("database_url")
    @classmethod
    def _no_password_to_guess(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        said = parse_qs(parts.query, keep_blank_values=True)
        users = {"", *filter(None, [unquote(parts.username or ""), *said.get("user", [])])}
        # Without any, something else proves who connects: a certificate, a socket, a password file.
        given = [*([] if parts.password is None else [unquote(parts.password)]), *said.get("password", [])]
        guessable = any(password in users for password in given)
        if guessable and _in_production(info):
            raise _refused("the password is empty or the user's own name: give the user a real one")
        return url

    @field_validator("keys_folder")
    @classmethod
    def _keys_of_its_own(cls, folder: Path, info: ValidationInfo) -> Path:
        if _in_production(info):
            if not folder.is_dir():
                raise _refused(f"there is no folder {folder}")
            try:
                made, loose = keys.development_keys(folder), keys.readable_by_others(folder)
                written = keys.writable_by_others(folder)
            except (KeyFileError, OSError) as error:
                raise _refused(str(error)) from None
            if made:
                raise _refused(f"{', '.join(made)} in {folder} were made for development: make keys for production")
            if loose:
                raise _refused(f"{', '.join(loose)} in {folder} are not their owner's alone: set their mode to 0600")
            if written:
                raise _refused(f"others can write {', '.join(written)} in {folder}: let the owner alone write there")
        return folder

    @field_validator("organisation_issuer")
    @classmethod
    def _somebody_can_sign_in(cls, issuer: str | None, info: ValidationInfo) -> str | None:
        if issuer is None:
            if _in_production(info):
                raise _refused("give the address of your OpenID Connect issuer: without it only residents can sign in")
            return None
        if issuer in {DEVELOPMENT_ISSUER, INTAKE_ISSUER}:
            raise _refused("this is the name of an issuer of our own: give your organisation's")
        parts = urlsplit(issuer)
        if not is_secure(issuer, development=not _in_production(info)) or parts.query or parts.fragment:
            raise _refused("an issuer is an https address without query and fragment, exactly as its tokens say it")
        return issuer

    @field_validator("organisation_claims", mode="before")
    @classmethod
    def _json(cls, given: object) -> object:
        try:
            return from_json(given) if isinstance(given, str) else given
        except ValueError:
            raise _refused('give JSON, such as {"roles": "realm_access.roles"}') from None

    @field_validator("organisation_jwks_url")
    @classmethod
    def _keys_nobody_exchanged(cls, url: AnyHttpUrl | None, info: ValidationInfo) -> AnyHttpUrl | None:
        if url is not None and not is_secure(str(url), development=not _in_production(info)):
            raise _refused("keys are fetched over https alone: whoever exchanged them on the way could be anybody")
        if url is not None and info.data.get("organisation_issuer", "") is None:
            raise _refused("keys belong to an issuer: give THROUGH_TRAIN_ORGANISATION_ISSUER too")
        return url

    @field_validator("domain_clock")
    @classmethod
    def _real_time(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and _in_production(info):
            raise _refused("for development alone: in production the domain's time is the real one")
        return file


def _in_production(info: ValidationInfo) -> bool:
    return info.data.get("environment") is Environment.PRODUCTION


def _refused(why: str) -> PydanticCustomError:
    """Return a refusal whose sentence is printed as it is, behind the setting's name."""
    return PydanticCustomError("refused", "{why}", {"why": why})
