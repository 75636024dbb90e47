"""The federation gateway as a child process: `node gateway/start.mjs`."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from deploy.local.node import GATEWAY_FOLDER, find_node
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Command, Process
from deploy.local.web import Address, WebProcess

WITHOUT_RATES: Final[Mapping[str, str]] = {
    "GATEWAY_SUBMIT_PER_ADDRESS": "off",
    "GATEWAY_SUBMIT_PER_SUBJECT": "off",
    "GATEWAY_OPEN_PER_ADDRESS": "off",
    "GATEWAY_OPEN_PER_SUBJECT": "off",
    "GATEWAY_OPEN_FAILURES": "off",
}
"""Settings for tests and load generators, whose many people all come from one address."""
_STOP_WITHIN: Final = 12.0  # it gives its own clients 10 s


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may sign tokens; `jwks` is where its keys are: a file's path or an address.

    None leaves it to the issuer's OpenID configuration.
    """

    issuer: str
    jwks: str | None = None

    def setting(self) -> dict[str, str]:
        """Return the issuer as the gateway's setting has it."""
        return {"issuer": self.issuer} | ({"jwks": self.jwks} if self.jwks is not None else {})


class Gateway:
    """The gateway over given subgraphs."""

    def __init__(
        self,
        folder: Path,
        subgraphs: Mapping[str, str],
        issuers: Sequence[Issuer],
        *,
        port: int = 0,
        audience: str = "through-train",
        logs: Path | None = None,
        node: Path | None = None,
        console_keys: Path | None = None,
        environment: Mapping[str, str] | None = None,
        port_setting: str = "THROUGH_TRAIN_GATEWAY_PORT",
    ) -> None:
        """Describe the gateway; nothing is touched before `start`.

        `folder` takes its log and pid file, `subgraphs` gives the full GraphQL address of each service,
        `port` 0 means one that is free now, `node` another Node than the packaged one, `console_keys` the folder of
        the keys by which the console may be any demo user (None: there is no console), and `environment` adds settings.
        """
        self.port = port or free_port()
        settings = {
            "GATEWAY_ENVIRONMENT": "development",
            "GATEWAY_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_ISSUERS": json.dumps([issuer.setting() for issuer in issuers]),
            "GATEWAY_AUDIENCE": audience,
            **({"GATEWAY_CONSOLE": "on", "GATEWAY_CONSOLE_KEYS": str(console_keys)} if console_keys else {}),
            **{f"{service.upper()}_URL": url for service, url in subgraphs.items()},
        }
        command = Command(
            "gateway",
            [find_node(node).program, GATEWAY_FOLDER / "start.mjs"],
            environment={**os.environ, **settings, **(environment or {})},
            folder=GATEWAY_FOLDER,
            stop_within=_STOP_WITHIN,
        )
        self._web = WebProcess(command, Address(self.port, port_setting), logs=logs or folder / "logs", pids=folder)

    @property
    def url(self) -> str:
        """Return the address of the federated GraphQL endpoint."""
        return f"{self._web.address.url}/graphql"

    @property
    def process(self) -> Process:
        """Return the gateway's process, for tests that kill it."""
        return self._web.process

    async def make_way(self) -> None:
        """End what a killed run left, and check that the port is free.

        :raises PortTaken: somebody else listens there.
        """
        await self._web.make_way()

    async def start(self) -> None:
        """Start the gateway and return when it is ready.

        :raises LocalRunError: the port is taken, or it does not come up.
        """
        await self._web.start()

    async def stop(self) -> None:
        """Ask the gateway to finish what it holds, and wait."""
        await self._web.stop()

    async def kill(self) -> None:
        """End the gateway with SIGKILL."""
        await self._web.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
