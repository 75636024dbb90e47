"""The demo's picture and lines: what a recorded story looks like, at several widths, in both languages."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.local.demo import lines, picture, recorded
from deploy.local.demo.cases import CASES
from deploy.local.demo.lanes import TRAVELS
from deploy.local.demo.story import Petition, Story, Update
from deploy.local.demo.view import View
from deploy.local.demo.words import Language, Words

ENGLISH = Language()
CHINESE = Language(chinese=True)
TOLD, NOW = recorded.story()


def shown(story: Story, view: View, *, since: float = TRAVELS) -> list[str]:
    """Return a picture's lines."""
    console = Console(record=True, width=view.width, file=io.StringIO(), force_terminal=True)
    console.print(picture.drawn(story, view, now=NOW, since=since))
    return console.export_text().splitlines()


@pytest.mark.parametrize("language", [ENGLISH, CHINESE, Language(terms=False)], ids=["en", "zh", "en-alone"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 50)])
def test_it_fits_the_terminal_and_never_jumps(language: Language, width: int, height: int) -> None:
    view = View(width, height, language)
    for story in (Story(TOLD.case), TOLD):
        said = shown(story, view)
        assert len(said) == height - 1, "the cursor has a line of its own"
        assert max(cell_len(line) for line in said) <= width


def test_it_says_where_the_petition_stands_in_each_service_and_who_acts() -> None:
    text = "\n".join(shown(TOLD, View(100, 30)))
    for words in (
        "Case 6: the estate without management (三无小区)",
        "YQD7D-5DPTV  2026-12-24 21:21",
        "▶handled 民办◀",
        "○ evaluate 民评",
        "Dewu Street Office",
        "reopened 1x",
        "17. The district supervisor 区人大常委会督办",
        "presses (督办), with an instruction that must be answered",
        "✦ petition.pressed  → petition.dispatch.v1 #30",
        "due 12-22 16:48  Handling 办理时限  level 2 2级督办",
        "due 12-28 21:21  Answer to an instruction 督办答复时限",
        "▸ 12-24 21:21  民办 Pressed by the supervisor 督办催办  district supervisor",
    ):
        assert words in text


def test_in_chinese_there_is_no_english_but_the_services_own_words() -> None:
    text = "\n".join(shown(TOLD, View(100, 30, CHINESE)))
    for words in (
        "案例六：三无小区",
        "▶民办◀",
        "德坞街道办事处",
        "重办1次",
        "督办升级 2级：办理时限",
        "17. 区人大常委会督办",
    ):
        assert words in text
    english = set(re.findall(r"[A-Za-z][A-Za-z_.]+", text)) - {"YQD", "DPTV", "Kafka"}
    assert english == {"petition.pressed", "petition.dispatch.v"}


def test_where_there_are_no_such_signs_everything_is_ascii() -> None:
    narrow = View(80, 24, Language(terms=False), ascii=True)
    story = replace(TOLD, petition=Petition(), told=TOLD.told[:-2])
    text = "\n".join(shown(story, narrow)).replace("…", "...")  # rich's own sign of what was cut
    assert text.isascii(), {sign for sign in text if not sign.isascii()}
    assert ">handled<" in text
    assert "presses, with an instruction that must be answered" in text


def test_an_event_is_on_its_way_from_its_service_to_both_others() -> None:
    view = View(100, 30)
    frames = [
        next(line for line in shown(TOLD, view, since=since) if "◀" in line and "│" in line)
        for since in (0.0, TRAVELS / 2, TRAVELS)
    ]
    [leaving, under_way, arrived] = [[part.strip() for part in re.findall(r" ([─━◀▶]{7}) ", line)] for line in frames]
    assert leaving == ["──────◀", "▶──────"]
    assert under_way == ["───◀━━━", "━━━▶───"]
    assert arrived == ["◀━━━━━━", "━━━━━━▶"]


def test_colour_is_no_news() -> None:
    console = Console(width=80, file=io.StringIO(), force_terminal=True, no_color=True)
    console.print(picture.drawn(TOLD, View(80, 24), now=NOW))
    assert isinstance(console.file, io.StringIO)
    assert not re.search(r"\x1b\[[0-9;]*[34]\d", console.file.getvalue())
    assert "┏━ dispatch 派单 ━━┓" in console.file.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_how_fast_time_runs_is_said_while_it_does() -> None:
    waiting = replace(TOLD, speed=45_000.0, notice=Words("Nobody acts", "无人办理"))
    said = shown(waiting, View(100, 30))
    assert "×45,000" in said[0]
    assert "Nobody acts" in said
    plain = lines.notice(waiting, CHINESE)
    assert plain.strip() == "无人办理: 业务时间加快 45,000 倍"
    assert lines.notice(replace(waiting, speed=1.0), CHINESE).strip() == "业务时间恢复正常。"


def test_a_clock_is_as_full_as_its_time_has_passed() -> None:
    clock = TOLD.clocks[1]
    half = clock.started_at + (clock.due_at - clock.started_at) / 2
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(picture.drawn(TOLD, View(100, 30), now=half))
    [line] = [line for line in console.export_text().splitlines() if "Answer to an instruction" in line]
    assert (line.count("█"), line.count("░")) == (10, 10)


def test_what_a_service_cannot_say_now_stays_as_it_was() -> None:
    entry = TOLD.told[-1]
    told = TOLD.after(Update(cursor="x", entry=entry, petition=Petition(title="一个标题")))
    assert told.petition.title == "一个标题"
    assert told.petition.handling == TOLD.petition.handling
    assert TOLD.after(Update(cursor="x", entry=entry, petition=None)).petition == TOLD.petition


def test_lines_say_what_happened_when_where_and_by_whom() -> None:
    before = replace(TOLD, told=TOLD.told[:-1])
    assert lines.entry(before, ENGLISH) == (
        "      12-24 21:21  dispatch  handled 民办     Pressed by the supervisor 督办催办  district supervisor"
        "  [petition.pressed]"
    )
    late = replace(TOLD, told=TOLD.told[:-2])
    assert lines.entry(late, CHINESE) == (
        "      12-24 19:52  dispatch  民办             ! 督办升级 2级：办理时限  系统  [clock.escalated]"
    )
    assert lines.act(TOLD, ENGLISH) == (
        "17. The district supervisor 区人大常委会督办: presses (督办), with an instruction that must be answered"
        "  [pressPetition]"
    )


def test_a_case_ends_with_where_to_look_and_what_to_try_next() -> None:
    others = [CASES["sewer"], CASES["late"]]
    code, opens = "ABCDE-FGHJK", "its-secret"

    def closing(case: str, language: Language) -> str:
        url = "http://127.0.0.1:4000/"
        return lines.closing(CASES[case], language, console_url=url, code=code, secret=opens, others=others, now=NOW)

    said = closing("estate", ENGLISH)
    assert "http://127.0.0.1:4000/ : be Dewu street (street_committee.dewu), and run" in said
    assert 'petition(trackingCode: "ABCDE-FGHJK")' in said
    assert "tracking code ABCDE-FGHJK and secret its-secret" in said
    assert re.findall(r"make demo CASE=(\w+)", said) == ["sewer", "late"]
    assert "In the domain it is 12-24 21:21, " in said
    assert "业务时间现在是 12-24 21:21" in closing("estate", CHINESE)
    assert "12-24" not in closing("household", CHINESE)


def test_the_documentations_picture_is_the_recorded_story_and_asks_for_nothing_outside() -> None:
    image = picture.svg(TOLD, View(width=92, height=25), now=NOW, title="make demo CASE=estate")
    assert "font-face" not in image
    assert set(re.findall(r"https?://[^\"' )<]+", image)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    [length] = re.findall(r'textLength="([\d.]+)"[^>]*>重新办理<', image)
    assert float(length) == pytest.approx(8 * 12.2)


@pytest.mark.parametrize(
    ("environment", "encoding", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "utf-8", CHINESE),
        ({"LANG": "zh_CN.GB18030"}, "gb18030", CHINESE),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "utf-8", ENGLISH),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "utf-8", CHINESE),
        ({}, "utf-8", ENGLISH),
        ({"LANG": "zh_CN.UTF-8"}, "ascii", Language(terms=False)),
        ({}, "no-such-encoding", Language(terms=False)),
    ],
)
def test_the_language_is_the_environments(environment: dict[str, str], encoding: str, language: Language) -> None:
    found = Language.of(environment, encoding)
    assert (found.chinese, found.terms) == (language.chinese, language.terms)


def test_sentences_lose_their_terms_where_these_cannot_be_shown() -> None:
    words = Words("LOOK (看): finds it, and calls (转办 or not) later (soon)", "看")
    assert Language(terms=False).plain(words) == "LOOK: finds it, and calls later (soon)"
    assert ENGLISH.plain(words) == words.en
    assert CHINESE.plain(words) == "看"


def test_the_recorded_story_is_in_its_order() -> None:
    assert [entry.at for entry in TOLD.told] == sorted(entry.at for entry in TOLD.told)
    assert NOW - TOLD.told[-1].at < timedelta(hours=12)
