"""Write department/models.py from the feed's JSON Schemas: `python generate.py FOLDER`.

It needs datamodel-code-generator and ruff. The folder is services/contracts/schemas/department of a Through Train
release. Its schemas repeat what they share, so they are put into one document first; `EVENTS` at the end tells which
model belongs to which `ce_dataschema`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODELS = HERE / "department" / "models.py"
HEADER = '''"""The feed's events as types: written by generate.py, not by hand."""

# pyright: basic
'''
OPTIONS = [
    *("--input-file-type", "jsonschema", "--output-model-type", "msgspec.Struct", "--target-python-version", "3.11"),
    *("--snake-case-field", "--use-schema-description", "--use-single-line-docstring", "--skip-root-model"),
    *("--output-datetime-class", "datetime", "--formatters", "ruff-format", "--disable-timestamp"),
]


def class_name(title: str) -> str:
    """Return what the model of an event is called: WorkOrderAssigned for work_order.assigned."""
    return "".join(word.capitalize() for word in title.replace(".", "_").split("_"))


def one_document(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the schemas of a folder as one, and the models' names by their schemas'."""
    definitions: dict[str, Any] = {}
    models: dict[str, str] = {}
    for file in sorted(folder.glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        definitions |= schema.pop("$defs", {})
        name = models[schema.pop("$id")] = class_name(schema["title"])
        definitions[name] = {**schema, "title": name}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}, models


def models_of(folder: Path) -> str:
    """Return the text of models.py.

    :raises subprocess.CalledProcessError: the generator refused the schemas.
    """
    document, models = one_document(folder)
    with tempfile.TemporaryDirectory(dir=HERE) as scratch:
        schema, module = Path(scratch, "feed.json"), Path(scratch, "models.py")
        schema.write_text(json.dumps(document), encoding="utf-8")
        asked = [sys.executable, "-m", "datamodel_code_generator", "--input", schema, "--output", module, *OPTIONS]
        subprocess.run(asked, check=True)  # noqa: S603
        generated = module.read_text(encoding="utf-8")
    entries = "".join(f'    "{id_}": {name},\n' for id_, name in models.items())
    return f"{HEADER}{generated}\n\nEVENTS: dict[str, type[Struct]] = {{\n{entries}}}\n"


if __name__ == "__main__":
    MODELS.write_text(models_of(Path(sys.argv[1])), encoding="utf-8")
