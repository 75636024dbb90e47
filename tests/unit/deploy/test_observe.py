"""What a run's watcher receives, keeps, reckons and shows."""

import json
import math
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from deploy.local.demo.words import Language, Words
from deploy.local.logs import shown as shown_line
from deploy.local.observe import page, terminal
from deploy.local.observe.receiver import UnreadableError, read
from deploy.local.observe.scrapes import History, Row, Scrape, quantile, rows, samples, shown
from deploy.local.observe.store import Span, Store, Trace, tree

PETITION = "019abf40-77aa-7c11-a0de-52b19e64c3f8"


def span(trace: str, id_: str, parent: str | None = None, *, began: int = 0, **other: Any) -> Span:
    given: dict[str, Any] = {
        "service": "intake",
        "name": "step acceptPetition",
        "kind": "internal",
        "ended": began + 1_000_000,
        "failed": False,
        "attributes": {},
        **other,
    }
    return Span(trace=trace, id=id_, parent=parent, began=began, **given)


def test_what_is_exported_is_read_as_it_was_meant() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "dispatch"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
        attributes = {"through_train.petition_id": [PETITION], "count": 3, "ratio": 0.5, "yes": True}
        with tracer.start_as_current_span("inner", attributes=attributes) as inner:
            inner.set_status(Status(StatusCode.ERROR))
    received = {one.name: one for one in read(encode_spans(kept.get_finished_spans()).SerializeToString())}
    assert received["inner"].parent == received["outer"].id == f"{outer.get_span_context().span_id:016x}"
    assert received["inner"].trace == f"{outer.get_span_context().trace_id:032x}"
    assert (received["outer"].service, received["outer"].kind, received["outer"].parent) == ("dispatch", "server", None)
    assert received["inner"].failed
    assert not received["outer"].failed
    assert received["inner"].petitions == (PETITION,)
    assert received["inner"].attributes["count"] == 3
    assert received["inner"].attributes["ratio"] == 0.5
    assert received["inner"].attributes["yes"] is True


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b'{"resourceSpans": []}'])
def test_what_is_no_export_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(body)


def test_the_oldest_traces_go_and_with_them_what_they_were_about() -> None:
    store = Store(traces=2, spans=3)
    about = {"through_train.petition_id": PETITION}
    store.add([span("first", "a", attributes=about), span("second", "b", began=1, attributes=about)])
    assert [trace.id for trace in store.about(PETITION)] == ["first", "second"]
    store.add([span("third", "c", began=2)])
    assert [trace.id for trace in store.latest(9)] == ["third", "second"]
    assert [trace.id for trace in store.about(PETITION)] == ["second"]
    store.add([span("fourth", "d", began=3)])
    assert store.about(PETITION) == []
    assert store.find("second") is None


def test_of_one_trace_so_many_spans_are_kept_and_each_once() -> None:
    store = Store(traces=2, spans=3)
    store.add(span("one", str(n % 7)) for n in range(20))
    found = store.find("one")
    assert found is not None
    assert len(found.spans) == 3
    assert len(store) == 1


def test_a_trace_is_a_tree_in_the_order_of_time_and_loses_no_orphan() -> None:
    spans = [
        span("t", "late child", "root", began=30),
        span("t", "orphan", "never came", began=20),
        span("t", "grandchild", "child", began=15),
        span("t", "child", "root", began=10),
        span("t", "root", began=0),
    ]
    assert [(depth, one.id) for depth, one in tree(spans)] == [
        (0, "root"),
        (1, "child"),
        (2, "grandchild"),
        (1, "late child"),
        (0, "orphan"),
    ]
    assert Trace("t", {one.id: one for one in spans}).root.id == "root"


def test_a_quantile_lies_where_prometheus_would_put_it() -> None:
    buckets = {0.1: 50.0, 0.5: 90.0, 1.0: 100.0, math.inf: 100.0}
    assert quantile(buckets, 0.5) == pytest.approx(0.1)
    assert quantile(buckets, 0.7) == pytest.approx(0.3)
    assert quantile({0.1: 0.0, math.inf: 4.0}, 0.95) == 0.1  # beyond what is told apart
    assert quantile({}, 0.5) is None


SCRAPE = """\
# TYPE through_train_request_seconds histogram
through_train_request_seconds_bucket{{service="intake",operation="petition",outcome="OK",le="0.1"}} {quick}
through_train_request_seconds_bucket{{service="intake",operation="petition",outcome="OK",le="+Inf"}} {all}
through_train_request_seconds_count{{service="intake",operation="petition",outcome="OK"}} {all}
through_train_request_seconds_count{{service="intake",operation="petition",outcome="INTERNAL"}} {failed}
# TYPE through_train_petitions_parked gauge
through_train_petitions_parked{{service="intake",reason="POISON"}} 1
# TYPE process_open_fds gauge
process_open_fds 7
"""


def scraped(at: float, **figures: int) -> Scrape:
    return Scrape(at, list(samples(SCRAPE.format(**figures))))


def test_figures_are_of_the_last_minute_and_what_needs_a_look_is_marked() -> None:
    history = History(there=True)
    history.scrapes.extend([scraped(100, quick=10, all=10, failed=0), scraped(110, quick=30, all=30, failed=5)])
    by_meaning = {row.meaning.en: row for row in rows({"intake": history, "gateway": History()})}
    assert by_meaning["requests per second"].values["intake"] == "2.5"
    assert by_meaning["failures per second"].wrong == {"intake"}
    assert by_meaning["petitions held up"].values == {"intake": "1"}
    assert by_meaning["petitions held up"].wrong == {"intake"}
    assert by_meaning["answers"].wrong == {"gateway"}


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    history = History()
    history.scrapes.extend([scraped(0, quick=90, all=90, failed=0), scraped(10, quick=20, all=20, failed=0)])
    assert history.rate("through_train_request_seconds_count") == pytest.approx(2.0)
    assert history.quantile("through_train_request_seconds", 0.95) is not None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "—"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (59.9, "59.9 s"), (1200.0, "20 min")],
)
def test_a_length_of_time_is_short(seconds: float | None, said: str) -> None:
    assert shown(seconds) == said


def test_the_page_runs_no_program_and_quotes_nothing_as_it_came() -> None:
    hostile = "<script>alert(1)</script>"
    trace = Trace(
        "t", {"a": span("t", "a", name=hostile, service=hostile, attributes={"through_train.outcome": hostile})}
    )
    table = [Row(Words("answers", "有应答"), {"intake": "✓"}, frozenset({"intake"}))]
    for text in (
        page.overview(table, ["intake"], [trace], Language()),
        page.overview(table, ["intake"], [trace], Language(), hostile),
        page.one(trace, Language(chinese=True)),
    ):
        assert "<script" not in text
        assert " style=" not in text
        assert "http://" not in text
    assert "script-src" not in page.POLICY
    assert page.POLICY.startswith("default-src 'none'")


def test_page_and_terminal_are_read_in_chinese_too() -> None:
    table = [Row(Words("answers", "有应答"), {"intake": "✓"})]
    assert "有应答" in page.overview(table, ["intake"], [], Language(chinese=True))
    assert "最近" in "\n".join(line.plain for line in terminal.latest([span_trace()], Language(chinese=True)))


def span_trace() -> Trace:
    parts = [
        span("t", "a", name="acceptPetition", service="gateway"),
        span("t", "b", "a", began=2_000_000, failed=True),
    ]
    return Trace("t", {one.id: one for one in parts})


def test_the_terminal_shows_a_tree_with_beginnings_and_lengths() -> None:
    lines = [line.plain for line in terminal.whole(span_trace())]
    assert "acceptPetition" in lines[0]
    assert lines[1].startswith("  gateway")
    assert lines[2].startswith("    intake")
    assert "2 ms" in lines[2]


def test_a_terminal_without_such_signs_gets_none() -> None:
    plain = Language(terms=False)
    table = [Row(Words("answers", "有应答"), {"intake": "✓", "gateway": "—"})]
    lines = [*terminal.figures(["intake", "gateway"], table, plain), *terminal.latest([span_trace()], plain)]
    assert all(line.plain.isascii() for line in lines)


def test_a_line_of_the_log_shows_the_beginning_of_its_trace() -> None:
    line = json.dumps({"event": "internal error", "level": "error", "trace_id": "0af76519" * 4, "span_id": "b7"})
    assert shown_line("intake", line).plain.endswith("internal error ⋯0af76519")
