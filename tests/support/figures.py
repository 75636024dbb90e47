"""Figures of a measurement, as a run might have found them."""

from msgspec.structs import replace

from bench.report import EVENT_TO_VIEW, TOTAL, HalfOfPeak, Limits, PageOf20, Percentiles, Ratios, Report, StepLatency

_SPENT = {
    "gateway": 9.5,
    "intake": 8.0,
    "dispatch": 6.0,
    "feedback": 5.5,
    "postgres": 7.0,
    "kafka": 3.0,
    "generator": 3.0,
}
_CPU = {**_SPENT, TOTAL: sum(_SPENT.values())}
_STEPS = ("submit", "assign", "wait for feedback", "read", EVENT_TO_VIEW)

FIGURES = Report(
    cores=2,
    stored=0,
    lifecycles_per_second=40.0,
    rounds=(39.5, 40.0, 40.5),
    mutations_per_second=480.0,
    cpu_ms_per_lifecycle=_CPU,
    memory_mb=dict.fromkeys(_CPU, 150.0),
    half_of_peak=HalfOfPeak(20.0, _CPU),
    latency_ms={step: StepLatency(10.0 + nth, 30.0 + nth, 900) for nth, step in enumerate(_STEPS)},
    limits=Limits(
        pgbench_lifecycles_per_second=140.0,
        kafka_round_trip_ms=Percentiles(4.0, 9.0),
        page_of_20_ms={"intake": PageOf20(Percentiles(5.0, 9.0), Percentiles(8.0, 15.0))},
        pgbench_cpu_ms_per_lifecycle=6.0,
        pgbench_statements=210,
        pgbench_commits=60,
    ),
    ratios=Ratios(of_pgbench=0.29, event_to_view_to_kafka=3.5, gateway_to_direct=1.6),
    machine="x86_64, a processor",
    interpreter="CPython 3.11.2",
    cpu_ms_rounds=(41.8, 42.0, 42.2),
)
"""Of two cores; its rounds lie 2.5 % apart."""


def spending(report: Report, factor: float, process: str) -> Report:
    """Return figures in which a process spends so many times the CPU."""
    spent = dict(report.cpu_ms_per_lifecycle)
    spent[process] *= factor
    return replace(report, cpu_ms_per_lifecycle=spent)


def on_a_machine(report: Report, faster: float, *, cores: int, machine: str) -> Report:
    """Return what the same program would be measured to do on a machine that is so many times as fast."""
    limits = report.limits
    trip = limits.kafka_round_trip_ms
    return replace(
        report,
        cores=cores,
        machine=machine,
        lifecycles_per_second=report.lifecycles_per_second * faster,
        rounds=tuple(each * faster for each in report.rounds),
        cpu_ms_per_lifecycle={name: spent / faster for name, spent in report.cpu_ms_per_lifecycle.items()},
        cpu_ms_rounds=tuple(each / faster for each in report.cpu_ms_rounds),
        half_of_peak=HalfOfPeak(
            report.half_of_peak.lifecycles_per_second * faster,
            {name: spent / faster for name, spent in report.half_of_peak.cpu_ms_per_lifecycle.items()},
        ),
        latency_ms={
            name: StepLatency(step.p50 / faster, step.p99 / faster, step.n) for name, step in report.latency_ms.items()
        },
        limits=replace(
            limits,
            pgbench_lifecycles_per_second=limits.pgbench_lifecycles_per_second * faster,
            pgbench_cpu_ms_per_lifecycle=(limits.pgbench_cpu_ms_per_lifecycle or 0) / faster,
            kafka_round_trip_ms=Percentiles(trip.p50 / faster, trip.p99 / faster),
        ),
    )
