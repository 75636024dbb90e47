"""Once everything is here, a set-up asks nobody for anything."""

import os
import socket
import subprocess
import sys

from deploy.local.settings import ROOT


def test_a_second_set_up_reaches_for_no_registry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as registry:
        address = f"http://127.0.0.1:{registry.getsockname()[1]}"
        settings = ("PIP_INDEX_URL", "npm_config_registry", "THROUGH_TRAIN_MAVEN_REPOSITORY")
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        outcome = subprocess.run(
            [sys.executable, "-m", "deploy.local", "setup"],
            env={**os.environ, **dict.fromkeys((*settings, *proxies), address)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
        registry.setblocking(False)
        try:
            registry.accept()
        except BlockingIOError:
            return
        raise AssertionError("somebody reached for a registry")
