"""The console's ready operations, and what each is sent with, as the console itself fills it in."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

FOLDER: Final = Path(__file__).parents[3] / "gateway" / "console" / "operations"


@dataclass(frozen=True)
class Ready:
    """A ready operation."""

    id: str
    document: str
    title: Mapping[str, str]
    role: str
    variables: Any
    remembers: Sequence[str]

    @classmethod
    def read(cls, file: Path) -> Self:
        about = json.loads(file.with_suffix(".json").read_text())
        unknown = about.keys() - {"title", "role", "variables", "remembers"}
        assert not unknown, unknown
        variables, remembers = about.get("variables", {}), about.get("remembers", [])
        return cls(file.stem, file.read_text(), about["title"], about["role"], variables, remembers)

    @property
    def names(self) -> set[str]:
        """What earlier answers must have left for it."""
        return set(re.findall(r'"\$(\w+)"', json.dumps(self.variables)))

    def filled(self, carried: Mapping[str, str]) -> Any:
        return json.loads(re.sub(r'"\$(\w+)"', lambda found: json.dumps(carried[found[1]]), json.dumps(self.variables)))

    def remembered(self, data: Any) -> dict[str, str]:
        """Return what its answer leaves for later ones."""
        left = {name: _at(data, path) for path, name in (one.split(" as ") for one in self.remembers)}
        positions = [field["position"] for field in data.values() if isinstance(field, dict) and "position" in field]
        return left | ({"position": positions[-1]} if positions else {})


def _at(data: Any, path: str) -> str:
    for key in path.split("."):
        data = data[int(key)] if key.isdigit() else data[key]
    assert isinstance(data, str), path
    return data


def known_from_the_start(today: datetime) -> dict[str, str]:
    """Return what the console can fill in without any answer."""
    from_, to = (today + timedelta(days=days) for days in (-30, 1))
    return {"locale": "zh-CN", "monthAgo": from_.date().isoformat(), "tomorrow": to.date().isoformat()}


READY: Final = [Ready.read(file) for file in sorted(FOLDER.glob("*.graphql"))]
