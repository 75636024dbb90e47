"""Documents that clients send by their ids: `operations/manifest.json`, from the files beside it and the console's.

The manifest has Apollo's format, so that clients' tools read it. Who edits a file gets a new id, and the released one
stays registered beside it as long as the schema can answer it; but the console's texts are promised to nobody, since
the console sends what it has.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from graphql import GraphQLError, OperationDefinitionNode, build_ast_schema, parse

from gateway import sdl
from gateway.compatibility import Operation, problems_of

FORMAT: Final = "apollo-persisted-query-manifest"
SUFFIX: Final = ".graphql"
CONSOLE: Final = "console"
"""How the names of the console's documents begin."""


class BadOperation(Exception):
    """A file cannot be registered; the message names it and says why."""


def sources(folders: Mapping[str, Path]) -> dict[str, Operation]:
    """Return the documents of folders by their ids; the keys of `folders` begin their names.

    :raises BadOperation: a file is no GraphQL, or has not exactly one operation with a name.
    """
    found: dict[str, Operation] = {}
    for name, folder in folders.items():
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            path = file.relative_to(folder).with_suffix("").as_posix()
            operation = Operation(f"{name}/{path}" if name else path, file.read_text(encoding="utf-8"))
            _named_operation(operation)
            found.setdefault(id_of(operation.body), operation)
    return found


def id_of(body: str) -> str:
    """Return a document's id: the SHA-256 of its UTF-8, in hexadecimal."""
    return hashlib.sha256(body.encode()).hexdigest()


def promised(operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """Return what stays registered once it is released: everybody's but the console's."""
    return {key: one for key, one in operations.items() if not one.name.startswith(f"{CONSOLE}/")}


def still_answered(released: Mapping[str, Operation], supergraph: str) -> dict[str, Operation]:
    schema = build_ast_schema(sdl.api_of(supergraph), assume_valid=True)
    return {key: operation for key, operation in released.items() if not problems_of(operation, schema)}


def manifest(operations: Mapping[str, Operation]) -> str:
    entries = [
        {"id": key, "name": named.name.value if named.name else "", "type": named.operation.value, "file": one.name}
        | {"body": one.body}
        for key, one in sorted(operations.items(), key=lambda pair: (pair[1].name, pair[0]))
        for named in [_named_operation(one)]
    ]
    return json.dumps({"format": FORMAT, "version": 1, "operations": entries}, ensure_ascii=False, indent=2) + "\n"


def read_manifest(file: Path) -> dict[str, Operation]:
    """Return a manifest's documents by their ids; none if there is no manifest."""
    if not file.exists():
        return {}
    read = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
    return {one["id"]: Operation(one["file"], one["body"]) for one in read["operations"]}


def _named_operation(operation: Operation) -> OperationDefinitionNode:
    try:
        document = parse(operation.body)
    except GraphQLError as error:
        raise BadOperation(f"{operation.name}{SUFFIX}: {error.message}") from None
    named = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(named) != 1 or named[0].name is None:
        raise BadOperation(f"{operation.name}{SUFFIX}: it must have one operation, with a name.")
    return named[0]
