"""Every query and every command of the documentation does what the page says."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from deploy.local.settings import ROOT
from services.kernel.auth.development import DEMO_USERS
from tests.support.breakable import breakable
from tests.support.district import District
from tests.support.people import CLOSE, People
from tests.system.words.blocks import PAGES, Block, Example, blocks_of, examples, objects
from tests.system.words.commands import ELSEWHERE, commands, elsewhere, environment, would_do
from tests.system.words.likeness import differences, plain
from tests.system.words.stage import CODE, PETITION, Stage

WITHIN = 60.0
LONGEST = 40
"""Lines of an example that is to be read."""
CURL_STOPPED = 28
"""What curl ends with when `--max-time` is over, as a stream's reader means it."""

QUERIES = [(page, "graphql") for page in PAGES if any(examples(page, "graphql"))]
COMMANDS = [(page, "bash") for page in PAGES if any(examples(page, "bash"))]
MARKS = {
    "graphql": re.compile(r"as:\S+"),
    "json": re.compile("answer|variables|example"),
    "text": re.compile("answer|example"),
    "python": re.compile(r"file:\S+"),
    "bash": re.compile(""),
    "mermaid": re.compile(""),
}


@pytest.fixture(scope="module")
async def stage(through_train: District) -> Stage:
    return await Stage.played(through_train)


@pytest.fixture(scope="module")
def shell(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the pages' commands are run."""
    folder, district = tmp_path_factory.mktemp("words"), stage.district
    for name in ("data", "logs"):
        (folder / name).mkdir()
    (folder / "logs" / "gateway.log").write_text('{"level": "info", "event": "listening"}\n')
    world = {
        "gateway": district.url,
        "keys": str(district.servers.keys),
        "kafka": district.servers.bootstrap,
        "departments": district.servers.departments,
        "prefix": district.prefix,
        "data": str(folder / "data"),
        "logs": str(folder / "logs"),
        **{name: one.settings.database_url.get_secret_value() for name, one in district.services.items()},
    }
    return environment(folder, world)


def test_every_block_says_how_it_is_run() -> None:
    for page in PAGES:
        for block in blocks_of(page):
            form = MARKS.get(block.language)
            assert form is not None, f"{block}: nothing runs {block.language!r}"
            assert form.fullmatch(" ".join(block.marks)), f"{block}: {block.marks}"
            if who := block.mark("as"):
                assert who in {"nobody", "resident", *DEMO_USERS}, f"{block}: nobody is {who}"


def test_every_answer_belongs_to_a_question() -> None:
    answered = {
        str(example.answer)
        for page in PAGES
        for language in ("graphql", "bash")
        for example in examples(page, language)
        if example.answer
    }
    answers = {str(block) for page in PAGES for block in blocks_of(page) if "answer" in block.marks}
    assert answers == answered


@pytest.mark.parametrize("page", [page for page, _ in QUERIES])
async def test_each_query_is_answered_as_the_page_says(stage: Stage, page: str) -> None:
    wrong: list[str] = []
    for example in examples(page, "graphql"):
        assert example.answer is not None, f"{example.block} shows no answer"
        written = objects(stage.real(example.answer.text))
        told = await stage.ask(
            stage.real(example.block.text),
            json.loads(stage.real(json.dumps(example.variables))),
            who=example.block.mark("as") or "",
            most=len(written),
        )
        faults = list(differences(told, written))
        if faults:
            wrong += [f"{example.block}: {fault}" for fault in faults]
            wrong.append(f"{example.block} is answered:\n{json.dumps(told, ensure_ascii=False)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", [page for page, _ in COMMANDS])
async def test_each_command_does_what_the_page_says(stage: Stage, shell: dict[str, str], page: str) -> None:
    async def try_out(example: Example) -> None:
        here = [one for one in commands(example.block.text) if elsewhere(one) is None]
        code, said = await run(stage.real("\n".join(here)), shell)
        assert code == 0 or (code == CURL_STOPPED and "--max-time" in example.block.text), f"{example.block}:\n{said}"
        if example.answer is None:
            return
        if example.answer.language == "json":
            faults = list(differences(objects(said), objects(stage.real(example.answer.text))))
            assert not faults, f"{example.block}: {faults}\n{said}"
        else:
            assert plain(said) == plain(stage.real(example.answer.text)), f"{example.block}:\n{said}"

    await asyncio.gather(*map(try_out, examples(page, "bash")))


async def run(script: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a script, and return its exit status and what it said."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euc", script.replace(".venv/bin/python", shlex.quote(sys.executable))),
        cwd=ROOT,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN):
            said, complained = await shell.communicate()
    finally:
        if shell.returncode is None:
            shell.kill()
    assert shell.returncode is not None
    return shell.returncode, said.decode() or complained.decode()


def test_commands_that_are_not_run_here_are_the_makefiles_and_are_tried_elsewhere() -> None:
    used: set[str] = set()
    for page in PAGES:
        for example in examples(page, "bash"):
            for command in commands(example.block.text):
                if elsewhere(command) is not None:
                    assert would_do(shlex.split(command)[1:]), command
                    used.add(next(start for start in ELSEWHERE if re.match(rf"{start}(?!\S)", command)))
    assert used == ELSEWHERE.keys(), "the list names what no page has"
    assert all((ROOT / test).exists() for test in ELSEWHERE.values())


def test_commands_within_sentences_are_the_makefiles() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (*PAGES, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "gateway/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for options in re.findall(r"`make ((?:-\w )?[a-z][^`]*)`", text):
            named = [word for word in options.split() if re.fullmatch("[a-z][a-z-]*", word)][:1]
            assert set(named) <= targets, f"{page} speaks of `make {options}`"


async def lines_of(process: asyncio.subprocess.Process, until: str) -> list[str]:
    """Return what a program says, up to a line that holds a text."""
    assert process.stdout is not None
    found: list[str] = []
    async with asyncio.timeout(WITHIN):
        while not found or until not in found[-1]:
            line = await process.stdout.readline()
            assert line, f"it ended after {found}"
            found.append(line.decode())
    return found


async def program(block: Block, folder: Path, *arguments: str, **env: str) -> asyncio.subprocess.Process:
    file = folder / (block.mark("file") or "")
    file.write_text(block.text, encoding="utf-8")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, file, *arguments),
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def written(name: str) -> Block:
    [block] = [one for page in PAGES for one in blocks_of(page) if one.mark("file") == name]
    assert block.text.count("\n") <= LONGEST, "it is meant to be read"
    return block


async def test_the_client_misses_nothing_and_tells_nothing_twice_when_its_connection_breaks(
    stage: Stage, tmp_path: Path
) -> None:
    people = People(stage.district)
    filed, _, replied = await people.replied()
    gateway = int(stage.district.url.split(":")[2].split("/")[0])
    async with breakable(gateway) as (port, cut):
        client = await program(
            written("follow.py"),
            tmp_path,
            filed.id,
            TOKEN=stage.district.token("street_committee"),
            GATEWAY=f"ws://127.0.0.1:{port}/graphql",
        )
        try:
            told = await lines_of(client, "'Replied'")
            cut()
            (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()
            told += await lines_of(client, "Visit recorded")
            cut()
            (await people.do(CLOSE, "street_committee", petitionId=filed.id)).ok()
            told += await lines_of(client, "'Closed'")
        finally:
            client.kill()
            await client.wait()
    assert len(told) == len(set(told)), "told twice"
    for service in ("INTAKE", "DISPATCH", "FEEDBACK"):
        numbers = [int(found[1]) for line in told if (found := re.search(rf"'{service}', 'sequence': (\d+)", line))]
        assert numbers == list(range(1, len(numbers) + 1)), service


async def test_the_client_ends_with_a_word_when_it_is_refused(stage: Stage, tmp_path: Path) -> None:
    stranger = stage.token("street_committee.dewu") or ""
    client = await program(
        written("follow.py"),
        tmp_path,
        stage.cast[PETITION],
        TOKEN=stranger,
        GATEWAY=stage.district.url.replace("http", "ws"),
    )
    _, complained = await asyncio.wait_for(client.communicate(), WITHIN)
    assert client.returncode == 1
    assert complained.decode().startswith("refused: ")


async def test_the_reader_of_the_topics_tells_what_concerns_a_department(stage: Stage, tmp_path: Path) -> None:
    district = stage.district
    reader = await program(
        written("tell.py"), tmp_path, "housing", KAFKA=district.servers.bootstrap, PREFIX=district.prefix
    )
    said, complained = await asyncio.wait_for(reader.communicate(), WITHIN)
    assert reader.returncode == 0, complained.decode()
    types = [line.split()[2] for line in said.decode().splitlines()]
    assert {"work_order.assigned", "petition.replied", "visit.recorded", "petition.closed"} <= set(types)
    assert "petition.accepted" not in types


async def test_the_address_bar_of_the_pages_is_the_petition_of_the_stage(stage: Stage) -> None:
    """What the pages write is exchanged: a page with another petition's code would be answered NOT_FOUND."""
    codes = {
        code
        for page in PAGES
        for block in blocks_of(page)
        if block.language in {"graphql", "bash"}
        for code in re.findall(r'trackingCode: \\?"([^"\\]+)', block.text)
    }
    assert codes == {CODE}
