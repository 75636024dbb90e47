"""What was measured on large installations: kept in one file by their size, and written as a page of the docs."""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from bench.large.building import LIVES, WEEKS, Note
from bench.large.courses import COURSES, LEFT_WAITING, WAITING
from bench.large.plans import Plan
from deploy.local.settings import ROOT

FILE: Final = Path(__file__).parents[1] / "results" / "large.json"
PAGE: Final = ROOT / "docs" / "performance-lists.md"

SLOW: Final = 100.0
"""Milliseconds that no list may take at p99."""

_GROWS: Final = 1.5
_FEW_PAGES: Final = 300


class Listed(msgspec.Struct, frozen=True):
    """One way to ask for a list, as it was measured: milliseconds through the gateway, and plans."""

    list: str
    by: str
    how: str
    requests: int
    p50: float
    p99: float
    entries: float
    """How many entries a page had, on average."""
    explained: int
    """How many requests the plans are of."""
    plans: Sequence[Plan]

    @property
    def way(self) -> tuple[str, str, str]:
        """What it is told apart by."""
        return self.list, self.by, self.how

    @property
    def pages(self) -> int:
        """Database pages that an answer reads, in the median."""
        return sum(plan.buffers * plan.runs for plan in self.plans) // self.explained


class Large(msgspec.Struct, frozen=True):
    """An installation with so many petitions: how it was made, and its lists."""

    cores: int
    made: Note
    lists: Sequence[Listed] = ()


class Results(msgspec.Struct, frozen=True):
    """All that were measured, by their numbers of petitions."""

    installations: Mapping[str, Large]

    @property
    def ordered(self) -> list[Large]:
        """The installations, the smallest first."""
        return sorted(self.installations.values(), key=lambda one: one.made.petitions)


def read(file: Path = FILE) -> Results:
    """Return what was measured; nothing, if there is no file yet."""
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.exists() else Results({})


def keep(note: Note, lists: Sequence[Listed], file: Path = FILE) -> Results:
    """Keep what was measured on an installation, instead of what was measured on one of its size before."""
    before = read(file).installations
    measured = Large(os.cpu_count() or 1, note, lists)
    found = Results({**before, str(note.petitions): measured})
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    return found


def slow(one: Large) -> list[Listed]:
    """Return the ways to ask that took too long."""
    return [listed for listed in one.lists if listed.p99 > SLOW]


def growing(results: Results) -> list[tuple[Listed, Listed]]:
    """Return the ways to ask that read more pages of the largest installation than of the smallest, not by chance."""
    if len(results.ordered) < 2:
        return []
    small, large = results.ordered[0], results.ordered[-1]
    before = {listed.way: listed for listed in small.lists}
    pairs = [(before[listed.way], listed) for listed in large.lists if listed.way in before]
    return [(old, new) for old, new in pairs if new.pages > max(old.pages * _GROWS, old.pages + _FEW_PAGES)]


def page(results: Results) -> str:
    """Return the page of the docs."""
    return "\n".join([*_head(results), *_made(results), *_all_lists(results)]) + "\n"


def _head(results: Results) -> Iterable[str]:
    yield "# Lists and searches on a large installation"
    yield ""
    kept = f"[large.json](../bench/results/{FILE.name})" if results.ordered else "what it measured"
    yield (
        "`make bench-large N=100000` makes an installation with so many petitions, asks for every list on it, and "
        f"writes this page from {kept}. Each row is one way to ask for a list, by requests through the gateway one "
        "after the other, each about something else; entries are those of a page, on average; pages are those of the "
        "database (8 kB) that the statements of an answer read, by the plans that the server itself wrote down."
    )
    yield ""
    if results.ordered:
        largest = results.ordered[-1]
        over = slow(largest)
        said = f"{len(over)} of {len(largest.lists)}" if over else f"None of {len(largest.lists)}"
        yield f"{said} ways to ask took longer than {SLOW:.0f} ms at p99 with {largest.made.petitions:,} petitions."
        worse = growing(results)
        yield (
            "None reads more pages because more is stored."
            if not worse
            else f"{len(worse)} read more pages than with fewer petitions: "
            + "; ".join(f"`{new.list}`, {new.by}, {new.how}" for _, new in worse)
            + "."
        )
        yield ""


def _made(results: Results) -> Iterable[str]:
    yield "## What is stored"
    yield ""
    yield (
        f"A few hundred petitions are played through the running system, in a domain's time that runs through the last "
        f"{WEEKS} weeks in a minute and a half and ends at the present. All that they leave in tables and on topics is "
        "then copied under new ids, times, texts and keys, ever earlier: the years that a district takes for so many "
        "petitions (100,000 a year). What is open stands in the last weeks, as it would. Of a hundred petitions:"
    )
    yield ""
    yield "| course | of a hundred |"
    yield "|---|--:|"
    for course in COURSES:
        yield f"| {course.name} | {course.share} |"
    yield ""
    yield (
        "More than half are heard by a representative, the others filed without an account; one in ten is followed by "
        "a second representative; one act in fifteen comes too late; one visit in seven fails at first. "
        f"Beside each {LIVES} there are {WAITING} of each of these: "
        f"{'; '.join(course.name for course in LEFT_WAITING)}. "
        "Lists of what is seldom and soon done would be empty else."
    )
    yield ""
    if results.ordered:
        yield from _sizes(results.ordered)


def _sizes(installations: Sequence[Large]) -> Iterable[str]:
    heads = [f"{one.made.petitions:,}" for one in installations]
    yield f"| | {' | '.join(heads)} |"
    yield f"|---|{'--:|' * len(heads)}"
    rows: dict[str, list[str]] = {
        "said beforehand": [one.made.said.partition(" take ")[2] for one in installations],
        "minutes of copying": [f"{one.made.seconds['copying'] / 60:.1f}" for one in installations],
        "minutes of vacuuming": [f"{one.made.seconds['vacuum'] / 60:.1f}" for one in installations],
    }
    for name in ("intake", "dispatch", "feedback", "topics"):
        rows[f"{name}, GB"] = [f"{one.made.bytes[name] / 1e9:.2f}" for one in installations]
    for name in sorted({name for one in installations for name in one.made.rows}):
        rows[f"`{name}`, rows"] = [f"{one.made.rows.get(name, 0):,}" for one in installations]
    events = [
        sum(n for topic, n in one.made.messages.items() if topic.startswith("petition.")) for one in installations
    ]
    feeds = [sum(one.made.messages.values()) - n for one, n in zip(installations, events, strict=True)]
    rows["events on topics"] = [f"{n:,}" for n in events]
    rows["events in departments' feeds"] = [f"{n:,}" for n in feeds]
    for name, said in rows.items():
        yield f"| {name} | {' | '.join(said)} |"
    yield ""


def _all_lists(results: Results) -> Iterable[str]:
    installations = results.ordered
    if not installations:
        return
    found = {one.made.petitions: {listed.way: listed for listed in one.lists} for one in installations}
    yield "## Lists"
    yield ""
    sizes = [f"{one.made.petitions:,}" for one in installations]
    times, pages = " | ".join(f"ms, {size}" for size in sizes), " | ".join(f"pages, {size}" for size in sizes)
    for name, listed in groupby(sorted(installations[-1].lists, key=lambda one: one.list), key=lambda one: one.list):
        yield f"### `{name}`"
        yield ""
        yield f"Milliseconds are p50 / p99 of {max(one.requests for one in installations[-1].lists)} requests."
        yield ""
        yield f"| asked by | how | entries | {times} | {pages} | statement: indexes |"
        yield f"|---|---|--:|{'--:|' * 2 * len(sizes)}---|"
        for one in listed:
            measured = [found[large.made.petitions].get(one.way) for large in installations]
            spent = " | ".join(f"{m.p50:.0f} / {m.p99:.0f}" if m else "" for m in measured)
            read_ = " | ".join(f"{m.pages:,}" if m else "" for m in measured)
            yield f"| {one.by} | {one.how} | {one.entries:.1f} | {spent} | {read_} | {_plans(one.plans)} |"
        yield ""


def _plans(plans: Sequence[Plan]) -> str:
    return "<br>".join(
        f"`{plan.name}`: {', '.join(plan.indexes) or '-'}"
        + (f"; whole: {', '.join(plan.scanned)}" if plan.scanned else "")
        for plan in plans
    )
