"""A whole district recorded by the services' command lines beside running services, and read in all three."""

import asyncio
import io
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from cyclopts import App

from deploy.district import Size, entries, entries_of
from deploy.local.district import District as Task
from deploy.local.district import larger_one_stays
from deploy.local.errors import ProcessFailed
from deploy.local.settings import LocalSettings
from services.contracts.reference import AnyEntry, Community, Name, RoutingRule, Street, kind_of
from services.contracts.vocabulary import Source
from services.dispatch import operating as dispatchs
from services.intake import operating as intakes
from services.kernel.entries import RecordEntries, read_entries, written
from services.kernel.operating import operate
from services.kernel.transaction import Cause, open_database
from tests.support.district import District, RunningService, eventually
from tests.support.references import OPERATOR, RECORDERS, record

_COMMANDS: Final = {"intake": intakes.commands, "dispatch": dispatchs.commands}
_OWNERS: Final = tuple(RECORDERS)
_HERE: Final = """
SELECT count(*) AS n, count(*) FILTER (WHERE entry @> '{"retired": true}') AS retired, sum(sequence) AS changes
FROM own.reference"""
_KEPT: Final = "SELECT kind, count(*) AS n FROM view.reference GROUP BY kind"
_OWNED: Final = "SELECT kind, count(*) AS n FROM own.reference GROUP BY kind"


def _environment(service: RunningService) -> dict[str, str]:
    return {"THROUGH_TRAIN_DATABASE_URL": service.settings.database_url.get_secret_value()}


async def _program(service: RunningService, *arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
    """Run a service's command as a program of its own; return its code, what it printed and what was wrong."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", service.wiring.package, "reference", *arguments),
        env={**os.environ, **_environment(service)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, wrong = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, printed, wrong.decode()


async def _command(service: RunningService, *arguments: str) -> tuple[str | None, str]:
    """Run the same command here, where it need not start first; return what was wrong, and what it said."""
    app: App = _COMMANDS[service.wiring.source.value]()

    def run() -> tuple[str | None, str]:
        with redirect_stdout(io.StringIO()) as said, pytest.MonkeyPatch.context() as patched:
            for name, value in _environment(service).items():
                patched.setenv(name, value)
            return operate(app, ["reference", *arguments]), said.getvalue()

    return await asyncio.to_thread(run)


def _file(folder: Path, given: Sequence[AnyEntry]) -> str:
    path = folder / "entries.json"
    path.write_bytes(written(given))
    return str(path)


async def _counts(service: RunningService, query: str) -> Counter[str]:
    return Counter({row["kind"]: row["n"] for row in await service.fetch(query)})


async def _all(world: District, listing: str, select: str) -> list[dict[str, Any]]:
    """Read a list to its end by pages."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        query = (
            f"query($a: String) {{ {listing}(first: 100, after: $a) {{ edges {{ node {{ {select} }} }} {_MORE} }} }}"
        )
        page = (await world.ask(query, a=after)).ok()[listing]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


_MORE: Final = "pageInfo { hasNextPage endCursor }"


async def test_a_district_recorded_beside_running_services_is_known_to_all_of_them(through_train: District) -> None:
    world = through_train
    for owner in _OWNERS:
        given = written(entries_of(Source(owner), Size.FULL))
        new = len(entries_of(Source(owner), Size.FULL)) - len(entries_of(Source(owner), Size.SMALL))
        code, printed, wrong = await _program(world.services[owner], "record", "-", "--by", "Wang", given=given)
        assert (code, wrong) == (0, "")
        assert printed.decode().startswith(f"{new} recorded, {len(entries_of(Source(owner), Size.SMALL))} unchanged\n")
    expected = Counter(kind_of(entry).value for entry in entries(Size.FULL))

    async def known_everywhere() -> bool:
        own = [await _counts(world.services[owner], _OWNED) for owner in _OWNERS]
        kept = [await _counts(world.services[name], _KEPT) for name in ("dispatch", "intake", "feedback")]
        whole = own[0] + own[1]
        return kept == [own[0], own[1], whole] and all(
            whole[kind] == n + (10 if kind == "category" else 0) for kind, n in expected.items()
        )

    await eventually(known_everywhere)
    recorded = await world.intake.fetch(
        "SELECT DISTINCT data -> 'by' ->> 'subject' AS who FROM own.event WHERE data -> 'by' ->> 'role' = 'operator'"
    )
    assert {row["who"] for row in recorded} == {"test-operator", "command line:Wang"}


async def test_the_whole_district_is_read_by_pages(through_train: District) -> None:
    world = through_train
    await asyncio.sleep(2 * world.intake.settings.reference_staleness)
    for listing, expected in (("stations", 17), ("rooms", 68), ("communities", 82), ("estates", 159), ("venues", 83)):
        assert len({it["id"] for it in await _all(world, listing, "id name generated")}) == expected
    assert len(await _all(world, "departments", "id street name")) == 40
    people = await _all(world, "representatives", 'id street rooms station communities residence sector(locale: "en")')
    assert [it["id"] for it in people] == sorted(it["id"] for it in people)
    assert len(people) == 504
    assert all(it["rooms"] or it["station"] for it in people)
    covered = (await world.ask(f"{{ coverage {{ street {{ id }} representatives {_LACKING} }} }}")).ok()["coverage"]
    assert {it["street"]["id"]: it["representatives"] for it in covered}["huangtupo"] == 76
    assert all(not it[lacking] for it in covered for lacking in _LACKING.replace("{ id }", "").split())


_LACKING: Final = (
    "communitiesWithoutRoom { id } communitiesWithoutRepresentative { id } representativesUnplaced { id } "
    "representativesWithoutResidence { id }"
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ('venues(street: "fenghuang", kind: CORNER)', {"venue-maan-corner"}),
        ('venues(community: "maan")', {"venue-maan-corner"}),
        ('estates(street: "dewu", first: 100)', {"zhiyuan-9"}),
        ('estates(community: "community-73")', {"erzhong-lane"}),
        ('rooms(street: "hongyan")', {"room-dongfeng-west"}),
        ('rooms(community: "renmin-west")', {"room-renmin-west"}),
        ('stations(street: "dewu")', {"station-dewu"}),
        ('communities(street: "fenghuang")', {"maan"}),
        ('representatives(community: "zhiyuan", first: 100)', {"rep-dewu-001", "rep-dewu-002"}),
        ('representatives(street: "hongyan", first: 100)', {"rep-xu-jin", "rep-ge-chunyan"}),
        ('departments(street: "dewu")', {"office-dewu"}),
    ],
)
async def test_lists_are_narrowed_by_place(through_train: District, asked: str, expected: set[str]) -> None:
    answer = (await through_train.ask(f"{{ found: {asked} {{ edges {{ node {{ id }} }} }} }}")).ok()
    found = {edge["node"]["id"] for edge in answer["found"]["edges"]}
    everything = {it.id for it in entries(Size.FULL)}
    assert expected <= found <= everything
    assert len(found) < 60


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ('venues(street: "nope")', "street"),
        ('rooms(community: "nope")', "community"),
        ("stations(first: 101)", "first"),
        ('departments(street: "nope")', "street"),
        ('communities(after: "bm8gaWQ")', "after"),
    ],
)
async def test_filters_and_pages_that_cannot_be_are_refused(through_train: District, asked: str, field: str) -> None:
    answer = await through_train.ask(f"{{ {asked} {{ edges {{ node {{ id }} }} }} }}")
    assert answer.refused("INVALID_INPUT")["field"] == field


async def test_what_is_listed_can_be_recorded_again_and_changes_nothing(
    through_train: District, tmp_path: Path
) -> None:
    service = through_train.dispatch
    before = await service.fetch(_HERE)
    kinds = ("--kind", "department", "--kind", "routing_rule")
    code, printed, wrong = await _program(service, "list", *kinds)
    assert (code, wrong) == (0, "")
    again = read_entries(printed)
    assert len(again) == before[0]["n"]
    problem, said = await _command(service, "record", _file(tmp_path, again), "--by", "Wang")
    assert (problem, said) == (None, f"0 recorded, {len(again)} unchanged\n")
    assert await service.fetch(_HERE) == before
    problem, said = await _command(service, "list")
    assert problem is None
    assert [line.partition(":")[0] for line in said.splitlines()] == ["department", "routing_rule"]


async def test_what_an_operator_changed_stays_when_only_new_entries_are_recorded(
    through_train: District, tmp_path: Path
) -> None:
    service = through_train.intake
    [old] = [it for it in entries(Size.SMALL) if isinstance(it, Community) and it.id == "maan"]
    renamed = msgspec.structs.replace(old, name=Name(zh="马鞍新社区", en="New Ma'an Community"))
    assert (await _command(service, "record", _file(tmp_path, [renamed]), "--by", "Wang"))[1].startswith("1 recorded")
    district = entries_of(Source.INTAKE, Size.SMALL)
    new = Street(id="only-new", name=old.name)
    problem, said = await _command(service, "record", _file(tmp_path, [*district, new]), "--by", "Li", "--only-new")
    assert (problem, said) == (None, f"1 recorded, {len(district)} there already\n")
    [row] = await service.fetch("SELECT entry -> 'name' ->> 'en' AS name FROM own.reference WHERE id = 'maan'")
    assert row["name"] == renamed.name.en
    retired = msgspec.structs.replace(new, retired=True)
    problem, said = await _command(service, "record", _file(tmp_path, [old, retired]), "--by", "Li")
    assert (problem, said) == (None, "2 recorded, 0 unchanged\n")
    assert "1 more retired" in (await _command(service, "list"))[1]


async def test_a_rule_for_a_place_that_has_not_arrived_is_recorded_and_told(
    through_train: District, tmp_path: Path
) -> None:
    rule = RoutingRule(
        id="r-nowhere",
        name=Name(zh="规则", en="rule"),
        priority=1,
        department="housing",
        street="nowhere",
        category="drainage",
    )
    problem, said = await _command(through_train.dispatch, "record", _file(tmp_path, [rule]), "--by", "Wang")
    assert problem is None
    assert said.splitlines() == ["1 recorded, 0 unchanged", "named, but not arrived here, or retired: street:nowhere"]
    suggested = '{ suggestDepartment(category: "drainage", community: "community-73") { rule } }'
    answer = await through_train.ask(suggested, role="street_committee")
    assert answer.ok() == {"suggestDepartment": {"rule": "r-drainage"}}


async def test_a_file_with_a_fault_records_nothing_of_it(through_train: District, tmp_path: Path) -> None:
    service = through_train.intake
    before = await service.fetch(_HERE)
    name = Name(zh="新", en="new")
    given = [Street(id="fine", name=name), Community(id="lost", name=name, street="nope")]
    problem, said = await _command(service, "record", _file(tmp_path, given), "--by", "Wang")
    assert said == ""
    assert problem == (
        "Nothing was recorded, because of 1 fault:\n"
        "entry 2 (community:lost): street: street:nope is neither recorded nor in this file"
    )
    assert await service.fetch(_HERE) == before


@pytest.mark.parametrize(
    ("content", "by", "said"),
    [
        (None, "Wang", "cannot be read (No such file or directory)."),
        (b"not JSON", "Wang", "This is no JSON list of entries"),
        (b"[]", "Wang", "There are 0 entries"),
        (b"[1]", "Wang", "entry 1: it is no object"),
    ],
)
async def test_a_file_that_is_none_is_refused_in_a_sentence(
    through_train: District, tmp_path: Path, content: bytes | None, by: str, said: str
) -> None:
    file = tmp_path / "file.json"
    if content is not None:
        file.write_bytes(content)
    problem, printed = await _command(through_train.dispatch, "record", str(file), "--by", by)
    assert said in (problem or "")
    assert printed == ""


async def test_whoever_records_has_a_name(through_train: District, tmp_path: Path) -> None:
    file = _file(tmp_path, entries_of(Source.DISPATCH, Size.SMALL))
    problem, _ = await _command(through_train.dispatch, "record", file, "--by", "  ")
    assert problem == "by must not be empty."


_STATEMENTS: Final = {
    "intake": ["reference.lock_own", "reference.own", "reference.record"],
    "dispatch": ["reference.lock_own", "reference.own", "reference.unheard", "reference.record"],
}


@pytest.mark.parametrize("owner", _OWNERS)
async def test_a_district_takes_as_many_statements_as_one_entry(through_train: District, owner: str) -> None:
    service = through_train.services[owner]

    async def sent(given: Sequence[AnyEntry]) -> list[str]:
        statements: list[str] = []
        database = await open_database(
            service.settings.database_url.get_secret_value(),
            connections=2,
            application="statements",
            observe=statements.append,
        )
        try:
            async with database.transaction(Cause("test", "test")) as tx:
                await RECORDERS[owner](tx, RecordEntries(tuple(given)), by=OPERATOR, now=through_train.time())
        finally:
            await database.close()
        return [text.split("-- ")[1].split(":")[0] for text in statements if text.startswith("\n-- ")]

    whole = [
        msgspec.structs.replace(it, name=Name(zh=it.name.zh, en=f"{it.name.en} again"))
        for it in entries_of(Source(owner), Size.FULL)
    ]
    one, many = await sent(whole[:1]), await sent(whole)
    assert one == many == _STATEMENTS[owner]
    back = await record(
        owner,
        service.settings.database_url.get_secret_value(),
        entries_of(Source(owner), Size.FULL),
        now=through_train.time(),
    )
    assert back.recorded == len(whole)


async def test_a_local_run_records_its_district_once_and_what_is_more_stays(
    through_train: District, tmp_path: Path
) -> None:
    service = through_train.intake
    settings = LocalSettings(data_folder=tmp_path / "data")
    settings.data_folder.mkdir()

    async def started(size: Size, **instead: str) -> str | None:
        """Start the task as a run with this setting would; return what it said, or None if it had nothing to do."""
        environment = {**os.environ, **_environment(service), **instead}
        task = Task("intake", settings.model_copy(update={"district": size}), environment)
        task.process.log.unlink(missing_ok=True)
        await task.start()
        await task.stop()
        return task.process.log.read_text() if task.process.log.exists() else None

    small, full = (len(entries_of(Source.INTAKE, size)) for size in Size)
    with pytest.raises(ProcessFailed):
        await started(Size.SMALL, THROUGH_TRAIN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert await started(Size.SMALL) == f"0 recorded, {small} there already\n"
    assert await started(Size.SMALL) is None
    assert not larger_one_stays(settings)
    assert await started(Size.FULL) == f"0 recorded, {full} there already\n"
    assert await started(Size.SMALL) is None
    assert larger_one_stays(settings.model_copy(update={"district": Size.SMALL}))
    assert not larger_one_stays(settings)
    assert await started(Size.FULL) is None
