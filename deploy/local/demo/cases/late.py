"""A petition that nobody takes up: a reminder, three levels, the board, and the supervisor's instruction."""

from datetime import datetime
from typing import Any, Final

from deploy.local.demo.case import Act, Case, Look, Overrun
from deploy.local.demo.people import COMMUNITY_73, HOUSING, HUANGTUPO, HUI_BI, SUPERVISOR
from deploy.local.demo.words import Language, Words
from services.contracts.vocabulary import ClockKind
from services.kernel.calendar import SHANGHAI

_EXPLAINED: Final = """
query Explained($id: ID!, $locale: String!) { petition(id: $id) { handling { deadlines {
  kind label(locale: $locale) explanation { text(locale: $locale) }
} } } }"""

_BOARD: Final = """
query Board($locale: String!) { lateClocks(levels: [3], first: 5) { edges { node {
  label(locale: $locale) level dueAt lateForWorkingDays responsibleLabel(locale: $locale)
  department { name(locale: $locale) } tellsLabels(locale: $locale) petition { title trackingCode }
} } } }"""


def _explained(answer: Any, _: Language) -> list[str]:
    deadlines = answer["petition"]["handling"]["deadlines"]
    clock = next(one for one in deadlines if one["kind"] == ClockKind.ACKNOWLEDGEMENT)
    return [clock["label"], *clock["explanation"]["text"].splitlines()]


def _board(answer: Any, language: Language) -> list[str]:
    lines: list[str] = []
    for edge in answer["lateClocks"]["edges"]:
        late = edge["node"]
        whom = late["department"]["name"] if late["department"] else late["responsibleLabel"]
        due = datetime.fromisoformat(late["dueAt"]).astimezone(SHANGHAI)
        days = late["lateForWorkingDays"]
        since = language.plain(
            Words(f"due {due:%m-%d}, {days:.1f} working days late", f"{due:%m-%d} 到期，已逾期 {days:.1f} 个工作日")
        )
        told = "、".join(late["tellsLabels"]) if language.chinese else ", ".join(late["tellsLabels"])
        petition = late["petition"]
        title = petition["title"] or language.plain(Words("not accepted yet", "尚未受理"))
        lines.append(
            f"{petition['trackingCode']} {title}: {late['label']}  {whom}  {since}"
            f"{language.plain(Words('; told: ', '；已通知：'))}{told}"
        )
    return lines


CASE: Final = Case(
    name="late",
    title=Words(
        "A petition that nobody takes up: reminder, levels 1 to 3, the board", "无人签收：提醒、三级督办、督办台"
    ),
    committee=HUANGTUPO,
    steps=(
        Act(
            HUI_BI,
            Words("records on a visit: the street lamps in the lane are out", "走访登记：巷里路灯不亮"),
            "submitPetition",
            {
                "words": "二中批发巷路灯坏了一周，晚上没人敢走。",
                "channel": "visit",
                "community": "community-73",
                "estate": "erzhong-lane",
            },
        ),
        Act(
            HUANGTUPO,
            Words("accepts it (受理)", "受理"),
            "acceptPetition",
            {"title": "二中批发巷路灯不亮", "category": "municipal", "extent": "STREET"},
        ),
        Act(HUI_BI, Words("LISTEN (听)", "听"), "listenToPetition", {"said": "居民反映路灯一周不亮"}),
        Act(
            COMMUNITY_73, Words("LOOK (看): five lamps", "看：五盏路灯"), "lookAtPetition", {"findings": "五盏路灯不亮"}
        ),
        Act(
            HUANGTUPO,
            Words("DELIBERATE (议): four people", "议：四人参加"),
            "deliberateOnPetition",
            {"outcome": "应修复", "participants": 4},
        ),
        Act(
            HUANGTUPO,
            Words("HANDLE (办): hands it over (转办)", "办：转办"),
            "handOverPetition",
            {"request": "请修复二中批发巷五盏路灯", "deadlineClass": "ORDINARY"},
            then="work_order.opened",
        ),
        Act(
            HUANGTUPO,
            Words("assigns it (交办) to the housing bureau", "交办给区住建局"),
            "assignWorkOrder",
            {"department": "housing", "reason": "路灯由住建部门负责"},
        ),
        Look(Words("The clock explains itself", "时限的由来"), _EXPLAINED, _explained),
        Overrun(Words("Nobody acknowledges it (签收)", "无人签收"), ClockKind.ACKNOWLEDGEMENT, level=3, seconds=30),
        Look(Words("The supervisor's board (督办台), level 3", "督办台，三级督办"), _BOARD, _board),
        Act(
            SUPERVISOR,
            Words("presses by hand (督办), with an instruction that must be answered", "督办：下达必须答复的督办意见"),
            "pressPetition",
            {"instruction": "请于两个工作日内签收并说明延误原因。"},
        ),
        Act(
            HOUSING, Words("acknowledges at last (签收): the clock stops", "终于签收：计时结束"), "acknowledgeWorkOrder"
        ),
        Act(
            HOUSING,
            Words("answers the instruction", "答复督办"),
            "answerInstruction",
            {"words": "因人员调整漏收，已签收，明日进场维修。"},
        ),
    ),
)
