"""The petition's way through the three services: a lane for each, and Kafka between them. Pure functions."""

import textwrap
from typing import Final

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.demo.story import Story
from deploy.local.demo.view import View
from deploy.local.demo.words import Words
from services.contracts.vocabulary import Source

TRAVELS: Final = 0.5
"""Seconds for which an event is on its way in the picture."""

HEIGHT: Final = 7

_SERVICES: Final = (
    (Source.INTAKE, Words("intake", "受理")),
    (Source.DISPATCH, Words("dispatch", "派单")),
    (Source.FEEDBACK, Words("feedback", "反馈")),
)
_ORDER: Final = [source for source, _ in _SERVICES]
_GAP: Final = 9
_MARGIN: Final = 4


def lanes(story: Story, view: View, *, since: float) -> RenderableType:
    """Draw the services: where the petition stands in each, and the event on its way to the others.

    :param since: how many seconds ago the last event was told.
    """
    lit = story.news[-1].source if story.news else None
    width = (view.width - 2 * _GAP) // len(_SERVICES)
    row = Table.grid(padding=0)
    cells: list[RenderableType] = []
    for place, (source, name) in enumerate(_SERVICES):
        if place:
            row.add_column(width=_GAP, vertical="middle")
            cells.append(_gap(lit, view, since, place))
        row.add_column(width=width)
        body = Text("\n", no_wrap=True, overflow="ellipsis").join(_inside(story, view, source, width - _MARGIN))
        here = source is lit
        style = "bold green" if here else "dim"
        title = Text(view.language(name))
        cells.append(
            Panel(body, title=title, height=HEIGHT, box=view.frame(lit=here), border_style=style, padding=(0, 1))
        )
    row.add_row(*cells)
    return row


def _gap(lit: Source | None, view: View, since: float, place: int) -> RenderableType:
    """Draw what is between two services: Kafka, and the event on its way through it."""
    shaft = _GAP - 3
    if lit is None:
        arrow = Text(view.sign("·", ".") * shaft, style="dim")
    else:
        reached = min(int(shaft * since / TRAVELS), shaft)
        passed, ahead = view.sign("━", "=") * reached, view.sign("─", "-") * (shaft - reached)
        rightwards = _ORDER.index(lit) < place
        drawn = f"{passed}{view.sign('▶', '>')}{ahead}" if rightwards else f"{ahead}{view.sign('◀', '<')}{passed}"
        arrow = Text(drawn, style="bold green")
    return Align.center(Group(Text("Kafka", style="dim", justify="center"), arrow), vertical="middle")


def _inside(story: Story, view: View, source: Source, width: int) -> list[Text]:
    """Return a lane's lines: where the petition stands there, with whom, and what happened there last."""
    state, whom = _stands(story, source)
    lines: list[Text] = []
    if state is None:
        lines.append(Text(view.sign("–", "-"), style="dim"))
    elif view.language.chinese or not view.language.terms:
        lines.append(Text(view.language(state), style="bold"))
    else:
        lines += [Text(state.en, style="bold"), Text(state.zh, style="bold")]
    if whom is not None:
        named = textwrap.wrap(view.language.plain(whom), width, max_lines=2, placeholder=view.sign("…", "..."))
        lines += [Text(line) for line in named]
    if last := story.last_of(source):
        lines.append(Text(view.sign("✦ ", "* ") + view.language.plain(last.what)))
    return lines


def _stands(story: Story, source: Source) -> tuple[Words | None, Words | None]:
    petition = story.petition
    if source is Source.INTAKE and petition.state_label and petition.en:
        where = petition.community.words if petition.community else None
        return Words(petition.en, petition.state_label), where
    if source is Source.DISPATCH and petition.handling and petition.handling.work_orders:
        order = petition.handling.work_orders[-1]
        return order.words, order.department.words if order.department else None
    if source is Source.FEEDBACK and petition.evaluation:
        times = petition.evaluation.reopened
        return petition.evaluation.words, Words(f"reopened {times}x", f"重办{times}次") if times else None
    return None, None
