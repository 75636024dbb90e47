"""Advisory locks: each has a number of its own, or what takes one would wait for what has nothing to do with it."""

from pathlib import Path

import services
from services.kernel.db import Lock


def test_every_advisory_lock_is_in_the_one_list() -> None:
    root = Path(services.__file__).parent
    spelt = {file.relative_to(root).as_posix() for file in root.rglob("*.py") if "0x7454_" in file.read_text("utf-8")}
    assert spelt == {"kernel/db.py"}
    assert len({lock.value for lock in Lock}) == len(Lock.__members__)
