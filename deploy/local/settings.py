"""Where the local run keeps things and which ports it takes; each is set by THROUGH_TRAIN_<NAME>."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.district import Size

ROOT = Path(__file__).parents[2]
# Absolute, since children run in folders of their own.
Folder = Annotated[Path, AfterValidator(Path.absolute)]


def default_cache_folder() -> Path:
    """Return where downloads are kept unless THROUGH_TRAIN_CACHE_FOLDER says otherwise."""
    return LocalSettings().cache_folder


class LocalSettings(BaseSettings):
    """The local run's settings. Every listener is on loopback, whatever is set here."""

    # What the services are told shares the prefix, and is none of ours.
    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    data_folder: Folder = ROOT / ".data"
    cache_folder: Folder = ROOT / ".cache"
    node: Path | None = None  # another Node than the packaged one
    maven_repository: str | None = None  # where Kafka's jars come from, instead of Maven's central repository

    gateway_port: int = Field(default=4000, ge=1, le=65535)
    intake_port: int = Field(default=4001, ge=1, le=65535)
    dispatch_port: int = Field(default=4002, ge=1, le=65535)
    feedback_port: int = Field(default=4003, ge=1, le=65535)
    gateway_metrics_port: int = Field(default=4004, ge=1, le=65535)
    observe_port: int = Field(default=4005, ge=1, le=65535)
    postgres_port: int = Field(default=15432, ge=1, le=65535)
    kafka_port: int = Field(default=9094, ge=1, le=65535)
    kafka_controller_port: int = Field(default=9095, ge=1, le=65535)
    departments_port: int = Field(default=9096, ge=0, le=65535)  # where departments log in to Kafka; 0: nowhere

    district: Size = Size.FULL

    kafka_heap: str = Field(default="256m", pattern=r"^\d+[mMgG]$")
    topic_prefix: str = ""
    topic_partitions: int = Field(default=12, ge=1)
    # Read here for the gateway; the services read the same for themselves.
    organisation_issuer: str | None = None
    organisation_jwks_url: str | None = None

    @property
    def keys_folder(self) -> Path:
        """Return where generated keys and passwords lie (0700)."""
        return self.data_folder / "keys"

    @property
    def district_folder(self) -> Path:
        """Return where what was recorded of the demonstration district lies."""
        return self.data_folder / "district"

    @property
    def pids_folder(self) -> Path:
        """Return where the ids of running processes lie."""
        return self.data_folder / "run"

    @property
    def logs_folder(self) -> Path:
        """Return where every process's output lies."""
        return self.data_folder / "logs"

    @property
    def departments_folder(self) -> Path:
        """Return where the programs of departments that a case plays keep their databases."""
        return self.data_folder / "departments"

    @property
    def domain_clock(self) -> Path:
        """Return the file by which the domain's time runs faster; without it, it is the real one."""
        return self.data_folder / "domain-clock.json"

    def server_ports(self) -> dict[str, int]:
        """Return the ports of PostgreSQL and Kafka, by their settings."""
        ports = {
            "postgres": self.postgres_port,
            "kafka": self.kafka_port,
            "kafka_controller": self.kafka_controller_port,
        }
        if self.departments_port:
            ports["departments"] = self.departments_port
        return {self.port_setting(name): port for name, port in ports.items()}

    def ports(self) -> dict[str, int]:
        """Return every port, by its setting."""
        ports = {
            "gateway": self.gateway_port,
            "intake": self.intake_port,
            "dispatch": self.dispatch_port,
            "feedback": self.feedback_port,
            "gateway_metrics": self.gateway_metrics_port,
            "observe": self.observe_port,
        }
        return {self.port_setting(name): port for name, port in ports.items()} | self.server_ports()

    def port_setting(self, name: str) -> str:
        """Return the environment variable that sets a port: `intake` gives THROUGH_TRAIN_INTAKE_PORT."""
        return f"THROUGH_TRAIN_{name.upper()}_PORT"
