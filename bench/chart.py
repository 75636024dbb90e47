"""The figures as a picture for the documentation: `python -m bench.chart` draws it of bench/results/latest.json.

Drawn by hand, since it is three sorts of bars: text stays text, colours follow the reader's light or dark, and the same
figures always give the same file.
"""

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from bench.report import LATEST, TOTAL, Report, ReportError, read

CHART: Final = Path(__file__).parent.parent / "docs" / "images" / "benchmark.svg"

_WIDTH, _LEFT, _ROW, _BAR = 860, 170, 22, 14
_ROOM: Final = 520
"""How wide the longest bar of a group may be; what remains is for its figures."""

# Okabe and Ito's colours, which people who see few colours can tell apart, too.
_COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#b8a000")
_STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.heading { font-size: 15px; font-weight: 600 }
.aside { fill: #59636e }
.limit { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .aside { fill: #9198a1 } .limit { fill: #656c76 } }
"""


def draw(report: Report) -> str:
    """Return the picture, as SVG."""
    parts: list[str] = []
    y = 0
    for group in (_processes(report), _speeds(report), _steps(report), _pages(report)):
        for height, drawn in group:
            parts += [f'<g transform="translate(0 {y})">{drawn}</g>']
            y += height
        y += 18
    told = f"Whole lives on {report.cores} cores: {report.lifecycles_per_second:.1f} per second"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" role="img">',
            f"<title>{escape(told)}</title>",
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _heading(text: str) -> tuple[int, str]:
    return 36, _text(0, 22, text, "heading")


def _processes(report: Report) -> Iterator[tuple[int, str]]:
    spent = {name: cpu for name, cpu in report.cpu_ms_per_lifecycle.items() if name != TOTAL}
    total = sum(spent.values())
    yield _heading(f"CPU of one life: {total:.1f} ms on {report.cores} cores, the load generator's included")
    at, bar, named = 0.0, "", ""
    for nth, (name, cpu) in enumerate(spent.items()):
        wide = cpu / total * _WIDTH
        colour = _COLOURS[nth % len(_COLOURS)]
        bar += _rectangle(at, 0, wide, 26, f'fill="{colour}"')
        x, y = nth % 4 * _WIDTH / 4, 34 + nth // 4 * _ROW
        named += _rectangle(x, y, 12, 12, f'fill="{colour}"') + _text(x + 18, y + 11, f"{name} {cpu:.1f} ms")
        at += wide
    yield 34 + -(-len(spent) // 4) * _ROW, bar + named


def _speeds(report: Report) -> Iterator[tuple[int, str]]:
    yield _heading("Lives per second, and how often the database alone could do their statements")
    alone = report.limits.pgbench_lifecycles_per_second
    longest = max(report.lifecycles_per_second, alone)
    spread = f" ({min(report.rounds):.1f} to {max(report.rounds):.1f})" if report.rounds else ""
    yield _bars("whole system", report.lifecycles_per_second, longest, f"{report.lifecycles_per_second:.1f}{spread}")
    yield _bars("database alone", alone, longest, f"{alone:.1f} (pgbench)", limit=True)


def _steps(report: Report) -> Iterator[tuple[int, str]]:
    half = report.half_of_peak.lifecycles_per_second
    yield _heading(f"Each step at {half:.1f} lives per second: half of them are quicker than p50, all but 1 % than p99")
    trip = report.limits.kafka_round_trip_ms
    longest = max([step.p99 for step in report.latency_ms.values()] + [trip.p99])
    for name, step in report.latency_ms.items():
        yield _bars(name, step.p50, longest, f"{step.p50:.1f} / {step.p99:.1f} ms", behind=step.p99)
    told = f"{trip.p50:.1f} / {trip.p99:.1f} ms"
    yield _bars("Kafka alone", trip.p50, longest, told, behind=trip.p99, limit=True)


def _pages(report: Report) -> Iterator[tuple[int, str]]:
    yield _heading("A page of 20 from one service, asked in turns")
    pages = report.limits.page_of_20_ms
    longest = max(way.p99 for page in pages.values() for way in (page.direct, page.gateway))
    for service, page in pages.items():
        for way, taken, limit in (
            (f"{service}, gateway", page.gateway, False),
            (f"{service}, direct", page.direct, True),
        ):
            told = f"{taken.p50:.1f} / {taken.p99:.1f} ms"
            yield _bars(way, taken.p50, longest, told, behind=taken.p99, limit=limit)


def _bars(
    name: str, value: float, longest: float, told: str, *, behind: float = 0.0, limit: bool = False
) -> tuple[int, str]:
    """Draw a bar, before a paler one where there is one behind it."""
    colour = 'class="limit"' if limit else f'fill="{_COLOURS[0]}"'
    scale = _ROOM / longest
    drawn = _rectangle(_LEFT, 4, behind * scale, _BAR, f'{colour} opacity="0.4"') if behind else ""
    drawn += _rectangle(_LEFT, 4, value * scale, _BAR, colour)
    end = _LEFT + max(value, behind) * scale + 8
    return _ROW, f"{_text(0, 15, name)}{drawn}{_text(end, 15, told, 'aside')}"


def _rectangle(x: float, y: float, wide: float, high: float, how: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high}" {how}/>'


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'


def redraw(figures: Path = LATEST, picture: Path = CHART) -> None:
    """Draw the picture of figures as they are kept, so of rounded ones.

    :raises ReportError: they cannot be read.
    """
    picture.write_text(draw(read(figures)))


def main() -> None:
    """Draw the picture of the kept figures.

    :raises SystemExit: there are none.
    """
    try:
        redraw()
    except ReportError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
