"""The living picture of a case: pure functions from a story to what a terminal shows, 80 columns and wider.

`python -m deploy.local.demo.picture FILE.svg` draws it from the recorded story beside this file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.demo.lines import in_shanghai, person, stage_words
from deploy.local.demo.story import Clock, Story, elapsed
from deploy.local.demo.words import Language, Words
from services.contracts.vocabulary import Source, Stage
from services.kernel.calendar import SHANGHAI

_SERVICES: Final = (
    (Source.INTAKE, Words("intake", "受理")),
    (Source.DISPATCH, Words("dispatch", "派单")),
    (Source.FEEDBACK, Words("feedback", "反馈")),
)
_GAP: Final = 9
_LANE_LINES: Final = 4
_CLOCKS: Final = 3
_BESIDE_THE_LOG: Final = 14
"""Lines of everything but the log: title, stages, lanes, the event, clocks, who acts, and the cursor's own."""
_TRAVELS: Final = 0.5
"""Seconds for which an event is on its way in the picture."""


@dataclass(frozen=True, slots=True)
class View:
    """What a picture has to fit: so many columns and lines, a language, and perhaps ASCII alone."""

    width: int = 80
    height: int = 24
    language: Language = Language()  # noqa: RUF009 - frozen
    ascii: bool = False

    @classmethod
    def of(cls, console: Console, language: Language) -> Self:
        """Return what a console has."""
        return cls(console.width, console.height, language, console.options.ascii_only)

    def frame(self, *, lit: bool) -> box.Box:
        """Return a lane's frame: one that stands out also without colours, if something just happened there."""
        if self.ascii:
            return box.ASCII_DOUBLE_HEAD if lit else box.ASCII
        return box.HEAVY if lit else box.ROUNDED

    def sign(self, signs: str, plain: str) -> str:
        """Return signs as the terminal can show them."""
        return plain if self.ascii else signs


def drawn(story: Story, view: View, *, now: datetime, since: float = _TRAVELS) -> RenderableType:
    """Draw a story.

    :param now: the domain's instant.
    :param since: how many seconds ago the last event was told; it is on its way for half a second.
    """
    return Group(
        _title(story, view, now),
        _stages(story, view),
        _lanes(story, view, since),
        _event(story, view),
        *_clocks(story, view, now),
        *_acting(story, view),
        *_log(story, view),
    )


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _title(story: Story, view: View, now: datetime) -> RenderableType:
    clock = f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if story.speed != 1:
        clock += f" {view.sign('×', 'x')}{story.speed:,.0f}"
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    line.add_column(no_wrap=True, justify="right")
    code = story.petition.tracking_code or ""
    line.add_row(
        Text(view.language.plain(story.case.title), style="bold"),
        Text(f"{code}  {clock}", style="yellow" if story.speed != 1 else ""),
    )
    return line


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


def _lanes(story: Story, view: View, since: float) -> RenderableType:
    news = story.news
    lit = news[-1].source if news else None
    lane = (view.width - 2 * _GAP) // 3
    row = Table.grid(padding=0)
    cells: list[RenderableType] = []
    for place, (source, name) in enumerate(_SERVICES):
        if place:
            row.add_column(width=_GAP, vertical="middle")
            cells.append(_gap(lit, view, since, place))
        row.add_column(width=lane)
        body = Text("\n", no_wrap=True, overflow="ellipsis").join(_inside(story, view, source))
        here = source is lit
        cells.append(
            Panel(
                body,
                title=Text(view.language(name)),
                height=_LANE_LINES + 2,
                box=view.frame(lit=here),
                border_style="bold green" if here else "dim",
                padding=(0, 1),
            )
        )
    row.add_row(*cells)
    return row


def _gap(lit: Source | None, view: View, since: float, place: int) -> RenderableType:
    """Draw what is between two services: Kafka, and the event on its way through it to the others."""
    shaft = _GAP - 3
    if lit is None:
        arrow = Text(view.sign("·", ".") * shaft, style="dim")
    else:
        reached = min(int(shaft * since / _TRAVELS), shaft)
        passed, ahead = view.sign("━", "=") * reached, view.sign("─", "-") * (shaft - reached)
        if [source for source, _ in _SERVICES].index(lit) < place:
            arrow = Text(f"{passed}{view.sign('▶', '>')}{ahead}", style="bold green")
        else:
            arrow = Text(f"{ahead}{view.sign('◀', '<')}{passed}", style="bold green")
    return Align.center(Group(Text("Kafka", style="dim", justify="center"), arrow), vertical="middle")


def _inside(story: Story, view: View, source: Source) -> list[Text]:
    """Return a lane's lines: where the petition stands there, with whom, and what happened there last."""
    petition = story.petition
    state: Words | None = None
    whom: Words | None = None
    if source is Source.INTAKE and petition.state_label and petition.en:
        state = Words(petition.en, petition.state_label)
        whom = petition.community.words if petition.community else None
    elif source is Source.DISPATCH and petition.handling and petition.handling.work_orders:
        order = petition.handling.work_orders[-1]
        state = order.words
        whom = order.department.words if order.department else None
    elif source is Source.FEEDBACK and petition.evaluation:
        state = petition.evaluation.words
        times = petition.evaluation.reopened
        whom = Words(f"reopened {times}", f"重办{times}次") if times else None
    last = story.last_of(source)
    what = [view.sign("✦ ", "* ") + view.language(last.what)] if last else []
    said = view.language
    if said.chinese or not said.terms:
        shown = [said(state)] if state else [view.sign("–", "-")]
    else:
        shown = [state.en, state.zh] if state else [view.sign("–", "-")]
    shown += [said(whom)] if whom else []
    shown = [*shown[: _LANE_LINES - 1], *what]
    return [Text(line, style="bold" if number == 0 else "") for number, line in enumerate(shown)]


def _event(story: Story, view: View) -> RenderableType:
    if not story.news:
        return Text("")
    last = story.news[-1]
    topic = f"petition.{last.source.value}.v1"
    return _line(
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
    return _line(
        (view.sign("⏱ ", "@ "), style), (f"{bar} ", style), f"{due} {at}  {view.language(clock.words)}",
        (f"  {', '.join(notes)}" if notes else "", style),
    )  # fmt: skip


def _acting(story: Story, view: View) -> Sequence[RenderableType]:
    if story.notice:
        return [_line((view.language.plain(story.notice), "bold yellow")), Text("")]
    if story.act is None:
        return [Text(""), Text("")]
    who = person(story.act.who, view.language)
    of = f"{story.number}. "
    return [
        _line((f"{of}{who}", "bold")),
        _line(" " * len(of), view.language.plain(story.act.does)),
    ]


def _log(story: Story, view: View) -> Sequence[RenderableType]:
    """Return what happened last, the newest at the bottom, on as many lines as are left."""
    room = max(view.height - _BESIDE_THE_LOG - 1, 3)
    shown: list[RenderableType] = []
    for entry in story.news[-room:]:
        newest = entry is story.news[-1]
        style = "bold green" if newest else "yellow" if entry.warns else ""
        stage = f"{stage_words(entry.stage).zh} " if view.language.terms else ""
        sign = view.sign("▸", ">") if newest else " "
        by = view.language.plain(story.doer(entry))
        what = f"{sign} {in_shanghai(entry.at)}  {stage}{view.language(entry.what)}"
        shown.append(_line((what, style), (f"  {by}", "dim")))
    return [*shown, *[Text("")] * (room - len(shown))]
