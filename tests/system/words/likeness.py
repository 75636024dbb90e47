"""Whether an answer is what a page says: the same, but for what differs each time and has the same form."""

import re
from collections.abc import Iterator
from typing import Any, Final

_FORMS: Final = {
    "an id": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "an instant": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "a tracking code": re.compile(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}"),
    "a secret": re.compile(r"[0-9A-HJKMNP-TV-Z]{16}"),
    "a token": re.compile(r"[\w-]+\.[\w-]+\.[\w-]+"),
    "a position or cursor": re.compile(r"[A-Za-z0-9_=-]{24,}"),
}
"""The opaque and the changing; the first that fits counts."""


def differences(told: Any, written: Any, where: str = "") -> Iterator[str]:
    """Yield a sentence for each place where an answer is not what the page has written."""
    if isinstance(written, dict) and isinstance(told, dict):
        if written.keys() != told.keys():
            yield f"{where or 'it'} has the fields {sorted(told)}, where the page has {sorted(written)}"
        for name in written.keys() & told.keys():
            yield from differences(told[name], written[name], f"{where}.{name}" if where else name)
    elif isinstance(written, list) and isinstance(told, list):
        if len(written) != len(told):
            yield f"{where} has {len(told)} elements, where the page has {len(written)}"
        for number, (one, other) in enumerate(zip(told, written, strict=False)):
            yield from differences(one, other, f"{where}[{number}]")
    elif told != written and (form_of(told) is None or form_of(told) != form_of(written)):
        yield f"{where} is {told!r}, where the page has {written!r}"


def form_of(value: Any) -> str | None:
    """Return which of the changing forms a value has."""
    if not isinstance(value, str):
        return None
    return next((name for name, form in _FORMS.items() if form.fullmatch(value)), None)


def plain(text: str) -> str:
    """Return a text with everything that changes replaced by its form's name."""
    for name, form in _FORMS.items():
        text = re.sub(rf"(?<![\w-]){form.pattern}(?![\w-])", f"<{name}>", text)
    return text.strip()
