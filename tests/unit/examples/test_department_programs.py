"""The example departments are what they claim: of their own, generated from the contracts, and short."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from deploy.local.settings import ROOT
from tests.support.programs import NODE, PYTHON

SCHEMAS = ROOT / "services" / "contracts" / "schemas" / "department"
LONGEST = 100


def by_path(file: Path) -> ModuleType:
    name = f"example_department_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)  # where msgspec looks its types up
    spec.loader.exec_module(module)
    return module


def test_the_models_are_what_the_schemas_give() -> None:
    generate = by_path(PYTHON / "generate.py")
    assert generate.models_of(SCHEMAS) == generate.MODELS.read_text(encoding="utf-8")


def test_every_event_of_the_feed_has_a_model_that_reads_its_example() -> None:
    models = by_path(PYTHON / "department" / "models.py")
    schemas = [json.loads(file.read_text(encoding="utf-8")) for file in SCHEMAS.glob("*.json")]
    assert {schema["$id"] for schema in schemas} == models.EVENTS.keys()
    for schema in schemas:
        [example] = schema["examples"]
        read: Any = msgspec.json.decode(json.dumps(example), type=models.EVENTS[schema["$id"]])
        assert {name: it for name, it in msgspec.to_builtins(read).items() if it != []} == example


def imported(folder: Path) -> Iterator[str]:
    """Yield the packages that a folder's modules import, without the standard library's."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            yield from (name.split(".")[0] for name in names)


def test_the_python_program_imports_nothing_of_ours_and_no_more_than_it_asks_for() -> None:
    asked = (PYTHON / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = {re.split("[<>=]", line)[0] for line in asked}
    assert set(imported(PYTHON / "department")) - sys.stdlib_module_names - {"department", "__future__"} == packages
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    assert all(re.search(rf"^{package}==", locked, re.MULTILINE) for package in packages)


def test_what_the_programs_send_is_registered_with_the_product_word_for_word() -> None:
    registered = {file.read_bytes() for file in (ROOT / "gateway" / "operations" / "integrators").glob("*.graphql")}
    sent = [*PYTHON.glob("department/operations/*"), *NODE.glob("operations/*")]
    assert {file.read_bytes() for file in sent} <= registered
    assert all(f" {file.stem}(" in file.read_text(encoding="utf-8") for file in sent)
    desk = (PYTHON / "department" / "desk.py").read_text(encoding="utf-8")
    node = (NODE / "department.mjs").read_text(encoding="utf-8")
    mutations = {file.stem for file in sent} - {"feed"}
    assert all(f'"{mutation}"' in desk for mutation in mutations)
    assert {file.stem for file in NODE.glob("operations/*")} == set(re.findall(r"'(\w+WorkOrder)'", node))


def test_the_node_program_has_at_most_a_hundred_lines_and_knows_every_act_of_the_feed() -> None:
    program = (NODE / "department.mjs").read_text(encoding="utf-8")
    assert len(program.splitlines()) <= LONGEST
    assert max(map(len, program.splitlines())) <= 120
    document = json.loads((ROOT / "services" / "contracts" / "asyncapi.json").read_text(encoding="utf-8"))
    names = [name.removeprefix("department.") for name in document["channels"]["department"]["messages"]]
    acts = {name.split(".")[1] for name in names if name.startswith("work_order.")}
    table = program[program.index("const STATES") : program.index("const reply")]
    assert set(re.findall(r"(\w+): '", table)) == acts


@pytest.mark.parametrize("setting", ["TOKEN_FILE", "CA_FILE"])
def test_a_file_that_a_setting_names_and_that_is_not_there_is_told_in_a_sentence(tmp_path: Path, setting: str) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.touch()
    environment = {"DEPARTMENT": "housing", "DATABASE": str(tmp_path / "orders.sqlite"), "TOKEN_FILE": str(there)}
    told = subprocess.run(
        [sys.executable, "-m", "department", "once"],
        cwd=PYTHON,
        env={**environment, setting: str(missing)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stderr == f"{setting} is {missing}, and there is no such file.\n"
    assert told.returncode == 2


def test_a_lock_of_packages_names_no_address() -> None:
    lock = (NODE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in re.sub(r'"(url|node_modules/[^"]*)": "[^"]*"', "", lock)
