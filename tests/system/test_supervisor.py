"""The supervisor: order, crashes, signals, and nothing left behind, with stand-ins and with real servers."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import psutil
import pytest

from deploy.local.ports import LOOPBACK, free_port

pytestmark = [pytest.mark.serial, pytest.mark.system, pytest.mark.xdist_group("serial")]

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's; elsewhere the next start cleans up"
)

ROOT = Path(__file__).parents[2]

# Three parts in a row; each serves /readyz and notes its end in the file `order`.
STAND_INS = """
import asyncio, sys
from pathlib import Path
from deploy.local.errors import LocalRunError
from deploy.local.process import Command
from deploy.local.supervisor import Part, Supervisor, held
from deploy.local.web import Address, WebProcess

folder, ports, last = Path(sys.argv[1]), [int(port) for port in sys.argv[2:5]], sys.argv[5]
child = Path(__file__).with_name("child.py")

def part(name, port, after, mood="calm"):
    arguments = [sys.executable, child, name, str(port), folder / "order", mood]
    command = Command(name, arguments, stop_within=30)
    address = Address(port, f"THROUGH_TRAIN_{name.upper()}_PORT")
    return Part(name, WebProcess(command, address, logs=folder / "logs", pids=folder / "run"), after)

async def ready():
    print("all ready", flush=True)

parts = [
    part("roof", ports[2], ("walls",), last),
    part("walls", ports[1], ("ground",)),
    part("ground", ports[0], ()),
]
try:
    with held(folder):
        asyncio.run(Supervisor(parts, say=lambda line: print(line, flush=True)).run(ready))
except LocalRunError as error:
    sys.exit(str(error))
"""

CHILD = """
import http.server, signal, sys, threading, time
name, port, order, mood = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]

def stop(*_):
    if mood == "stubborn":
        return
    with open(order, "a") as file:
        print("stopped", name, file=file)
    raise SystemExit

signal.signal(signal.SIGTERM, stop)

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

if mood == "broken":
    sys.exit("the roof has no beams")
if mood == "weak":
    def fall():
        for number in range(40):
            print("creak", number, flush=True)
        import os; os._exit(7)
    threading.Timer(0.5, fall).start()
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


class Running:
    """A program whose lines can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, text: str, within: float = 60) -> str:
        deadline = time.monotonic() + within
        while (line := self._queue.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"never said {text!r}: {self.output()}")

    def end(self, within: float = 30) -> int:
        """Wait for the program's end and return its code; afterwards `output` has all it said."""
        code = self.process.wait(within)
        while (line := self._queue.get(timeout=within)) is not None:
            self.lines.append(line)
        return code

    def output(self) -> str:
        return "\n".join(self.lines)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def running(*command: str | Path, environment: dict[str, str] | None = None) -> Generator[Running]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})},
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def stand_ins(folder: Path, mood: str = "calm", ports: tuple[int, ...] = ()) -> Generator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.py").write_text(STAND_INS)
    (folder / "child.py").write_text(CHILD)
    chosen = ports or (free_port(), free_port(), free_port())
    with running(folder / "run.py", folder, *map(str, chosen), mood) as run:
        yield run


def names(processes: list[psutil.Process]) -> set[str]:
    """Return the names of those that live: a server's short-lived helper may have ended since it was listed."""
    found: set[str] = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found.add(process.name())
    return found


def all_gone(processes: list[psutil.Process], within: float = 10) -> bool:
    return not psutil.wait_procs(processes, timeout=within)[1]


def test_a_process_that_has_ended_since_it_was_listed_has_no_name() -> None:
    ended = subprocess.Popen(["sleep", "60"])
    listed = [psutil.Process(ended.pid), psutil.Process()]
    ended.kill()
    ended.wait()
    assert names(listed) == {psutil.Process().name()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_parts_start_in_order_and_stop_in_the_opposite_order(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "a folder"
    with stand_ins(folder) as run:
        run.wait_for("all ready")
        children = run.children()
        run.process.send_signal(number)
        assert run.end() == 0
    assert re.findall(r"^(\w+): ready", run.output(), flags=re.MULTILINE) == ["ground", "walls", "roof"]
    order = (folder / "order").read_text().split("\n")
    assert order == ["stopped roof", "stopped walls", "stopped ground", ""]
    assert len(children) == 3
    assert all_gone(children)


def test_a_crash_is_reported_with_the_end_of_its_log_and_ends_the_rest(tmp_path: Path) -> None:
    with stand_ins(tmp_path / "data", "weak") as run:
        run.wait_for("all ready")
        children = run.children()
        assert run.end() == 1
    assert "roof ended with code 7" in run.output()
    assert re.findall(r"creak (\d+)", run.output()) == [str(number) for number in range(20, 40)]
    assert (tmp_path / "data" / "order").read_text() == "stopped walls\nstopped ground\n"
    assert all_gone(children)


def test_a_part_that_does_not_come_up_is_reported_and_ends_the_rest(tmp_path: Path) -> None:
    with stand_ins(tmp_path / "data", "broken") as run:
        assert run.end() == 1
    assert "the roof has no beams" in run.output()
    assert "all ready" not in run.output()
    assert (tmp_path / "data" / "order").read_text() == "stopped walls\nstopped ground\n"


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    with stand_ins(tmp_path / "data", "stubborn") as run:
        run.wait_for("all ready")
        children = run.children()
        run.process.send_signal(signal.SIGINT)
        run.wait_for("stopping")
        began = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        assert run.end() == 0
        assert time.monotonic() - began < 5
    assert all_gone(children)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's; elsewhere the next start cleans")
def test_a_killed_supervisor_leaves_nobody_and_can_be_started_again(tmp_path: Path) -> None:
    ports = (free_port(), free_port(), free_port())
    with stand_ins(tmp_path / "data", ports=ports) as run:
        run.wait_for("all ready")
        children = run.children()
        run.process.kill()
        assert all_gone(children)
    with stand_ins(tmp_path / "data", ports=ports) as run:
        run.wait_for("all ready")


def test_a_second_supervisor_says_who_holds_the_data(tmp_path: Path) -> None:
    with stand_ins(tmp_path / "data") as first:
        first.wait_for("all ready")
        with stand_ins(tmp_path / "data") as second:
            assert second.end() == 1
        assert f"in use by process {first.process.pid}" in second.output()


def test_a_taken_port_is_named_with_its_setting_and_its_holder(tmp_path: Path) -> None:
    ports = (free_port(), free_port(), free_port())
    with stand_ins(tmp_path / "one", ports=ports) as first:
        first.wait_for("all ready")
        with stand_ins(tmp_path / "two", ports=ports) as second:
            assert second.end() == 1
    for port, setting in zip(ports, ("GROUND", "WALLS", "ROOF"), strict=True):
        assert f"Port {port} is taken by python" in second.output()
        assert f"THROUGH_TRAIN_{setting}_PORT" in second.output()


def test_a_taken_port_of_the_last_part_is_noticed_before_the_first_is_started(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        ports = (free_port(), free_port(), int(server.getsockname()[1]))
        with stand_ins(tmp_path / "data", ports=ports) as run:
            assert run.end() == 1
    assert "THROUGH_TRAIN_ROOF_PORT" in run.output()
    assert "ready" not in run.output()
    assert not (tmp_path / "data" / "logs").exists()


@pytest.fixture
def local_run(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of a local run with its own ports and data, in a folder with a space."""
    ports = {f"THROUGH_TRAIN_{name}_PORT": str(free_port()) for name in ("POSTGRES", "KAFKA", "KAFKA_CONTROLLER")}
    environment = {"THROUGH_TRAIN_DATA_FOLDER": str(tmp_path / "a folder" / "data"), **ports}
    yield environment
    with running("-m", "deploy.local", "clean-data", environment=environment) as clean:
        clean.end()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's; elsewhere the next start cleans")
def test_real_servers_go_with_a_killed_supervisor_and_start_again(local_run: dict[str, str]) -> None:
    with running("-m", "deploy.local", "servers", environment=local_run) as run:
        run.wait_for("KAFKA=")
        children = run.children()
        assert {"postgres", "java"} <= names(children)
        run.process.kill()
        assert all_gone(children)
    with running("-m", "deploy.local", "servers", environment=local_run) as run:
        run.wait_for("KAFKA=")
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0
    assert "POSTGRES=postgresql://" in run.output()


def test_clean_data_removes_what_a_run_made_and_nothing_else(local_run: dict[str, str]) -> None:
    folder = Path(local_run["THROUGH_TRAIN_DATA_FOLDER"])
    folder.mkdir(parents=True)
    (folder / "of the user").touch()
    with running("-m", "deploy.local", "servers", environment=local_run) as run:
        run.wait_for("KAFKA=")
        with running("-m", "deploy.local", "clean-data", environment=local_run) as clean:
            assert clean.end() == 1
        assert "in use by process" in clean.output()
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0
    with running("-m", "deploy.local", "clean-data", environment=local_run) as clean:
        assert clean.end() == 0
    assert [entry.name for entry in folder.iterdir()] == ["of the user"]
