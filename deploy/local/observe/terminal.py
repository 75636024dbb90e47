"""The same in the terminal, or in a file or pipe: lines of text, marked where something should be looked at."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from deploy.local.demo.words import Language, Words
from deploy.local.observe.lookup import NONE_OF
from deploy.local.observe.scrapes import Row, shown
from deploy.local.observe.store import Trace, tree
from deploy.local.speech import harmless

_LATEST: Final = Words("latest traces:", "最近的链路:")
_NONE: Final = Words("No trace has come yet: act on a petition, and look again.", "还没有链路。办理一件诉求后再看。")
_MEANING, _COLUMN, _NAME = 38, 10, 52


def figures(names: Sequence[str], rows: Sequence[Row], language: Language) -> Iterator[Text]:
    """Yield the main figures, a line each."""
    yield Text(_padded("", _MEANING) + "".join(f"{name:>{_COLUMN}}" for name in names), "bold")
    for row in rows:
        line = Text(_padded(language.plain(row.meaning), _MEANING))
        for name in names:
            value = row.values.get(name, "")
            value = value if language.terms else value.replace("✓", "yes").replace("—", "-")
            line.append(" " * (_COLUMN - cell_len(value)) + value, "bold red" if name in row.wrong else "")
        yield line


def latest(traces: Sequence[Trace], language: Language) -> Iterator[Text]:
    """Yield the latest traces, a line each."""
    yield Text(language.plain(_LATEST if traces else _NONE), "bold")
    for trace in traces:
        way = (" → " if language.terms else " > ").join(trace.services)
        yield Text.assemble(
            (f"  {_clock(trace.began)}  ", "dim"),
            (_padded(harmless(trace.root.name), 28), "bold"),
            f"{shown(trace.seconds):>9}  {harmless(way)}",
        )


def none_of(language: Language) -> Text:
    """Return what is said of a petition of which there is no trace."""
    return Text(language.plain(NONE_OF), "bold")


def whole(trace: Trace) -> Iterator[Text]:
    """Yield a trace as a tree, with each part's beginning and length."""
    yield Text.assemble(
        (f"{_clock(trace.began)}  ", "dim"),
        (harmless(trace.root.name), "bold"),
        f"  {shown(trace.seconds)}  ",
        (trace.id, "dim"),
    )
    for depth, span in tree(list(trace.spans.values())):
        name = f"{'  ' * (depth + 1)}{span.service:9} {span.name}"
        outcome = str(span.attributes.get("through_train.outcome", ""))
        line = Text(_padded(harmless(name), _NAME))
        line.append(f"+{shown((span.began - trace.began) / 1e9):>9} {shown(span.seconds):>9}", "dim")
        line.append(f"  {harmless(outcome)}", "bold red" if span.failed else "")
        line.rstrip()
        yield line
    yield Text("")


def _padded(text: str, width: int) -> str:
    return text + " " * max(1, width - cell_len(text))


def _clock(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
