"""Settings, from the environment; the first five are what `make account` prints."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


class SettingsError(Exception):
    """A setting is missing, or cannot be so."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program has to know.

    `kafka` is empty for a department that reads by GraphQL; `ca_file` is set where the broker speaks TLS. Times are in
    seconds: `works` is how long this department takes for a work order, `polls` how often GraphQL is asked.
    """

    department: str
    database: Path
    graphql: str
    token_file: Path
    kafka: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    topic: str = ""
    group: str = ""
    ca_file: Path | None = None
    works: float = 5.0
    polls: float = 2.0

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        :raises SettingsError: one is missing or wrong.
        """
        try:
            department = environment["DEPARTMENT"]
            kafka = environment.get("KAFKA", "") if environment.get("FEED", "kafka") == "kafka" else ""
            login = {name: environment[name.upper()] for name in ("username", "password", "topic")} if kafka else {}
            files = {name: Path(environment[name]) for name in ("TOKEN_FILE", "CA_FILE") if environment.get(name)}
            for name, file in files.items():
                if not file.is_file():
                    raise SettingsError(f"{name} is {file}, and there is no such file.")
            return cls(
                department=department,
                database=Path(environment.get("DATABASE", f"{department}.sqlite")),
                graphql=environment.get("GRAPHQL", "http://127.0.0.1:4000/graphql"),
                token_file=files["TOKEN_FILE"],
                kafka=kafka,
                **login,
                group=environment.get("GROUP", f"department.{department}.desk"),
                ca_file=files.get("CA_FILE"),
                works=float(environment.get("WORK_SECONDS", "5")),
                polls=float(environment.get("POLL_SECONDS", "2")),
            )
        except KeyError as error:
            raise SettingsError(f"Set {error.args[0]}; README.md says what each setting is.") from None
        except ValueError as error:
            raise SettingsError(f"WORK_SECONDS and POLL_SECONDS are seconds: {error}") from None
