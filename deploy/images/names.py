"""What images are called, and which of them containers are made from: THROUGH_TRAIN_…_IMAGE, THROUGH_TRAIN_IMAGES."""

import tomllib
from enum import StrEnum
from typing import Final

from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.jars import KAFKA_VERSION
from deploy.local.settings import ROOT

POSTGRES_MAJOR: Final = "18"
VERSION: Final[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
# A name that leads to a registry on this machine, where there is none: nobody elsewhere can answer for it.
_HERE: Final = "localhost/through-train"


class Origin(StrEnum):
    """Where the images of PostgreSQL and Kafka come from."""

    OFFICIAL = "official"
    LOCAL = "local"


def local(name: str, tag: str) -> str:
    """Return what an image that is built here is called."""
    return f"{_HERE}/{name}:{tag}"


class ImageSettings(BaseSettings):
    """Which images containers are made from; each can be named, and the rest follows `images`."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", frozen=True, extra="ignore")

    images: Origin = Origin.OFFICIAL
    postgres_image: str | None = None
    kafka_image: str | None = None
    services_image: str = local("services", VERSION)
    gateway_image: str = local("gateway", VERSION)

    @property
    def postgres(self) -> str:
        """Return the image of PostgreSQL."""
        built = self.images is Origin.LOCAL
        return self.postgres_image or (local("postgres", POSTGRES_MAJOR) if built else f"postgres:{POSTGRES_MAJOR}")

    @property
    def kafka(self) -> str:
        """Return the image of Kafka."""
        built = self.images is Origin.LOCAL
        return self.kafka_image or (local("kafka", KAFKA_VERSION) if built else f"apache/kafka:{KAFKA_VERSION}")

    def needed(self) -> list[str]:
        """Return all that a run on containers needs."""
        return [self.postgres, self.kafka, self.services_image, self.gateway_image]
