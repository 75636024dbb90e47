"""What developers look into a running system with: the shell, the events, the logs, psql."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.postgres import program
from deploy.local.settings import ROOT
from tests.support.district import District
from tests.support.people import People

ME = "{ me { roles street } }"


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


def environment(world: District) -> dict[str, str]:
    return {
        **os.environ,
        "NO_COLOR": "1",
        "THROUGH_TRAIN_GATEWAY_URL": world.url,
        "THROUGH_TRAIN_KEYS_FOLDER": str(world.servers.keys),
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": world.servers.bootstrap,
        "THROUGH_TRAIN_TOPIC_PREFIX": world.prefix,
    }


async def run(
    module: str, *arguments: str, given: str | None = None, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one of the programs to its end, away from a terminal."""
    return await asyncio.to_thread(
        subprocess.run,  # pyright: ignore[reportArgumentType]
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(env),
        input=given or "",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_shell_asks_as_whom_one_says(people: People) -> None:
    env = environment(people.district)
    asked = await run("deploy.local.shell", "street_committee.dewu", env={**env, "THROUGH_TRAIN_QUERY": ME})
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout) == {"data": {"me": {"roles": ["street_committee"], "street": "dewu"}}}
    piped = await run("deploy.local.shell", "", given=ME, env=env)
    assert json.loads(piped.stdout)["data"]["me"]["roles"] == ["anyone"]


async def test_a_refusal_and_an_unknown_user_end_the_shell_with_a_word(people: People) -> None:
    env = environment(people.district)
    refused = await run("deploy.local.shell", "", env={**env, "THROUGH_TRAIN_QUERY": "{ operatorsSecrets }"})
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    unknown = await run("deploy.local.shell", "mayor", env=env)
    assert unknown.returncode == 1
    assert "There is no demo user 'mayor'; choose one of nobody, representative" in unknown.stderr
    nobody = await run(
        "deploy.local.shell",
        "",
        env={**env, "THROUGH_TRAIN_QUERY": ME, "THROUGH_TRAIN_GATEWAY_URL": "http://127.0.0.1:9/graphql"},
    )
    assert nobody.returncode == 1
    assert "Start the system with `make run` first." in nobody.stderr


async def test_the_shell_follows_what_is_live(people: People) -> None:
    filed = await people.file("representative")
    env = environment(people.district)
    follow = f'subscription {{ petitionTimeline(petitionId: "{filed.id}") {{ entry {{ type }} }} }}'
    shell = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.shell", "street_committee"),
        cwd=ROOT,
        env={**env, "THROUGH_TRAIN_QUERY": follow},
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    assert shell.stdout is not None
    async with asyncio.timeout(60):
        first = json.loads(await shell.stdout.readline())
        assert first["data"]["petitionTimeline"]["entry"]["type"] == "petition.submitted"
        (await people.accept(filed)).ok()
        while b"petition.accepted" not in await shell.stdout.readline():
            pass
        shell.send_signal(signal.SIGINT)
        assert await shell.wait() == 130


async def test_at_a_terminal_one_converses(people: People) -> None:
    """Say whom one is, what a type has, a ready operation, and a question; then leave."""
    env = {**environment(people.district), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    controller, terminal = pty.openpty()
    shell = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.shell", "operator"),
        cwd=ROOT,
        env=env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    said = ""

    async def heard(text: str) -> None:
        nonlocal said
        async with asyncio.timeout(60):
            while text not in said:
                said += (await asyncio.to_thread(os.read, controller, 65536)).decode(errors="replace")
        said = said.rpartition(text)[2]

    try:
        await heard("says what can be done here")
        for line, answer in (
            ("\\me street_committee", "street_committee>"),
            ("\\type Evaluation", "allowedActs"),
            ("\\ops", "01-who-am-i"),
            ("\\me mayor", "There is no demo user"),
            (ME, '"huangtupo"'),
            ("{ nothing }", "INVALID_INPUT"),
        ):
            os.write(controller, line.encode() + b"\r")
            await heard(answer)
        await heard("street_committee>")  # before the prompt is there, Ctrl-D is the terminal's, and nobody hears it
        os.write(controller, b"\x04")
        async with asyncio.timeout(30):
            assert await shell.wait() == 0
    finally:
        if shell.returncode is None:
            shell.kill()
        os.close(controller)


async def test_the_events_are_told_readably_and_nobodys_offsets_move(people: People) -> None:
    filed = await people.file("representative")
    (await people.accept(filed)).ok()
    env = environment(people.district)

    async def told() -> str:
        ended = await run("deploy.local.topics", filed.id, env=env)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    lines = (await told()).splitlines()
    while not any("petition.accepted" in line for line in lines):
        lines = (await told()).splitlines()
    assert any(f"…{filed.id[-8:]}#1 petition.submitted 居民提出 (representative)" in line for line in lines)
    assert not [line for line in lines if "reference.recorded" in line]
    assert "王小明" not in "".join(lines)
    away = await run("deploy.local.topics", "", env={**env, "THROUGH_TRAIN_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    assert away.returncode == 1
    assert "No broker answers at 127.0.0.1:9" in away.stderr


async def test_logs_are_told_readably_and_an_unknown_one_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "intake.log").write_text(
        '{"timestamp": "2026-11-26T02:00:00.5Z", "level": "warning", "service": "intake", "event": "events wait", '
        '"error": "a b", "events": 3}\nTraceback (most recent call last):\n'
    )
    env = {**os.environ, "TZ": "UTC", "NO_COLOR": "1"}
    ended = await run("deploy.local.logs", str(tmp_path), "intake", env=env)
    assert ended.stdout.splitlines() == [
        '02:00:00.500 intake    warning events wait error="a b" events=3',
        "intake    Traceback (most recent call last):",
    ]
    other = await run("deploy.local.logs", str(tmp_path), "kafka", env=env)
    assert other.returncode == 1
    assert other.stderr == "There is no log of 'kafka'; SERVICE can be intake.\n"
    none = await run("deploy.local.logs", str(tmp_path / "nowhere"), env=env)
    assert "`make run` writes them" in none.stderr


async def test_psql_sees_both_rooms(people: People) -> None:
    ended = await asyncio.to_thread(
        subprocess.run,
        [
            program("psql"),
            people.district.dispatch.settings.database_url.get_secret_value(),
            "-Atc",
            "SHOW search_path",
        ],
        env={**os.environ, "PGOPTIONS": "-c search_path=own,view"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "own,view\n"
