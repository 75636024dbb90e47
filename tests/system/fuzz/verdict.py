"""What an answer must be, whatever was asked."""

import json
import re
from pathlib import Path
from typing import Any, Final, NoReturn

from deploy.local.settings import ROOT

CODES: Final = frozenset(json.loads(Path(ROOT, "gateway", "error-codes.json").read_text(encoding="utf-8")))
"""The list of codes as the gateway keeps it."""
BUGS: Final = frozenset({"INTERNAL", "UNAVAILABLE"})
"""Codes that mean, while nothing is down, that somebody made a mistake here."""
_JSON: Final = ("application/json", "application/graphql-response+json")
_LEAKS: Final = re.compile(r"Traceback|asyncpg|psycopg|/services/|\.py\b|node_modules|127\.0\.0\.1|own\.[a-z]+_")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def findings(status: int, content_type: str, body: bytes) -> list[str]:
    """Return what is wrong with an answer, by kinds."""
    found: list[str] = []
    if status >= 500:
        found.append(f"status {status}")
    if content_type not in _JSON:
        return [*found, f"content type {content_type or 'none'}"]
    try:
        answer: Any = json.loads(body.decode(), parse_constant=_no_constant)
    except ValueError:
        return [*found, "no JSON"]
    if not isinstance(answer, dict) or not {*answer} <= {"data", "errors", "extensions"}:
        return [*found, "not GraphQL's shape"]
    errors: Any = answer.get("errors")
    if errors is None:
        return found if isinstance(answer.get("data"), dict) else [*found, "neither data nor errors"]
    if not isinstance(errors, list) or not errors:
        return [*found, "errors that are no list"]
    return [*found, *(wrong for error in errors for wrong in _wrong(error))]


def _wrong(error: Any) -> list[str]:
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return ["an error without a message"]
    code = (error.get("extensions") or {}).get("code")
    found: list[str] = []
    if code not in CODES:
        found.append(f"an error with the code {code}: {error['message'][:80]}")
    if code in BUGS:
        found.append(f"{code} at {'.'.join(str(part) for part in error.get('path') or [])}")
    if _LEAKS.search(error["message"]):
        found.append(f"an error that tells how it is made: {error['message'][:120]}")
    return found
