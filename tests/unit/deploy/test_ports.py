"""Ports: free ones, and who holds a taken one."""

import os
import socket

import pytest

from deploy.local.errors import PortsClash, PortTaken
from deploy.local.ports import LOOPBACK, free_port, require_distinct, require_free


def test_a_free_port_is_free() -> None:
    require_free(free_port(), "THROUGH_TRAIN_GATEWAY_PORT")


def test_a_taken_port_names_the_port_its_setting_and_who_holds_it() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken) as refusal:
            require_free(port, "THROUGH_TRAIN_GATEWAY_PORT")
    assert str(port) in str(refusal.value)
    assert "THROUGH_TRAIN_GATEWAY_PORT" in str(refusal.value)
    assert f"process {os.getpid()}" in str(refusal.value)


def test_a_port_that_is_given_twice_is_named_with_all_its_settings() -> None:
    require_distinct({"A_PORT": 4000, "B_PORT": 4001})
    with pytest.raises(PortsClash, match=r"Port 4000 .*give A_PORT and C_PORT different ones"):
        require_distinct({"A_PORT": 4000, "B_PORT": 4001, "C_PORT": 4000})
