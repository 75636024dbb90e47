"""The living picture of a case: pure functions from a story to what a terminal shows, 80 columns and wider.

`python -m deploy.local.demo.picture FILE.svg` draws it for the documentation, from a story that was recorded.
"""

import html
import io
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.local.demo import lanes, recorded
from deploy.local.demo.lines import in_shanghai, person, stage_words
from deploy.local.demo.story import Clock, Story, elapsed
from deploy.local.demo.view import View, line
from deploy.local.demo.words import Words
from services.contracts.vocabulary import Stage
from services.kernel.calendar import SHANGHAI

_CLOCKS: Final = 3
_BESIDE_THE_LOG: Final = 9 + lanes.HEIGHT
"""Lines of everything but the log: title, stages, lanes, the event, clocks, who acts, and the cursor's own."""


def drawn(story: Story, view: View, *, now: datetime, since: float = lanes.TRAVELS) -> RenderableType:
    """Draw a story.

    :param now: the domain's instant.
    :param since: how many seconds ago the last event was told; it is on its way for half a second.
    """
    return Group(
        _title(story, view, now),
        _stages(story, view),
        lanes.lanes(story, view, since=since),
        _event(story, view),
        *_clocks(story, view, now),
        *_acting(story, view),
        *_log(story, view),
    )


def _title(story: Story, view: View, now: datetime) -> RenderableType:
    clock = f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if story.speed != 1:
        clock += f" {view.sign('×', 'x')}{story.speed:,.0f}"
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(no_wrap=True, justify="right")
    code = story.petition.tracking_code or ""
    row.add_row(
        Text(view.language.plain(story.case.title), style="bold"),
        Text(f"{code}  {clock}", style="yellow" if story.speed != 1 else ""),
    )
    return row


def _stages(story: Story, view: View) -> RenderableType:
    reached = list(Stage).index(story.stage) if story.stage else -1
    parts: list[Text] = []
    for number, stage in enumerate(Stage):
        said = view.language(stage_words(stage))
        if number == reached:
            parts.append(Text(f"{view.sign('▶', '>')}{said}{view.sign('◀', '<')}", style="bold reverse"))
        else:
            passed = number < reached
            sign = view.sign("●", "*") if passed else view.sign("○", "-")
            parts.append(Text(f"{sign} {said}", style="" if passed else "dim"))
    left = view.width - sum(part.cell_len for part in parts)
    between = min(max(left // (len(parts) - 1), 1), 6)
    return Text(" " * between).join(parts)


def _event(story: Story, view: View) -> RenderableType:
    if not story.news:
        return Text("")
    last = story.news[-1]
    topic = f"petition.{last.source.value}.v1"
    return line(
        (view.sign("✦ ", "* "), "bold green"), last.type, (f"  {view.sign('→', '->')} {topic} #{last.sequence}", "dim")
    )


def _clocks(story: Story, view: View, now: datetime) -> Sequence[RenderableType]:
    shown: list[RenderableType] = [_clock(clock, view, now) for clock in story.clocks[:_CLOCKS]]
    return [*shown, *[Text("")] * (_CLOCKS - len(shown))]


def _clock(clock: Clock, view: View, now: datetime) -> Text:
    full, style = view.width // 5, "red" if clock.level else "yellow" if clock.reminded else "cyan"
    done = round(full * elapsed(clock, now))
    bar = view.sign("█", "#") * done + view.sign("░", ".") * (full - done)
    paused = clock.state == "PAUSED"
    due = view.language.plain(Words("due", "到期"))
    notes = [view.language(Words("stands still", "暂停"))] if paused else []
    if clock.level:
        notes.append(view.language(Words(f"level {clock.level}", f"{clock.level}级督办")))
    elif clock.reminded:
        notes.append(view.language(Words("reminded", "已提醒")))
    at = in_shanghai(clock.due_at)
    if clock.due_at.astimezone(SHANGHAI).year != now.astimezone(SHANGHAI).year:
        at = f"{clock.due_at.astimezone(SHANGHAI):%Y}-{at}"
    return line(
        (view.sign("◷ ", "@ "), style), (f"{bar} ", style), f"{due} {at}  {view.language(clock.words)}",
        (f"  {', '.join(notes)}" if notes else "", style),
    )  # fmt: skip


def _acting(story: Story, view: View) -> Sequence[RenderableType]:
    if story.notice:
        return [line((view.language.plain(story.notice), "bold yellow")), Text("")]
    if story.act is None:
        return [Text(""), Text("")]
    who = person(story.act.who, view.language)
    of = f"{story.number}. "
    return [
        line((f"{of}{who}", "bold")),
        line(" " * len(of), view.language.plain(story.act.does)),
    ]


def _log(story: Story, view: View) -> Sequence[RenderableType]:
    """Return what happened last, the newest at the bottom, on as many lines as are left."""
    room = max(view.height - _BESIDE_THE_LOG, 3)
    shown: list[RenderableType] = []
    for entry in story.news[-room:]:
        newest = entry is story.news[-1]
        style = "bold green" if newest else "yellow" if entry.warns else ""
        stage = f"{stage_words(entry.stage).zh} " if view.language.terms else ""
        sign = view.sign("▸", ">") if newest else " "
        by = view.language.plain(story.doer(entry))
        what = f"{sign} {in_shanghai(entry.at)}  {stage}{view.language(entry.what)}"
        shown.append(line((what, style), (f"  {by}", "dim")))
    return [*shown, *[Text("")] * (room - len(shown))]


def svg(story: Story, view: View, *, now: datetime, title: str) -> str:
    """Return the picture as an image, which brings no fonts from elsewhere."""
    console = Console(record=True, width=view.width, height=view.height, file=io.StringIO(), force_terminal=True)
    console.print(drawn(story, view, now=now))
    image = re.sub(r"\s*@font-face \{.*?\}", "", console.export_svg(title=title, unique_id="demo"), flags=re.DOTALL)
    return re.sub(r'textLength="([\d.]+)"([^>]*)>([^<]*)<', _spaced, image)


def _spaced(found: re.Match[str]) -> str:
    """Give a text of the image the room that it has in a terminal: rich counts a Chinese sign as one cell there."""
    text = html.unescape(found[3])
    length = float(found[1]) / len(text) * cell_len(text)
    return f'textLength="{length:g}"{found[2]}>{found[3]}<'


if __name__ == "__main__":
    told, instant = recorded.story()
    image = svg(told, View(width=92, height=25), now=instant, title=f"make demo CASE={told.case.name}")
    Path(sys.argv[1]).write_text(image, encoding="utf-8")
