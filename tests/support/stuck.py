"""Where a test hangs: what each coroutine that has not ended waits for, innermost last."""

import asyncio
import gc
from types import FrameType
from typing import Any

_DEEPEST = 60


def waiting() -> str:
    """Return, for every unfinished task of this process, the way from its coroutine to what it waits for."""
    loops = [it for it in gc.get_objects() if isinstance(it, asyncio.AbstractEventLoop) and not it.is_closed()]
    return "\n".join(
        f"{task.get_name()}\n{_way(task.get_coro())}" for loop in loops for task in asyncio.all_tasks(loop)
    )


def _way(awaited: Any) -> str:
    lines: list[str] = []
    while awaited is not None and len(lines) < _DEEPEST:
        frame = next((f for kind in ("cr", "ag", "gi") if (f := getattr(awaited, f"{kind}_frame", None))), None)
        lines.append(f"    {_place(frame)}" if frame else f"    {awaited!r}")
        inner = ("cr_await", "ag_await", "gi_yieldfrom")
        awaited = next((more for name in inner if (more := getattr(awaited, name, None)) is not None), None)
    return "\n".join(lines)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
