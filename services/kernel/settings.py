"""Settings of a service, from the environment (prefix THROUGH_TRAIN_) and from files of a secrets folder."""

from enum import StrEnum
from pathlib import Path

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the service runs. Production refuses everything made for development."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class OperatorSettings(BaseSettings):
    """What an operator's commands need: the service's database alone."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    database_url: SecretStr


class Settings(BaseSettings):
    """What a service can be told from outside. Lengths of time are seconds."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    environment: Environment = Environment.PRODUCTION
    database_url: SecretStr
    database_connections: int = Field(10, ge=2, le=200)
    kafka_bootstrap: str
    topic_prefix: str = ""
    topic_partitions: int = Field(12, ge=1)
    topic_replication: int = Field(1, ge=1)
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    keys_folder: Path
    audience: str = "through-train"
    intake_jwks_url: AnyHttpUrl | None = None
    organisation_issuer: str | None = None
    organisation_jwks_url: AnyHttpUrl | None = None
    outbox_poll: float = Field(0.04, gt=0)
    scheduler_poll: float = Field(1.0, gt=0)
    reference_staleness: float = Field(2.0, ge=0)
    log_level: str = "INFO"
    domain_clock: Path | None = None

    @field_validator("domain_clock")
    @classmethod
    def _real_time(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("environment") is Environment.PRODUCTION:
            raise ValueError("for development alone: in production the domain's time is the real one")
        return file
