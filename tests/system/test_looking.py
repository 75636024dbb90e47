"""What developers look into a running system with: the shell, the events, the logs, psql."""

import asyncio
import io
import json
import os
import pty
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import pytest
from rich.console import Console

from deploy.local import logs, looking, topics
from deploy.local.asking import Asker
from deploy.local.settings import ROOT
from deploy.local.shell import Shell, ShellError
from deploy.local.supervisor import held
from tests.support.district import District, eventually
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


def _heeds_interrupts() -> None:
    """Undo what a shell does to whatever it runs in the background, tests too: there Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
        preexec_fn=_heeds_interrupts,
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


async def test_ready_operations_go_on_with_what_earlier_ones_brought(people: People) -> None:
    """File, open with code and secret, and look as the resident, as the console has it."""
    async with aiohttp.ClientSession() as session:
        console = Console(file=io.StringIO(), force_terminal=True, width=200)
        shell = Shell(Asker(people.district.url, session), Path(people.district.servers.keys), console)
        shell.become("department")
        for name, whom in (("03-file-petition", "nobody"), ("05-my-petition", "resident")):
            document = await shell.obey(f"\\run {name}")
            assert shell.user == whom
            assert await shell.say(document), console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
        assert set(shell.known) >= {"petition", "trackingCode", "secret"}
        with pytest.raises(ShellError, match="There is no ready operation"):
            await shell.obey("\\run ../../etc/passwd")
        fresh = Shell(Asker(people.district.url, session), Path(people.district.servers.keys), console)
        with pytest.raises(ShellError, match="No petition's code and secret are known here yet"):
            await fresh.obey("\\run 05-my-petition")


async def test_the_events_are_told_readably(people: People) -> None:
    filed = await people.file("representative")
    (await people.accept(filed)).ok()
    env = environment(people.district)

    async def told() -> str:
        ended = await run("deploy.local.topics", filed.id, env=env)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    async def accepted() -> list[str] | None:
        lines = (await told()).splitlines()
        return lines if any("petition.accepted" in line for line in lines) else None

    lines: list[str] = await eventually(accepted)
    assert any(f"…{filed.id[-8:]}#1 petition.submitted 居民提出 (representative)" in line for line in lines)
    assert not [line for line in lines if "reference.recorded" in line]
    assert "王小明" not in "".join(lines)
    away = await run("deploy.local.topics", "", env={**env, "THROUGH_TRAIN_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    assert away.returncode == 1
    assert "No broker answers at 127.0.0.1:9" in away.stderr


async def test_who_has_read_enough_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "intake.log").write_text("a line of a log\n" * 20)
    command = [sys.executable, "-m", "deploy.local.logs", str(tmp_path), "intake"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert await asyncio.to_thread(running.wait, 60) == 0
        assert running.stderr is not None
        assert running.stderr.read() == b""


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


async def test_psql_is_given_the_password_where_nobody_else_reads_it(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: dict[str, Any] = {}

    def become(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        became.update(program=program, arguments=arguments, environment=environment)
        raise SystemExit

    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("THROUGH_TRAIN_DATA_FOLDER", str(tmp_path))
    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    with held(tmp_path), pytest.raises(SystemExit):
        looking.psql("dispatch", "-c", "SHOW search_path")
    password = became["environment"]["PGPASSWORD"]
    assert password
    assert password not in " ".join(became["arguments"])
    address = urlsplit(people.district.dispatch.settings.database_url.get_secret_value())
    there = {"PGPORT": str(address.port), "PGPASSWORD": unquote(address.password or ""), "PGDATABASE": address.path[1:]}
    ended = await asyncio.to_thread(
        subprocess.run,
        [became["program"], *became["arguments"][1:], "-At"],
        env={**became["environment"], **there},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "own,view\n"


def test_a_departments_feed_is_shown_as_other_events_are() -> None:
    document = json.loads((ROOT / "services" / "contracts" / "asyncapi.json").read_text(encoding="utf-8"))
    example = document["components"]["messages"]["department.work_order.acknowledged.v1"]["examples"][0]
    headers = [(name, value.encode()) for name, value in example["headers"].items()]
    told = topics.shown("department.housing.feed.v1", b"key", json.dumps(example["payload"]).encode(), headers).plain
    number = int(example["headers"]["ce_sequence"])
    assert f"#{number} work_order.acknowledged 签收 (department)" in told
    assert "housing" in told


@pytest.mark.parametrize("text", ["\x1b]52;c;Zm9v\x07", "\x1b[2J", "\x9b2J", "a\rb", "\x7f"])
def test_what_moves_a_terminal_is_spelled_out(text: str) -> None:
    for shown in (logs.shown("intake", text), logs.shown("intake", json.dumps({"event": text, "path": text}))):
        assert not [one for one in shown.plain if unicodedata.category(one) == "Cc"], shown.plain
    told = topics.shown("topic", b"key", b"{}", [("ce_id", text.encode())])
    assert not [one for one in told.plain if unicodedata.category(one) == "Cc"], told.plain
