"""Commands that look into the running system: shell, logs, topics, psql."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Never
from urllib.parse import unquote, urlsplit

from cyclopts import App, Parameter

from deploy.local.ports import LOOPBACK
from deploy.local.postgres import SERVICES, program
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.speech import at_the_gateway, give_up, read_settings
from deploy.local.stack import Stack
from deploy.local.supervisor import is_held


def add_to(app: App) -> None:
    """Add the commands to the local run's."""
    for command in (shell, logs, topics, psql):
        app.command(command)


def shell(user: str = "", /) -> None:
    """Ask the gateway GraphQL as a demo user, such as street_committee; without one, as anybody without a token."""
    _become([sys.executable, "-m", "deploy.local.shell", user], at_the_gateway(_running()))


def logs(service: str = "", /) -> None:
    """Print a service's log (or all of them) readably, and go on with what comes."""
    folder = str(read_settings().logs_folder)
    _become([sys.executable, "-m", "deploy.local.logs", folder, service], os.environ)


def topics(about: str = "", /) -> None:
    """Print the events on the topics readably, and go on with what comes; `about` is part of a topic or a key."""
    settings = _running()
    environment = {
        **os.environ,
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{settings.kafka_port}",
        "THROUGH_TRAIN_TOPIC_PREFIX": settings.topic_prefix,
    }
    _become([sys.executable, "-m", "deploy.local.topics", about], environment)


def psql(
    service: str = "",
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True, help="for psql")],
) -> None:
    """Open a service's database in psql; its tables are in the schemas own and view."""
    settings = _running()
    if service not in SERVICES:
        give_up(f"Say whose database: SERVICE can be {', '.join(SERVICES)}.")
    where = urlsplit(Stack(settings).postgres.dsn(service))
    environment = {
        **os.environ,
        "PGOPTIONS": "-c search_path=own,view",
        "PGHOST": where.hostname or LOOPBACK,
        "PGPORT": str(where.port),
        "PGUSER": service,
        "PGDATABASE": service,
        "PGPASSWORD": unquote(where.password or ""),  # among the arguments everybody on this machine would read it
    }
    _become([str(program("psql")), *arguments], environment)


def _running() -> LocalSettings:
    settings = read_settings()
    if not is_held(settings.data_folder):
        give_up(f"No system runs on {settings.data_folder}: start it with `make run` first.")
    return settings


def _become(command: list[str], environment: Mapping[str, str]) -> Never:
    os.chdir(ROOT)
    os.execve(command[0], command, dict(environment))  # noqa: S606
