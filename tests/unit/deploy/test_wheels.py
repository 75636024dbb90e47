"""Python packages by the real pip from an index on loopback: fetched once, whole or not at all."""

import base64
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import wheels
from deploy.local.errors import DownloadFailed, WrongChecksum
from deploy.local.progress import Progress
from deploy.local.settings import ROOT


def a_wheel(name: str, filling: int = 0) -> bytes:
    """Return a wheel whose module is as large as asked for."""
    about = f"{name}-1.0.dist-info"
    content = {
        f"{name}.py": b"#" * filling,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    sums = {
        file: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") for file, data in content.items()
    }
    record = "".join(f"{file},sha256={digest.decode()},\n" for file, digest in sums.items())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path, data in {**content, f"{about}/RECORD": record.encode()}.items():
            file.writestr(path, data)
    return archive.getvalue()


class Index:
    """A package index, which remembers which wheels it was asked for and may stop in the middle of one."""

    def __init__(self, house: Path) -> None:
        self.house = house
        self.wheels: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.stalls_at = ""
        self.requirements = house.parent / "requirements.txt"

    def holds(self, **packages: bytes) -> None:
        """Offer wheels, and lock them."""
        self.wheels = packages
        lines = (
            f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"
            for name, wheel in packages.items()
        )
        self.requirements.write_text("# made by a test\n" + "".join(lines))

    def fetch(self) -> None:
        """Fetch what is locked."""
        wheels.fetch(Path(sys.executable), self.requirements, self.house, Progress(), count=2, size=1)

    def here(self) -> dict[str, bytes]:
        """Return the wheels that count as here."""
        return {wheel.name.partition("-")[0]: wheel.read_bytes() for wheel in self.house.glob("*.whl")}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index, which pip is told of."""
    index = Index(tmp_path / "house")
    index.house.mkdir()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").split("/")[-1].partition("-")[0]
            if not self.path.endswith(".whl"):
                body = f'<a href="/files/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
            else:
                index.asked.append(name)
                body = index.wheels[name]
                self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.path.endswith(".whl") and name == index.stalls_at:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                time.sleep(60)
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield index
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_fetch_that_is_cut_short_goes_on_with_what_is_missing(index: Index, end: signal.Signals) -> None:
    index.holds(one=a_wheel("one"), two=a_wheel("two", 300_000))
    index.stalls_at = "two"
    program = (
        "from pathlib import Path; import sys; from deploy.local import wheels;"
        "from deploy.local.progress import Progress;"
        "wheels.fetch(Path(sys.executable), Path(sys.argv[1]), Path(sys.argv[2]), Progress(), count=2, size=1)"
    )
    command = [sys.executable, "-c", program, index.requirements, index.house]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as fetching:
        deadline = time.monotonic() + 60
        while set(index.asked) != {"one", "two"} or "one" not in index.here():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        fetching.send_signal(end)
    assert set(index.here()) == {"one"}
    index.asked.clear()
    index.stalls_at = ""
    index.fetch()
    assert index.asked == ["two"]
    assert index.here() == index.wheels
    assert list(index.house.glob(".incoming-*")) == []


def test_half_a_wheel_is_fetched_again_and_one_that_nobody_locks_goes(index: Index) -> None:
    index.holds(one=a_wheel("one"), two=a_wheel("two"))
    index.fetch()
    half = next(index.house.glob("one-*"))
    half.write_bytes(half.read_bytes()[:100])
    (index.house / "old-0.9-py3-none-any.whl").write_bytes(b"old")
    index.asked.clear()
    index.fetch()
    assert index.asked == ["one"]
    assert index.here() == index.wheels


def test_what_is_here_is_installed_without_asking_anybody(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.holds(one=a_wheel("one"))
    index.fetch()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    index.fetch()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    wheels.install(python, index.requirements, index.house, Progress())
    subprocess.run([python, "-c", "import one"], check=True)


@pytest.mark.parametrize("retries", ["0", "1"])
def test_who_has_no_network_is_told_which_index_and_how_another_is_named(
    index: Index, monkeypatch: pytest.MonkeyPatch, retries: str
) -> None:
    index.holds(one=a_wheel("one"))
    monkeypatch.setenv("PIP_RETRIES", retries)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(DownloadFailed, match=r"http://127\.0\.0\.1:9/simple could not be reached.*PIP_INDEX_URL") as it:
        index.fetch()
    assert "\n" not in str(it.value)


def test_another_file_than_the_locked_one_is_refused_and_not_kept(index: Index) -> None:
    index.holds(one=a_wheel("one"))
    index.wheels["one"] = a_wheel("one", 1)
    with pytest.raises(WrongChecksum, match="another file than the locked one"):
        index.fetch()
    assert index.here() == {}


def test_a_disk_that_fills_up_is_named(index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    index.holds(one=a_wheel("one"))
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: Could not install: [Errno 28] No space left on device'\nexit 1\n")
    pip.chmod(0o755)
    with pytest.raises(wheels.DiskFull, match=f"The disk of {index.house} is full"):
        wheels.fetch(pip, index.requirements, index.house, Progress(), count=1, size=1)


def test_every_locked_package_has_its_sums() -> None:
    packages = wheels.locked(ROOT / "requirements" / "dev.txt")
    assert len(packages) > 50
    assert all(package.sums for package in packages)
