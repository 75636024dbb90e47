"""The gateway as a child of the local run: started on a free port, ready, stopped, killed, started again."""

import json
from pathlib import Path

import pytest

from deploy.local.errors import ProcessFailed
from deploy.local.gateway import Gateway, Issuer
from deploy.local.node import find_node, install_packages
from deploy.local.postgres import SERVICES
from deploy.local.process import Command, Process
from deploy.local.web import answers

pytestmark = [pytest.mark.serial, pytest.mark.system, pytest.mark.xdist_group("serial")]

SUBGRAPH = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
type Query { petition: String }
"""


@pytest.fixture
async def supergraph(tmp_path: Path) -> Path:
    """Compose a supergraph of services that are never asked."""
    node = find_node()
    await install_packages(node, tmp_path)
    (tmp_path / "subgraphs").mkdir()
    for service in SERVICES:
        (tmp_path / "subgraphs" / f"{service}.graphql").write_text(SUBGRAPH.replace("petition", service))
    composed = tmp_path / "supergraph.graphql"
    gateway = Path(__file__).parents[2] / "gateway"
    arguments = [node.program, gateway / "compose.mjs", "--from", tmp_path / "subgraphs", "--to", composed]
    await Process(Command("compose", arguments), log=tmp_path / "log", pid_file=tmp_path / "pid").run(within=60)
    return composed


def a_gateway(folder: Path, supergraph: Path) -> Gateway:
    subgraphs = dict.fromkeys(SERVICES, "http://127.0.0.1:9/graphql")
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": []}))
    return Gateway(
        folder,
        subgraphs,
        [Issuer("https://through-train.local/development", str(keys))],
        environment={"GATEWAY_SUPERGRAPH": str(supergraph), "GATEWAY_PERSISTED_OPERATIONS": "off"},
    )


async def test_it_becomes_ready_stops_and_starts_again_after_a_kill(tmp_path: Path, supergraph: Path) -> None:
    gateway = a_gateway(tmp_path, supergraph)
    async with gateway:
        assert gateway.url == f"http://127.0.0.1:{gateway.port}/graphql"
        assert await answers(gateway.port, "/healthz")
    assert gateway.process.code == 0
    async with gateway:
        await gateway.kill()
        assert not await answers(gateway.port, "/healthz")
    async with gateway:
        assert await answers(gateway.port, "/readyz")


async def test_a_gateway_without_a_supergraph_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="gateway ended"):
        await a_gateway(tmp_path, tmp_path / "none.graphql").start()
