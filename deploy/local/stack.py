"""The parts of a local run, and what each service is told."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.district import District, part_of
from deploy.local.gateway import WITHOUT_RATES, Gateway, Issuer
from deploy.local.kafka import Kafka
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import SERVICES, Postgres
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.supervisor import Part
from deploy.local.web import Address, WebProcess
from services.contracts.catalogue import REFERENCE_SOURCES
from services.contracts.vocabulary import Source

_AUDIENCE: Final = "through-train"
_DEVELOPMENT_ISSUER: Final = "https://through-train.local/development"
_INTAKE_ISSUER: Final = "https://through-train.local/intake"
_PREPARATION: Final = "preparation"
_STOP_WITHIN: Final = 20.0  # a service finishes the requests and batches that it holds
_TASK_WITHIN: Final = 300.0
_OBSERVE: Final = "observe"
_OBSERVE_WITHIN: Final = 3.0
_EVERYTHING: Final = "1"  # every trace is kept: one person's clicks are not many
_SCHEDULER_POLL: Final = 0.2  # when the domain's time is sped up, a second may be half a day


class Task:
    """A program that must succeed before the rest goes on, as a part of the supervisor."""

    def __init__(self, command: Command, *, logs: Path, pids: Path) -> None:
        """Describe the task; nothing is touched before `start`."""
        self.process = Process(command, log=logs / f"{command.name}.log", pid_file=pids / f"{command.name}.pid")

    async def make_way(self) -> None:
        """End what a killed run left of the task; it has no port."""
        await self.process.end_leftover()

    async def start(self) -> None:
        """Run the task to its end.

        :raises ProcessFailed: it did not succeed.
        """
        await self.process.run(within=_TASK_WITHIN)

    async def stop(self) -> None:
        """Stop the task, if it still runs."""
        await self.process.stop()


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything that runs on one machine.

    `measured` leaves out what is there for who looks on: traces of everything, the page that shows them, the console, a
    domain's time that can be moved; and the gateway's limits per address, since all load comes from one. `database` are
    settings of postgresql.conf beside our own.
    """

    settings: LocalSettings
    measured: bool = False
    database: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def postgres(self) -> Postgres:
        """Describe the database server."""
        of = self.settings
        return Postgres(
            *(of.data_folder / "postgres", of.postgres_port),
            keys=of.keys_folder,
            logs=of.logs_folder,
            options=self.database,
        )

    @property
    def kafka(self) -> Kafka:
        """Describe the broker."""
        of = self.settings
        return Kafka(
            *(of.data_folder / "kafka", of.kafka_port, of.kafka_controller_port),
            logs=of.logs_folder,
            cache=of.cache_folder,
            heap=of.kafka_heap,
            departments_port=of.departments_port,
        )

    def servers(self) -> list[Part]:
        """Return PostgreSQL and Kafka alone, for work that brings its own services."""
        return [Part("postgres", self.postgres), Part("kafka", self.kafka)]

    def parts(self) -> list[Part]:
        """Return all parts: servers, keys and migrations, the demonstration district, services, gateway."""
        postgres = self.postgres
        parts = [Part("postgres", postgres), Part("kafka", self.kafka), self._preparation()]
        for service in SERVICES:
            environment = self.environment(service)
            ready = _PREPARATION
            if Source(service) in REFERENCE_SOURCES:
                ready = part_of(service)
                district = District(service, self.settings, environment)
                parts.append(Part(ready, district, after=("postgres", _PREPARATION), lasting=False))
            runs = self._service(service, environment)
            parts.append(Part(service, runs, after=("postgres", "kafka", ready), uses=(_OBSERVE,)))
        if not self.measured:
            parts.append(Part(_OBSERVE, self._observe()))
        # It asks nobody before it is asked, so it starts beside the services, and stops before them.
        return [*parts, Part("gateway", self._gateway(), after=(_PREPARATION,), uses=(*SERVICES, _OBSERVE))]

    def address(self, service: str) -> Address:
        """Return where a service listens."""
        of = self.settings
        ports = {"intake": of.intake_port, "dispatch": of.dispatch_port, "feedback": of.feedback_port}
        return Address(ports[service], of.port_setting(service))

    def _preparation(self) -> Part:
        command = Command(
            _PREPARATION, [sys.executable, "-m", "deploy.local.preparation"], environment=os.environ, folder=ROOT
        )
        task = Task(command, logs=self.settings.logs_folder, pids=self.settings.pids_folder)
        return Part(_PREPARATION, task, after=("postgres", "kafka"), lasting=False)

    def _service(self, name: str, environment: Mapping[str, str]) -> WebProcess:
        command = Command(
            name,
            [sys.executable, "-m", f"services.{name}"],
            environment=environment,
            folder=ROOT,
            stop_within=_STOP_WITHIN,
        )
        return WebProcess(command, self.address(name), logs=self.settings.logs_folder, pids=self.settings.pids_folder)

    def _observe(self) -> WebProcess:
        of = self.settings
        scraped = {service: f"{self.address(service).url}/metrics" for service in SERVICES}
        scraped["gateway"] = f"{Address(of.gateway_metrics_port, '').url}/metrics"
        command = Command(
            _OBSERVE,
            [sys.executable, "-m", "deploy.local.observe", "serve"],
            environment={**os.environ, "PYTHONUNBUFFERED": "1", "THROUGH_TRAIN_OBSERVED": json.dumps(scraped)},
            folder=ROOT,
            stop_within=_OBSERVE_WITHIN,
        )
        address = Address(of.observe_port, of.port_setting(_OBSERVE))
        return WebProcess(command, address, logs=of.logs_folder, pids=of.pids_folder)

    @property
    def _traces(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.observe_port}/v1/traces"

    def _gateway(self) -> Gateway:
        of = self.settings
        return Gateway(
            of.pids_folder,
            {service: f"{self.address(service).url}/graphql" for service in SERVICES},
            self.issuers(),
            port=of.gateway_port,
            audience=_AUDIENCE,
            logs=of.logs_folder,
            node=of.node,
            console_keys=None if self.measured else of.keys_folder,
            environment={
                "GATEWAY_METRICS_PORT": str(of.gateway_metrics_port),
                **(
                    WITHOUT_RATES
                    if self.measured
                    else {"GATEWAY_TRACES_ENDPOINT": self._traces, "GATEWAY_TRACES_RATIO": _EVERYTHING}
                ),
            },
        )

    def issuers(self) -> list[Issuer]:
        """Return whose tokens the gateway takes: the same issuers' as the services."""
        of = self.settings
        trusted = [
            Issuer(_DEVELOPMENT_ISSUER, str(of.keys_folder / "development-issuer.jwks.json")),
            Issuer(_INTAKE_ISSUER, self._intake_keys_url()),
        ]
        if of.organisation_issuer is not None:
            trusted.append(Issuer(of.organisation_issuer, of.organisation_jwks_url))
        return trusted

    def environment(self, service: str) -> dict[str, str]:
        """Return what a service's processes are told."""
        of = self.settings
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",  # the last words of a crash must be in the log
            "THROUGH_TRAIN_ENVIRONMENT": "development",
            "THROUGH_TRAIN_HOST": LOOPBACK,
            "THROUGH_TRAIN_PORT": str(self.address(service).port),
            "THROUGH_TRAIN_DATABASE_URL": self.postgres.dsn(service),
            "THROUGH_TRAIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{of.kafka_port}",
            "THROUGH_TRAIN_KEYS_FOLDER": str(of.keys_folder),
            "THROUGH_TRAIN_INTAKE_JWKS_URL": self._intake_keys_url(),
            "THROUGH_TRAIN_TOPIC_PREFIX": of.topic_prefix,
            "THROUGH_TRAIN_TOPIC_PARTITIONS": str(of.topic_partitions),
            **({} if self.measured else self._looked_on),
        }

    @property
    def _looked_on(self) -> dict[str, str]:
        return {
            "THROUGH_TRAIN_DOMAIN_CLOCK": str(self.settings.domain_clock),
            "THROUGH_TRAIN_SCHEDULER_POLL": str(_SCHEDULER_POLL),
            "THROUGH_TRAIN_TRACES_ENDPOINT": self._traces,
            "THROUGH_TRAIN_TRACES_RATIO": _EVERYTHING,
        }

    def _intake_keys_url(self) -> str:
        return f"{self.address('intake').url}/.well-known/jwks.json"
