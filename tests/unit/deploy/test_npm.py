"""The gateway's packages are installed by one process at a time, whoever else begins to."""

import asyncio
import json
import sys
from pathlib import Path

_INSTALL = """
import asyncio, sys
from pathlib import Path
from deploy.local.node import find_node, install_packages
asyncio.run(install_packages(find_node(), Path(sys.argv[1]), Path(sys.argv[2])))
"""


async def test_two_that_log_in_different_places_do_not_install_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    (folder / "inner").mkdir(parents=True)
    inner, outer = {"name": "inner", "version": "1.0.0"}, {"name": "outer", "version": "1.0.0"}
    outer_needs = {**outer, "dependencies": {"inner": "file:inner"}}
    places = {"": outer_needs, "inner": inner, "node_modules/inner": {"resolved": "inner", "link": True}}
    lock = {**outer, "lockfileVersion": 3, "requires": True, "packages": places}
    for file, what in (("package.json", outer_needs), ("package-lock.json", lock), ("inner/package.json", inner)):
        (folder / file).write_text(json.dumps(what))
    logs = [tmp_path / "run", tmp_path / "test"]
    for place in logs:
        place.mkdir()
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _INSTALL, str(place), str(folder)) for place in logs
    ]
    assert [await process.wait() for process in both] == [0, 0]
    installed = [place for place in logs if (place / "npm.log").read_text()]
    assert len(installed) == 1
