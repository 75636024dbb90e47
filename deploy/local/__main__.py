"""The command line of the local run; the Makefile's targets are its callers."""

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Never

from cyclopts import App, Parameter

from deploy.local import accounts, looking
from deploy.local.demo.words import here
from deploy.local.district import larger_one_stays
from deploy.local.errors import LocalRunError
from deploy.local.ports import LOOPBACK, require_distinct
from deploy.local.postgres import SERVICES
from deploy.local.process import Command, leashed
from deploy.local.set_up import say_who_runs_the_database, set_up
from deploy.local.settings import ROOT, LocalSettings
from deploy.local.speech import at_the_gateway, console, give_up, read_settings, say
from deploy.local.stack import Stack
from deploy.local.supervisor import Supervisor, held, is_held
from deploy.local.welcome import last_line, welcome
from services.kernel.calendar import SHANGHAI
from services.kernel.domain_clock import FASTEST, DomainClock, set_pace

app = App(name="python -m deploy.local", help="Run the whole system on this machine.")
looking.add_to(app)
_DEMO: Final = [sys.executable, "-m", "deploy.local.demo"]
_AUDIT: Final = [sys.executable, "-m", "deploy.audit"]


def _possible(_: object, speed: float) -> None:
    if not 0 < speed <= FASTEST:
        raise ValueError(f"it must be above zero (time neither stands still nor goes back), and at most {FASTEST:,.0f}")


@app.command
def run(
    *, demo: Annotated[bool | None, Parameter(help="play the demo (default: once per data folder)")] = None
) -> None:
    """Start everything and keep it running until Ctrl-C."""
    settings = read_settings()
    played = settings.data_folder / "demo-played"

    async def when_ready() -> None:
        language = here(sys.stdout.encoding)
        say("everything is ready")
        console.print(welcome(settings, language), markup=False)
        play = demo if demo is not None else not played.exists()
        if play:
            if await _play_demo(settings):
                played.touch()
            console.print(f"\n  {last_line(settings, language)}\n", markup=False)

    async def everything() -> None:
        require_distinct(settings.ports())
        with held(settings.data_folder):
            await set_up(settings)
            say_who_runs_the_database()
            if larger_one_stays(settings):
                say("the full demonstration district was recorded in this data folder, and stays")
            if settings.domain_clock.exists():
                set_pace(settings.domain_clock, 1)  # a demo that was killed may have left it fast
            await Supervisor(Stack(settings).parts(), say=say).run(when_ready)

    _finish(everything())


@app.command
def servers() -> None:
    """Start PostgreSQL and Kafka alone, and print how to reach them."""
    settings = read_settings()
    stack = Stack(settings)

    async def when_ready() -> None:
        console.print(f"POSTGRES={stack.postgres.admin_dsn}\nKAFKA={stack.kafka.bootstrap}", markup=False)

    async def both() -> None:
        require_distinct(settings.server_ports())
        with held(settings.data_folder):
            await set_up(settings)
            await Supervisor(stack.servers(), say=say).run(when_ready)

    _finish(both())


@app.command
def setup() -> None:
    """Download what is missing: Kafka's jars and the gateway's packages."""
    _finish(set_up(read_settings()))


@app.command
def demo(case: str = "", /) -> None:
    """Play a case on the running system: one petition's whole path, `late`, or `departments`."""
    settings = read_settings()
    os.chdir(ROOT)
    environment = {
        **at_the_gateway(settings),
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{settings.kafka_port}",
        "THROUGH_TRAIN_DEPARTMENTS_BOOTSTRAP": f"{LOOPBACK}:{settings.departments_port}",
        "THROUGH_TRAIN_DEPARTMENTS_FOLDER": str(settings.departments_folder),
        "THROUGH_TRAIN_CACHE_FOLDER": str(settings.cache_folder),
        "THROUGH_TRAIN_TOPIC_PREFIX": settings.topic_prefix,
    }
    os.execve(_DEMO[0], [*_DEMO, case], environment)  # noqa: S606


@app.command
def parked(
    service: Literal["intake", "dispatch", "feedback"],
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
) -> None:
    """Operate a service's parked events: list, replay, discard."""
    _operate(service, "parked", *arguments)


@app.command
def rebuild(service: Literal["intake", "dispatch", "feedback"], /) -> None:
    """Rebuild a service's view from the topics, while it goes on serving."""
    _operate(service, "rebuild")


@app.command
def intake(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Operate intake's personal data: rotate-keys, erase."""
    _operate("intake", *arguments)


@app.command
def reference(
    service: Literal["intake", "dispatch"],
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
) -> None:
    """Operate a service's reference data: record, list."""
    _operate(service, "reference", *arguments)


def _operate(service: str, *arguments: str) -> Never:
    settings = read_settings()
    if not settings.keys_folder.exists():
        give_up(f"There is no system in {settings.data_folder} yet: start it with `make run` first.")
    if not is_held(settings.data_folder):
        give_up(f"No system runs on {settings.data_folder}: start it with `make run` first.")
    environment = {
        **os.environ,
        "THROUGH_TRAIN_DATABASE_URL": Stack(settings).postgres.dsn(service),
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{settings.kafka_port}",
        "THROUGH_TRAIN_TOPIC_PREFIX": settings.topic_prefix,
        "THROUGH_TRAIN_KEYS_FOLDER": str(settings.keys_folder),
        "THROUGH_TRAIN_ENVIRONMENT": "development",
        "THROUGH_TRAIN_DOMAIN_CLOCK": str(settings.domain_clock),
    }
    os.chdir(ROOT)
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    os.execve(command[0], command, environment)  # noqa: S606


@app.command
def pace(
    speed: Annotated[
        float, Parameter(help="how many times faster than real time; 1 is real time", validator=_possible)
    ],
    /,
    *,
    minutes: Annotated[float, Parameter(help="after so many of ours it runs like real time again")] = 10,
) -> None:
    """Let the running system's domain time run faster: petitions and deadlines, not tokens and time-outs."""
    settings = read_settings()
    if not is_held(settings.data_folder):
        give_up(f"No system runs on {settings.data_folder}: start it with `make run` first.")
    set_pace(settings.domain_clock, speed, lasting=timedelta(minutes=minutes))
    now = DomainClock(settings.domain_clock)().astimezone(SHANGHAI)
    console.print(f"the domain's time is {now:%Y-%m-%d %H:%M} and runs {speed:g} times as fast as ours")


@app.command
def audit(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True, help="for python -m deploy.audit")]) -> None:
    """Prove on the running system that no open petition lacks a clock, and none ran out unheard."""
    settings = read_settings()
    postgres = Stack(settings).postgres
    try:
        databases = (
            {service: postgres.dsn(service) for service in SERVICES} if any(_listed(settings.keys_folder)) else {}
        )
    except PermissionError:
        give_up(f"The passwords in {settings.keys_folder} are not for you to read: ask who ran `make run`.")
    if not databases:
        give_up(f"Nothing has been run in {settings.data_folder} yet: `make run` does.")
    environment = {
        **os.environ,
        **{f"THROUGH_TRAIN_AUDIT_{service.upper()}_URL": url for service, url in databases.items()},
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{settings.kafka_port}",
        "THROUGH_TRAIN_TOPIC_PREFIX": settings.topic_prefix,
        "THROUGH_TRAIN_DOMAIN_CLOCK": str(settings.domain_clock),
    }
    os.chdir(ROOT)
    os.execve(_AUDIT[0], [*_AUDIT, *arguments], environment)  # noqa: S606


@app.command
def account(
    department: str,
    /,
    *,
    withdraw: Annotated[bool, Parameter(help="take the login and all its rights away again", negative="")] = False,
) -> None:
    """Give a department a login at the running broker, for its own feed alone; again, a new password."""
    settings = read_settings()
    if not is_held(settings.data_folder):
        give_up(f"No system runs on {settings.data_folder}: start it with `make run` first.")
    if not settings.departments_port:
        give_up("The broker has no listener for departments: set THROUGH_TRAIN_DEPARTMENTS_PORT, and start again.")
    kafka = Stack(settings).kafka
    try:
        if withdraw:
            accounts.close_account(kafka.bootstrap, department, topic_prefix=settings.topic_prefix)
            say(f"{accounts.username(department, settings.topic_prefix)} cannot log in any more")
            return
        opened = accounts.open_account(kafka.bootstrap, department, topic_prefix=settings.topic_prefix)
    except accounts.AccountError as error:
        give_up(str(error))
    console.print(
        f"KAFKA={kafka.departments_bootstrap}\nUSERNAME={opened.username}\nPASSWORD={opened.password}\n"
        f"TOPIC={opened.topic}\nGROUP={opened.group_prefix}desk",
        markup=False,
    )


@app.command
def token(role: str) -> None:
    """Print the token of a role's demo user, and nothing else."""
    keys = read_settings().keys_folder
    try:
        next(keys.iterdir(), None)
    except PermissionError:
        give_up(f"The keys in {keys} are not for you to read: ask who ran `make run`, or run as that user.")
    except OSError:
        give_up(f"There are no keys in {keys} yet: `make run` makes them.")
    os.chdir(ROOT)
    module = "services.kernel.auth.development"
    os.execv(sys.executable, [sys.executable, "-m", module, "token", role, "--keys", str(keys)])  # noqa: S606


@app.command
def clean_data() -> None:
    """Remove the local run's databases, topics, keys and logs."""
    settings = read_settings()
    stack = Stack(settings)

    async def remove() -> None:
        with held(settings.data_folder):
            await stack.postgres.remove()
            await stack.kafka.remove()
            # Only what is ours goes: the folder may be one that holds other things too.
            for folder in (
                settings.keys_folder,
                settings.logs_folder,
                settings.pids_folder,
                settings.district_folder,
                settings.departments_folder,
            ):
                shutil.rmtree(folder, ignore_errors=True)
            settings.domain_clock.unlink(missing_ok=True)
            for file in ("demo-played", "lock"):
                (settings.data_folder / file).unlink(missing_ok=True)
        if not any(settings.data_folder.iterdir()):
            settings.data_folder.rmdir()

    _finish(remove())


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing if there is none."""
    return list(folder.iterdir()) if folder.is_dir() else []


async def _play_demo(settings: LocalSettings) -> bool:
    command = Command("demo", _DEMO)
    player = await asyncio.create_subprocess_exec(
        *leashed(command), cwd=ROOT, env=at_the_gateway(settings), stdin=asyncio.subprocess.DEVNULL
    )
    code = await player.wait()
    if code != 0:
        say(f"the demo failed with code {code} (see above); the system keeps running, `make demo` tries again")
    return code == 0


def _finish(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except LocalRunError as error:
        give_up(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        give_up(f"The disk is full ({error.filename or 'where we write'}): make room there and start again.")
    except KeyboardInterrupt:  # during the set-up, before the supervisor takes the signals
        sys.exit(130)


if __name__ == "__main__":
    app()
