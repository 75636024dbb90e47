"""Copies of petitions: what is a petition's own is cut out, and new in each copy; all else stays as it is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from bench.large.copies import WEEK, Copier, Planned, plan
from bench.large.courses import COURSES, shared_out
from bench.large.played_time import Times
from bench.large.tables import Table, Treatment
from bench.large.templates import Left, Template, TemplateError, Values, template_of
from bench.large.texts import Matter
from services.intake.operating import open_vault
from services.intake.vault import Vault
from services.kernel.auth import keys
from services.kernel.domain_clock import Pace
from services.kernel.ids import parse_tracking_code

MATTER: Final = Matter("老车站后巷123456号", "路灯不亮", "municipal", "DEMAND")
BEGAN: Final = datetime(2026, 10, 1, 8, tzinfo=UTC)
SYSTEM: Final = datetime.now(UTC)
TIMES: Final = Times((Pace(SYSTEM - timedelta(minutes=1), BEGAN, 60 * 24.0 * 7, SYSTEM),))
CODE: Final = "7K3M9QX2CD"

PETITIONS: Final = Table(
    "intake",
    "own",
    "petition",
    ("petition_id", "tracking_code", "submitted_at", "working_text", "street", "review_on"),
    Treatment.COPIED,
)
EVENTS: Final = Table(
    "intake", "own", "event", ("aggregate_id", "happened_at", "recorded_at", "data", "event_id"), Treatment.COPIED
)
CLOCKS: Final = Table("intake", "own", "clock", ("petition_id", "state", "fires_at"), Treatment.COPIED)
FEED: Final = Table("dispatch", "own", "department_feed", ("department", "number", "aggregate_id"), Treatment.NUMBERED)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """A vault with keys of its own."""
    folder: Path = tmp_path_factory.mktemp("keys")
    keys.create_missing(folder)
    return open_vault(folder)


def _left(petition: UUID, *, running: str = "\\N", submitted: str = "2026-10-05 02:00:00.123456+00") -> Left:
    """Return what a petition left: its row, an event on its topic and in a feed, a clock."""
    event, requested = uuid7(), "bbed0495-3300-4478-a190-e9f2f755fd5b"
    left = Left()
    left.rows[PETITIONS] = [[str(petition), CODE, submitted, f"{MATTER.title}，请处理", "dewu", "2027-06-01"]]
    data = f'{{"title": "{MATTER.title}", "dueAt": "2026-10-07T02:00:00.123456Z", "request": "{requested}"}}'
    left.rows[EVENTS] = [[str(petition), submitted, f"{SYSTEM:%Y-%m-%d %H:%M:%S}+00", data, str(event)]]
    left.rows[CLOCKS] = [[str(petition), "RUNNING" if running != "\\N" else "STOPPED", running]]
    left.rows[FEED] = [["housing", "41", str(petition)]]
    told = [
        ("ce_id", str(event)),
        ("ce_time", submitted.replace(" ", "T").replace("+00", "Z")),
        ("ce_recordedtime", f"{SYSTEM:%Y-%m-%dT%H:%M:%S}+00:00"),
        ("ce_causationid", f"clock:{event}"),
        ("ce_sequence", "0000000041"),
        ("ce_street", "dewu"),
    ]
    headers = [(name, said.encode()) for name, said in told]
    left.messages = [("feed", headers, data.encode())]
    return left


def _template(vault: Vault, **other: str) -> Template:
    petition = uuid7()
    return template_of(str(petition), _left(petition, **other), MATTER, TIMES, vault, {"feed": "housing"})


def _copier(vault: Vault) -> Copier:
    def time_of(system: int) -> int:
        return int(TIMES.at(datetime.fromtimestamp(system / 1000, UTC)).timestamp() * 1000)

    return Copier(vault, Random(1), time_of=time_of, numbers={"housing": 41})


def test_a_copy_has_new_ids_codes_texts_and_times_everywhere_alike_and_all_else_as_it_was(vault: Vault) -> None:
    template = _template(vault)
    made = _copier(vault).copy(Planned(template, -52 * WEEK))
    [petition, code, submitted, text, street, review] = _row(template, PETITIONS, made.values)
    assert UUID(petition) == made.petition
    assert (made.petition.version, petition != template.petition, code != CODE) == (7, True, True)
    parse_tracking_code(code)
    assert (submitted, review, street) == ("2025-10-06 02:00:00.123456+00", "2026-06-02", "dewu")
    assert MATTER.address not in text
    assert text.endswith("，请处理")

    [of, happened, recorded, data, event] = _row(template, EVENTS, made.values)
    assert (of, happened) == (petition, submitted)
    assert "2025-10-08T02:00:00.123456Z" in data
    assert text.removesuffix("，请处理") in data
    assert "bbed0495" not in data

    [message] = template.messages
    headers = dict(zip(message.names, message.headers(made.values), strict=True))
    assert headers["ce_id"].decode() == event
    assert headers["ce_causationid"].decode() == f"clock:{event}"
    assert headers["ce_time"].decode() == "2025-10-06T02:00:00.123456Z"
    assert headers["ce_recordedtime"].decode().replace("T", " ") == f"{recorded}:00"
    assert headers["ce_street"] == b"dewu"
    assert message.value.filled(made.values).decode() == data
    assert _row(template, FEED, made.values) == ["housing", "42", petition]
    assert headers["ce_sequence"] == b"0000000042"


def _row(template: Template, table: Table, values: Values) -> list[str]:
    return template.rows[table].filled(values).decode().removesuffix("\n").split("\t")


def test_what_the_system_recorded_is_moved_to_the_time_that_was_played(vault: Vault) -> None:
    template = _template(vault)
    made = _copier(vault).copy(Planned(template, 0))
    recorded = datetime.fromisoformat(f"{_row(template, EVENTS, made.values)[2]}:00")
    assert abs(recorded - TIMES.at(SYSTEM)) < timedelta(hours=4)  # whose seconds were half a day each
    born = datetime.fromtimestamp((made.petition.int >> 80) / 1000, UTC)
    assert born > BEGAN


def test_no_two_copies_have_anything_of_their_own_in_common(vault: Vault) -> None:
    template, copier = _template(vault), _copier(vault)
    codes, ids = set[str](), set[str]()
    for _ in range(5_000):
        made = copier.copy(Planned(template, 0))
        row = _row(template, PETITIONS, made.values)
        codes.add(row[1])
        ids.add(row[0])
    assert (len(codes), len(ids), copier.numbers["housing"]) == (5_000, 5_000, 41 + 5_000)
    for code in list(codes)[:50]:
        parse_tracking_code(code)


def test_copies_come_in_the_order_of_their_weeks_and_what_is_open_stays_in_the_last_ones(vault: Vault) -> None:
    played, now = 8, BEGAN + timedelta(weeks=8)
    at = [f"{BEGAN + timedelta(weeks=week, hours=week):%Y-%m-%d %H:%M:%S}+00" for week in range(played)]
    over = [_template(vault, submitted=submitted) for submitted in at]
    open_ = [
        _template(vault, submitted=submitted, running=f"{now + timedelta(days=1):%Y-%m-%d} 00:00:00+00")
        for submitted in at
    ]
    ledgered = _template(vault, submitted=at[0], running=f"{now + timedelta(weeks=20):%Y-%m-%d} 00:00:00+00")
    planned = list(plan([*over, *open_, ledgered], 20_000, began=BEGAN, now=now, random=Random(1)))
    assert len(planned) == 20_000
    weeks = [int((now.timestamp() - 1 - one.submitted) // WEEK) for one in planned]
    assert max(weeks) == pytest.approx(2 * played, abs=1)
    early = [one for one, ago in zip(planned, weeks, strict=True) if ago >= played + 1]
    assert len(early) > 8_000
    assert {one.template.petition for one in early} <= {t.petition for t in over} | {ledgered.petition}
    for one in early:
        assert one.template.fires is None or one.template.fires + one.shift > now.timestamp()
    assert sorted(one.submitted for one in planned)[:-2_000] == pytest.approx(
        [one.submitted for one in planned][:-2_000], abs=WEEK
    )


def test_an_instant_of_which_nobody_knows_the_offset_stops_the_load(vault: Vault) -> None:
    with pytest.raises(TemplateError, match="without an offset"):
        _template(vault, submitted="2026-10-05 02:00:00")


@pytest.mark.parametrize("lives", [100, 400, 37])
def test_courses_are_shared_out_as_the_table_says(lives: int) -> None:
    found = shared_out(lives)
    assert sum(course.share for course in COURSES) == 100
    for course in COURSES:
        assert abs(found.count(course) - course.share * lives / 100) < 1
