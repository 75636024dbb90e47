"""The page of a run's figures and traces: plain HTML, without any program, in English or Chinese."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from deploy.local.demo.words import Language, Words
from deploy.local.observe.lookup import NONE_OF
from deploy.local.observe.scrapes import Row, shown
from deploy.local.observe.store import Span, Trace, tree

POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "img-src 'self' data:"
)
REFRESH_SECONDS: Final = 5

STYLE: Final = """\
:root { --ink: #1f2328; --quiet: #59636e; --line: #d5dae0; --paper: #fff; --ground: #f5f6f8; --brand: #a3261c;
  color-scheme: light; }
body { margin: 0 auto; max-width: 1180px; padding: 14px 18px 60px; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
header { display: flex; gap: 18px; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 18px; margin: 0; } h1 a { color: inherit; text-decoration: none; }
h2 { font-size: 15px; margin: 24px 0 8px; } h3 { font-size: 14px; margin: 18px 0 6px; }
nav { margin-left: auto; } a { color: #1c4f8c; }
form input { padding: 5px 8px; border: 1px solid var(--line); border-radius: 6px; width: 340px; font: inherit; }
table { border-collapse: collapse; width: 100%; background: var(--paper); }
td, th { border-bottom: 1px solid var(--line); padding: 4px 10px; text-align: right;
  font-variant-numeric: tabular-nums; }
td:first-child, th:first-child { text-align: left; } th { font-weight: 600; }
td.words, th.words { text-align: left; } td.wrong { background: #fbeceb; color: var(--brand); font-weight: 600; }
.quiet { color: var(--quiet); } .failed { color: var(--brand); font-weight: 600; }
.trace td { padding: 2px 10px; } .trace td.name { white-space: nowrap; text-align: left; }
.trace td.time { width: 36%; } progress, meter { width: 100%; }
svg { display: block; width: 100%; height: 12px; } rect { fill: #4b7bb5; } rect.failed { fill: var(--brand); }
"""

_TITLE: Final = Words("Through Train: the run", "直通车：运行情况")
_FIGURES: Final = Words("Figures of the last minute", "最近一分钟")
_LATEST: Final = Words("Latest traces", "最近的链路")
_PETITION: Final = Words("a petition's id", "诉求编号")
_NONE: Final = Words("None has come yet: act on a petition, and look again.", "还没有。办理一件诉求后再看。")
_OF: Final = Words("Traces of petition", "诉求的链路")
_HEADS: Final = (
    (Words("when", "时间"), False),
    (Words("what", "操作"), True),
    (Words("took", "用时"), False),
    (Words("spans", "环节"), False),
    (Words("where", "经过"), True),
)


def overview(
    rows: Sequence[Row], names: Sequence[str], traces: Sequence[Trace], language: Language, petition: str = ""
) -> str:
    """Return the whole page: figures and latest traces, or all traces of one petition."""
    said = language.plain
    if petition:
        body = [f"<h2>{said(_OF)} <code>{escape(petition)}</code></h2>", *map(_whole, traces)]
        return _page([*body, *([] if traces else [_quiet(NONE_OF, language)])], language, petition)
    body = [f"<h2>{said(_FIGURES)}</h2>", _figures(rows, names, language), f"<h2>{said(_LATEST)}</h2>"]
    return _page([*body, _list(traces, language) if traces else _quiet(_NONE, language)], language, refreshing=True)


def one(trace: Trace, language: Language) -> str:
    """Return the page of one trace."""
    return _page([_whole(trace)], language)


def _quiet(words: Words, language: Language) -> str:
    return f'<p class="quiet">{language.plain(words)}</p>'


def _figures(rows: Sequence[Row], names: Sequence[str], language: Language) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = [
        f"<tr><td>{language.plain(row.meaning)}</td>"
        + "".join(
            f"<td{' class=' + chr(34) + 'wrong' + chr(34) if name in row.wrong else ''}>{row.values.get(name, '')}</td>"
            for name in names
        )
        + "</tr>"
        for row in rows
    ]
    return f"<table><tr><th></th>{head}</tr>{''.join(lines)}</table>"


def _list(traces: Sequence[Trace], language: Language) -> str:
    head = "".join(f"<th{' class=words' * of_words}>{language.plain(word)}</th>" for word, of_words in _HEADS)
    lines = [
        f"<tr><td>{_clock(trace.began)}</td>"
        f'<td class="words"><a href="/traces/{trace.id}">{escape(trace.root.name)}</a></td>'
        f"<td>{shown(trace.seconds)}</td><td>{len(trace.spans)}</td>"
        f'<td class="words">{escape(" → ".join(trace.services))}</td>'
        "</tr>"
        for trace in traces
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _whole(trace: Trace) -> str:
    lines = "".join(_line(depth, span, trace) for depth, span in tree(list(trace.spans.values())))
    links = " ".join(f'<a href="/?petition={escape(one)}">{escape(one)}</a>' for one in sorted(trace.petitions))
    head = f"{_clock(trace.began)} · {escape(trace.root.name)} · {shown(trace.seconds)}"
    return f'<h3>{head}</h3><p class="quiet">{escape(trace.id)} {links}</p><table class="trace">{lines}</table>'


def _line(depth: int, span: Span, trace: Trace) -> str:
    # Percentages of the trace's length as attributes of a picture: the policy allows no styles in elements.
    whole = max(trace.seconds * 1e9, 1.0)
    left, width = 100 * (span.began - trace.began) / whole, max(0.4, 100 * (span.ended - span.began) / whole)
    failed = ' class="failed"' if span.failed else ""
    bar = f'<svg><rect x="{left:.2f}%" y="2" width="{width:.2f}%" height="8"{failed}/></svg>'
    indent = "&nbsp;" * 4 * depth
    code = span.attributes.get("through_train.outcome", "")
    outcome = f" <span{failed or ' class=' + chr(34) + 'quiet' + chr(34)}>{escape(str(code))}</span>" if code else ""
    return (
        f'<tr><td class="name">{indent}<b>{escape(span.service)}</b> {escape(span.name)}{outcome}</td>'
        f'<td>{shown(span.seconds)}</td><td class="time">{bar}</td></tr>'
    )


def _page(body: Sequence[str], language: Language, petition: str = "", *, refreshing: bool = False) -> str:
    refresh = f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' if refreshing else ""
    return (
        f'<!doctype html><html lang="{language.locale}"><head><meta charset="utf-8">{refresh}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{language.plain(_TITLE)}</title><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f'<header><h1><a href="/">{language.plain(_TITLE)}</a></h1>'
        f'<form action="/"><input name="petition" value="{escape(petition)}" '
        f'placeholder="{language.plain(_PETITION)}" aria-label="{language.plain(_PETITION)}"></form>'
        '<nav><a href="/language/zh">中文</a> · <a href="/language/en">English</a></nav></header>'
        f"{''.join(body)}</body></html>"
    )


def _clock(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
