"""GraphQL from the terminal, as any demo user: `make shell ROLE=street_committee`.

At a terminal one types operations, with history and completion; else what comes on stdin (or QUERY) is asked once and
the answer is printed as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
from graphql import GraphQLNamedType, GraphQLObjectType, GraphQLSchema, build_client_schema, get_introspection_query
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.graphql import GraphQLLexer
from rich.console import Console
from rich.markup import escape

from deploy.local.asking import Asker, NotAnsweringError, is_subscription
from deploy.local.settings import ROOT
from deploy.local.speech import harmless
from services.kernel.auth.development import DEMO_USERS, ROLE_NAMES, sign

OPERATIONS: Final = ROOT / "gateway" / "console" / "operations"
NOBODY: Final = "nobody"
RESIDENT: Final = "resident"
_OPEN: Final = "mutation Open($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
_HELP: Final = """\
  Type an operation; Enter sends it once its braces are closed. Ctrl-C leaves a line or a subscription,
  Ctrl-D the shell.
  \\me [USER]       whom one is; with a name: become somebody else (`\\me` lists them; nobody has no token)
  \\vars [JSON]     variables for what comes next: \\vars {"id": "…"}
  \\type NAME       what a type, or one of Query, Mutation, Subscription, has
  \\ops, \\run NAME  the console's ready operations; one of them is put on the line, to be completed and sent"""


class ShellError(Exception):
    """What was typed cannot be done; says what would."""


@dataclass
class Shell:
    """Who one is, what was said so far, and where it is said."""

    asker: Asker
    keys: Path
    console: Console
    user: str = NOBODY
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    schema: GraphQLSchema | None = None
    known: dict[str, Any] = field(default_factory=dict[str, Any])
    """What answers brought that later ready operations ask for: `petition`, `workOrder` …"""
    remembers: Sequence[str] = ()
    """Where the present ready operation's answer has such things: `submitPetition.petitionId as petition`."""

    def become(self, user: str) -> None:
        """Become a demo user.

        :raises ShellError: there is no such user.
        """
        if user != NOBODY and user not in DEMO_USERS:
            raise ShellError(f"There is no demo user {user!r}; choose one of {', '.join((NOBODY, *DEMO_USERS))}.")
        self.user = user
        self.asker.token = None if user == NOBODY else sign(self.keys, user)

    async def say(self, document: str) -> bool:
        """Send an operation and print what comes of it; tell whether all went well."""
        if not is_subscription(document):
            answer = await self.asker.ask(document, self.variables)
            self._remember(answer.get("data"))
            self.print(answer)
            return not answer.get("errors")
        well = True
        async for answer in self.asker.follow(document, self.variables):
            self.print(answer)
            well = not answer.get("errors")
        return well

    def _remember(self, data: object) -> None:
        for path, _, name in (one.partition(" as ") for one in self.remembers):
            found = data
            for key in path.split("."):
                if isinstance(found, list):
                    found = cast(list[object], found)[-1] if found else None
                found = cast(Mapping[str, object], found).get(key) if isinstance(found, dict) else None
            if found is not None:
                self.known[name] = found

    def print(self, answer: Mapping[str, Any]) -> None:
        """Print an answer: as JSON, coloured where there are colours, and each refusal in a line."""
        if not self.console.is_terminal:
            self.console.file.write(json.dumps(answer, ensure_ascii=False) + "\n")
            self.console.file.flush()
            return
        if answer.get("data") is not None:
            self.console.print_json(harmless(json.dumps(answer["data"], ensure_ascii=False)), ensure_ascii=False)
        errors: list[dict[str, Any]] = answer.get("errors") or []
        for error in errors:
            extensions: dict[str, Any] = error.get("extensions") or {}
            where = ".".join(str(key) for key in error.get("path") or ())
            code, message = escape(harmless(str(extensions.get("code", "?")))), escape(harmless(str(error["message"])))
            self.console.print(f"[bold red]{code}[/bold red] {message} [dim]{where}[/dim]")

    async def learn(self) -> GraphQLSchema | None:
        """Ask for the schema, for completion and documentation; without one (production) there is neither."""
        if self.schema is None:
            answer = await self.asker.ask(get_introspection_query(), {})
            self.schema = build_client_schema(answer["data"]) if answer.get("data") else None
        return self.schema

    async def obey(self, line: str) -> str:
        """Do what a line that begins with a backslash says; return what is put on the next line.

        :raises ShellError: it means nothing here.
        """
        word, _, rest = line[1:].strip().partition(" ")
        match word:
            case "me" if rest:
                self.become(rest.strip())
            case "me":
                self._list_users()
            case "vars" if rest:
                self.variables = _variables(rest)
            case "vars":
                self.console.print_json(json.dumps(self.variables, ensure_ascii=False), ensure_ascii=False)
            case "type":
                await self._describe(rest.strip() or "Query")
            case "ops":
                for path in sorted(OPERATIONS.glob("*.graphql")):
                    self.console.print(f"  {path.stem:28} {_title(path)}", markup=False)
            case "run":
                return await self._ready(rest.strip())
            case _:
                self.console.print(_HELP, markup=False)
        return ""

    def _list_users(self) -> None:
        for name, user in DEMO_USERS.items():
            mark = "→" if name == self.user else " "
            zh, en = ROLE_NAMES[user.role]
            self.console.print(f" {mark} {name:32} {zh} {user.zh}  ({en} {user.en})".rstrip(), markup=False)
        self.console.print(f" {'→' if self.user == NOBODY else ' '} {NOBODY}", markup=False)

    async def _describe(self, name: str) -> None:
        schema = await self.learn()
        found: GraphQLNamedType | None = schema.type_map.get(name) if schema else None
        if found is None:
            raise ShellError(f"There is no type {name!r}; \\type Query shows where to begin.")
        if found.description:
            self.console.print(f"  {found.description}", style="italic", markup=False)
        for field_name, its in sorted(getattr(found, "fields", {}).items()):
            first = (its.description or "").partition("\n")[0]
            arguments = ", ".join(f"{a}: {its.args[a].type}" for a in getattr(its, "args", {}))
            self.console.print(f"  {field_name}{f'({arguments})' if arguments else ''}: {its.type}", markup=False)
            if first:
                self.console.print(f"      {first}", style="dim", markup=False)
        for value in getattr(found, "values", {}):
            self.console.print(f"  {value}", markup=False)

    async def _become_whom(self, role: str) -> None:
        """Become whom a ready operation is for; a resident is one by code and secret of the petition in hand."""
        if role != RESIDENT:
            self.become(role)
            return
        given = {name: self.known.get(name) for name in ("trackingCode", "secret")}
        if None in given.values():
            raise ShellError("No petition's code and secret are known here yet: \\run 03-file-petition first.")
        answer = await self.asker.ask(_OPEN, {"input": given})
        if not answer.get("data"):
            raise ShellError(f"The petition cannot be opened: {answer['errors'][0]['message']}")
        self.user, self.asker.token = RESIDENT, answer["data"]["openPetition"]["token"]

    async def _ready(self, name: str) -> str:
        found = sorted(OPERATIONS.glob(f"*{name}*.graphql")) if name.replace("-", "").isalnum() else []
        if not found:
            raise ShellError(f"There is no ready operation {name!r}; \\ops lists them.")
        beside: dict[str, Any] = json.loads(found[0].with_suffix(".json").read_text(encoding="utf-8"))
        await self._become_whom(beside.get("role") or NOBODY)
        self.remembers = beside.get("remembers") or ()
        self.variables = filled(beside.get("variables") or {}, {"locale": "zh-CN", **_of_today(), **self.known})
        said = json.dumps(self.variables, ensure_ascii=False)
        if self.console.is_terminal:
            self.console.print(f"as {self.user}, with \\vars {said}", markup=False)
        return found[0].read_text(encoding="utf-8").strip()


def filled(given: Any, known: Mapping[str, Any]) -> Any:
    """Return variables with what is known in place of `$name`; what is not known yet stays as it is, to be seen."""
    match given:
        case str() if given.startswith("$"):
            return known.get(given[1:], given)
        case dict():
            return {key: filled(value, known) for key, value in cast(dict[str, Any], given).items()}
        case list():
            return [filled(value, known) for value in cast(list[Any], given)]
        case _:
            return given


def _of_today() -> dict[str, str]:
    today = datetime.now(UTC).date()
    return {"monthAgo": str(today - timedelta(days=30)), "tomorrow": str(today + timedelta(days=1))}


def _variables(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise ShellError(f'Variables are one JSON object, like {{"id": "…"}}: {error}.') from error
    if not isinstance(found, dict):
        raise ShellError('Variables are one JSON object, like {"id": "…"}.')
    return cast(dict[str, Any], found)


def _title(path: Path) -> str:
    title = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["title"]
    return f"{title['zh']}  {title['en']}"


def closed(text: str) -> bool:
    """Tell whether every brace and parenthesis of an operation is closed, so that Enter may send it."""
    return text.lstrip().startswith("\\") or (
        bool(text.strip()) and text.count("{") == text.count("}") and text.count("(") == text.count(")")
    )


def words(schema: GraphQLSchema | None) -> list[str]:
    """Return what completion offers: fields, types, and our commands."""
    known = {"query", "mutation", "subscription", "\\me", "\\vars", "\\type", "\\ops", "\\run"}
    for name, type_ in (schema.type_map if schema else {}).items():
        if not name.startswith("__"):
            known.add(name)
            known.update(type_.fields if isinstance(type_, GraphQLObjectType) else ())
    return sorted(known)


def _keys() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    @bindings.add("c-j")  # what was typed ahead of the prompt comes with the terminal's own line ends
    def enter(event: KeyPressEvent) -> None:  # pyright: ignore[reportUnusedFunction]
        buffer = event.current_buffer
        if closed(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings


async def converse(shell: Shell, history: Path) -> None:
    """Take one operation after another from the terminal."""
    history.touch(0o600)  # a secret may be typed
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)),
        completer=WordCompleter(words(await shell.learn()), pattern=None),
        complete_while_typing=False,
        lexer=PygmentsLexer(GraphQLLexer),
        multiline=True,
        key_bindings=_keys(),
    )
    shell.console.print(f"{shell.asker.url} as {shell.user}.  \\? says what can be done here.", markup=False)
    line = ""
    while True:
        try:
            text = (await prompt.prompt_async(f"{shell.user}> ", default=line)).strip()
            line = ""
            if text.startswith("\\"):
                line = await shell.obey(text)
            elif text:
                await _interruptible(shell, text)
        except (ShellError, NotAnsweringError) as error:
            shell.console.print(f"[bold red]✗[/bold red] {escape(str(error))}")
        except KeyboardInterrupt:
            line = ""
        except EOFError:
            return


async def _interruptible(shell: Shell, document: str) -> None:
    """Send an operation; Ctrl-C ends it and not the shell."""
    sending = asyncio.create_task(shell.say(document))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, sending.cancel)
    try:
        await sending
    except asyncio.CancelledError:
        shell.console.print("[dim]ended[/dim]")
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def run(url: str, keys: Path, user: str, query: str | None) -> bool:
    """Answer one operation, or converse; tell whether all went well."""
    console = Console(highlight=False, soft_wrap=True)
    async with aiohttp.ClientSession() as session:
        shell = Shell(Asker(url, session), keys, console)
        shell.become(user)
        if query is None and sys.stdin.isatty():
            await converse(shell, keys.parent / "shell-history")
            return True
        given = query if query is not None else sys.stdin.read()
        if given.lstrip().startswith("\\"):
            given = await shell.obey(given.strip())
        return await shell.say(given) if given else True


def main() -> None:
    """Run the shell.

    :raises SystemExit: with 1 when an operation was refused, and with a sentence when nothing answers.
    """
    url = os.environ.get("THROUGH_TRAIN_GATEWAY_URL", "http://127.0.0.1:4000/graphql")
    keys = Path(os.environ.get("THROUGH_TRAIN_KEYS_FOLDER", ".data/keys"))
    user = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else NOBODY
    try:
        well = asyncio.run(run(url, keys, user, os.environ.get("THROUGH_TRAIN_QUERY") or None))
    except ShellError as error:
        sys.exit(str(error))
    except NotAnsweringError as error:
        sys.exit(f"{error} Start the system with `make run` first.")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
