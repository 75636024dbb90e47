"""Ports on loopback: a free one, and who holds a taken one."""

import contextlib
import socket
from collections.abc import Mapping

import psutil

from deploy.local.errors import PortsClash, PortTaken

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port that is free at this moment (another process may still take it before you do)."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_distinct(ports: Mapping[str, int]) -> None:
    """Check that no port is given twice; the keys are the settings.

    :raises PortsClash: one is; all the settings that give it are named.
    """
    for port in ports.values():
        if len(settings := [setting for setting, other in ports.items() if other == port]) > 1:
            raise PortsClash(port, settings)


def require_free(port: int, setting: str) -> None:
    """Check that nobody listens on the port.

    :raises PortTaken: somebody does; `setting` names what to change.
    """
    with socket.socket() as probe:
        # Connections of an earlier run may linger in TIME_WAIT; only a listener is in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise PortTaken(port, setting, _holder(port)) from None


def _holder(port: int) -> str | None:
    """Return the listening process as text, where this user may know it."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {connection.pid})"
    return None
