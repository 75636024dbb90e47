"""Departments and routing rules that dispatch starts with (demonstration data)."""

from importlib.resources import files

import msgspec

from services.contracts.reference import AnyEntry


def entries() -> list[AnyEntry]:
    """Return the seed entries."""
    return msgspec.json.decode(files(__name__).joinpath("reference.json").read_bytes(), type=list[AnyEntry])
