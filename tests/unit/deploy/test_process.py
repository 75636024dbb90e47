"""Children: started, tailed, stopped, killed, and never left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import NotReady, ProcessFailed
from deploy.local.process import Command, Process, leashed

LIVES = "import time; print('alive', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"


def a_process(folder: Path, code: str, *, stop_within: float = 5.0) -> Process:
    command = Command("child", [sys.executable, "-c", code], stop_within=stop_within)
    return Process(command, log=folder / "logs" / "child.log", pid_file=folder / "child.pid")


async def said_alive(process: Process) -> bool:
    return "alive" in process.tail()


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_child_is_started_awaited_and_stopped(tmp_path: Path) -> None:
    async with a_process(tmp_path / "a folder", LIVES) as child:
        await child.wait_ready(lambda: said_alive(child), within=10)
        assert child.running
    assert not child.running
    assert child.code == -signal.SIGTERM
    assert not (tmp_path / "a folder" / "child.pid").exists()


async def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    child = a_process(tmp_path, STUBBORN, stop_within=0.3)
    await child.start()
    await child.wait_ready(lambda: said_alive(child), within=10)
    await child.stop()
    assert child.code == -signal.SIGKILL


async def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = a_process(tmp_path, "for n in range(100): print('line', n, flush=True)\nraise SystemExit('no such table')")
    await child.start()
    with pytest.raises(ProcessFailed) as failure:
        await child.wait_ready(lambda: asyncio.sleep(0, result=False), within=10)
    assert failure.value.code == 1
    lines = failure.value.tail.splitlines()
    assert len(lines) == 20
    assert lines[-1] == "no such table"
    assert str(child.log) in str(failure.value)


async def test_a_child_that_does_not_become_ready_is_reported(tmp_path: Path) -> None:
    async with a_process(tmp_path, LIVES) as child:
        with pytest.raises(NotReady, match=r"child was not ready within 0\.1 s"):
            await child.wait_ready(lambda: asyncio.sleep(0, result=False), within=0.1)


async def test_a_task_succeeds_or_says_why_not(tmp_path: Path) -> None:
    await a_process(tmp_path, "print('done')").run(within=10)
    with pytest.raises(ProcessFailed, match="ended with code 3"):
        await a_process(tmp_path, "raise SystemExit(3)").run(within=10)
    with pytest.raises(NotReady):
        await a_process(tmp_path, LIVES).run(within=0.1)


async def test_the_logs_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    for run in range(6):
        await a_process(tmp_path, f"print('run {run}')").run(within=10)
    logs = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert logs == ["child.log", "child.log.1", "child.log.2", "child.log.3"]
    assert (tmp_path / "logs" / "child.log").read_text() == "run 5\n"
    assert (tmp_path / "logs" / "child.log.3").read_text() == "run 2\n"


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    child = Process(Command("child", ["/no/such/program"]), log=tmp_path / "log", pid_file=tmp_path / "pid")
    with pytest.raises(ProcessFailed, match="cannot start /no/such/program"):
        await child.run(within=10)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's; elsewhere the next start cleans")
async def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = leashed(Command("child", [sys.executable, "-c", LIVES]))
    text = json.dumps([str(part) for part in command])
    parent_code = f"""
import json, os, subprocess, time
command = json.loads({text!r})
command[5] = str(os.getpid())
print(subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True).pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        await asyncio.sleep(0.2)
        assert psutil.pid_exists(pid)
        parent.kill()
    assert await gone(pid)


async def test_what_a_killed_run_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    leftover = subprocess.Popen([sys.executable, "-c", LIVES], stdout=subprocess.DEVNULL)
    with leftover:
        record = {"pid": leftover.pid, "started": psutil.Process(leftover.pid).create_time()}
        (tmp_path / "child.pid").write_text(json.dumps(record))
        async with a_process(tmp_path, LIVES):
            assert await gone(leftover.pid)


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"pid": "x", "started": 1}'])
async def test_a_pid_file_that_cannot_be_read_is_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "child.pid").write_text(content)
    await a_process(tmp_path, "pass").run(within=10)


async def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "started": time.time() - 1_000_000}
    (tmp_path / "child.pid").write_text(json.dumps(record))
    await a_process(tmp_path, "pass").run(within=10)
