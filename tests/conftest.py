"""What every test may ask for: the run's servers, and districts on them."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from tests.support import servers as run_servers
from tests.support.district import District, district
from tests.support.servers import Servers
from tests.support.stuck import waiting

_HERE = Path(__file__).parent
_FOLDER = "THROUGH_TRAIN_TEST_FOLDER"
_OURS: Final = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's folder once; workers inherit it."""
    if not hasattr(config, "workerinput"):
        try:
            run_servers.chosen(os.environ)
        except ValueError as wrong:
            raise pytest.UsageError(str(wrong)) from None
        config.stash[_OURS] = folder = Path(tempfile.mkdtemp(prefix="through-train-test-"))
        os.environ[_FOLDER] = str(folder)
        os.environ["THROUGH_TRAIN_TEST_OWNER"] = str(os.getpid())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what is about other servers than the run's."""
    left_out = run_servers.LEFT_OUT[run_servers.chosen(os.environ)]
    return True if collection_path.relative_to(run_servers.ROOT).as_posix() in left_out else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's servers when the last worker is done."""
    if (folder := config.stash.get(_OURS, None)) is not None:
        run_servers.release(folder)
        shutil.rmtree(folder, ignore_errors=True)


def pytest_exception_interact(call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Tell of a test that has hung where it did: the traceback ends in the event loop, which says nothing."""
    if call.excinfo is not None and str(call.excinfo.value).startswith("Timeout"):
        report.sections.append(("what the coroutines wait for", waiting()))


_SERIAL: Final = ("tests/faults/", "test_servers.py", "test_supervisor.py", "test_gateway_process.py")
"""Where tests stop or kill servers of their own."""

_TOGETHER: Final = ("tests/service/", "tests/system/", "tests/containers/")
"""Where the tests of a module share what they have started."""


class _Rooms(LoadScopeScheduling):
    """Keeps a module's tests on one worker, where they share a district; those marked serial go one after another."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        if any(name in path for name in _SERIAL):
            return "serial"
        return path if any(name in path for name in _TOGETHER) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand out tests by module (xdist's own groups do nothing here: pytest 9.2 does not read the ids they set)."""
    return _Rooms(config, log)


@pytest.fixture(scope="session")
def servers() -> Servers:
    """One PostgreSQL and one broker for the whole run."""
    return run_servers.obtain(Path(os.environ[_FOLDER]), int(os.environ["THROUGH_TRAIN_TEST_OWNER"]))


@pytest.fixture(scope="module")
async def through_train(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """All three services and the gateway; each module has its own."""
    wirings = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
    async with district(servers, wirings, folder=tmp_path_factory.mktemp("gateway"), gateway=True) as world:
        yield world


@pytest.fixture(scope="module")
async def intake_alone(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """Intake alone: what the others would say is published by the test."""
    async with district(servers, {"intake": INTAKE}, folder=tmp_path_factory.mktemp("intake"), gateway=False) as world:
        yield world


@pytest.fixture(scope="module")
async def dispatch_alone(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """Dispatch alone: what the others would say is published by the test."""
    folder = tmp_path_factory.mktemp("dispatch")
    async with district(servers, {"dispatch": DISPATCH}, folder=folder, gateway=False) as world:
        yield world


@pytest.fixture(scope="module")
async def feedback_alone(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """Feedback alone: what the others would say is published by the test."""
    folder = tmp_path_factory.mktemp("feedback")
    async with district(servers, {"feedback": FEEDBACK}, folder=folder, gateway=False) as world:
        yield world
