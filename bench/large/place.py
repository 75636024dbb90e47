"""Where an installation's data lies: what copying needs to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.kafka import Broker


@dataclass(frozen=True, slots=True)
class Place:
    """The databases by service, the broker, and what the topics' names begin with."""

    dsns: Mapping[str, str]
    broker: Broker
    prefix: str = ""

    def petitions(self, source: Source) -> str:
        """Return the topic of a service's events about petitions."""
        return catalogue.petition_topic(source, self.prefix)

    def feed(self, department: str) -> str:
        """Return the topic of a department's feed."""
        return catalogue.department_topic(department, self.prefix)

    def group(self, service: str) -> str:
        """Return the consumer group that a service follows petitions with."""
        return f"{self.prefix}{service}"
