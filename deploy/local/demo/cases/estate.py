"""Case 6 of the report: an estate without management, followed to the end. Private details are invented.

Its turns: a reply that is sent back, a reply that solved nothing and so reopens it, and a second round that runs late.
"""

from typing import Final

from deploy.local.demo.case import Act, Case, Overrun
from deploy.local.demo.people import CHEN_LING, DEWU, HOUSING, LUO_XIULAN, OFFICE_DEWU, SUPERVISOR, ZHIYUAN
from deploy.local.demo.words import Words
from services.contracts.vocabulary import ClockKind

_FILED: Final = (
    Act(
        CHEN_LING,
        Words(
            "scans the code on her building (码上见): companies came and left, nobody looks after it",
            "扫楼栋二维码反映：物业来了又走，没人管",
        ),
        "submitPetition",
        {
            "words": "9号楼的物业来了又走，垃圾堆在楼道，门禁坏了一年没人修。我叫陈玲，电话13700137000。",
            "channel": "qr-code",
            "community": "zhiyuan",
            "estate": "zhiyuan-9",
            "contact": {"name": "陈玲", "phone": "13700137000"},
        },
    ),
    Act(
        DEWU,
        Words("accepts it (受理)", "受理"),
        "acceptPetition",
        {"title": "职院安置小区9号楼无物业管理", "category": "housing-estate", "extent": "BUILDING"},
    ),
    Act(
        LUO_XIULAN,
        Words("LISTEN (听): hears the neighbours out", "听：听住户说完"),
        "listenToPetition",
        {"said": "住户反映三年换了两家物业，现无人管理"},
    ),
    Act(
        ZHIYUAN,
        Words("LOOK (看): rubbish, a broken door, dark stairs", "看：垃圾堆积，门禁损坏，楼道无灯"),
        "lookAtPetition",
        {"findings": "楼道堆物，门禁损坏，三层以上楼道灯不亮"},
    ),
    Act(
        DEWU,
        Words("DELIBERATE (议): on the square, 23 people", "议：在议事广场，23人参加"),
        "deliberateOnPetition",
        {"outcome": "属三无小区，建议由住建部门牵头引入物业", "participants": 23},
    ),
    Act(
        DEWU,
        Words("HANDLE (办): hands it over (转办), ORDINARY: 15 working days", "办：转办，一般事项，15个工作日"),
        "handOverPetition",
        {"request": "请为职院安置小区9号楼落实物业管理，清理楼道，修复门禁和照明", "deadlineClass": "ORDINARY"},
        then="work_order.opened",
    ),
)

_FIRST_ROUND: Final = (
    Act(
        DEWU,
        Words("assigns it (交办) to the housing bureau", "交办给区住建局"),
        "assignWorkOrder",
        {"department": "housing"},
    ),
    Act(HOUSING, Words("acknowledges it (签收)", "签收"), "acknowledgeWorkOrder"),
    Act(HOUSING, Words("starts work", "开始办理"), "startWorkOrder"),
    Act(
        HOUSING,
        Words("replies (答复): a letter was sent to a company", "答复：已发函协调物业公司"),
        "replyToWorkOrder",
        {"words": "我局已发函协调物业公司进场。", "measures": "发函一份"},
        then="visit.scheduled",
    ),
    Act(
        DEWU,
        Words("sends the reply back (退回): a letter is no company at the door", "退回答复：只发函，未落实"),
        "sendBackReply",
        {"ground": "NOT_DONE", "reason": "只发函，未见物业进场，楼道和门禁未处理"},
        then="case.recalled",
    ),
    Act(
        HOUSING,
        Words("replies again: a company is in, the rubbish is gone", "再次答复：物业已进场，垃圾已清"),
        "replyToWorkOrder",
        {"words": "物业公司已进场，楼道垃圾已清理。", "measures": "引入物业公司一家，清运垃圾两车"},
        then="visit.scheduled",
    ),
    Act(
        LUO_XIULAN,
        Words(
            "the return visit (回访): NOT solved, the company has left again. It reopens by itself",
            "回访：未解决，物业又撤了。系统自动重新办理",
        ),
        "recordVisit",
        {
            "means": "IN_PERSON",
            "reached": True,
            "responded": True,
            "solved": False,
            "satisfied": False,
            "comment": "物业只来了两周就撤场，门禁仍是坏的",
        },
        then="work_order.opened",
    ),
)

_SECOND_ROUND: Final = (
    Act(
        DEWU,
        Words(
            "assigns round two to the street office, SIMPLE: it steps in within 5 working days",
            "第二轮交办给街道办事处兜底，简易事项，5个工作日",
        ),
        "assignWorkOrder",
        {"department": "office-dewu", "deadlineClass": "SIMPLE", "reason": "先由街道兜底服务，再组建业主组织选聘物业"},
    ),
    Act(OFFICE_DEWU, Words("acknowledges it (签收)", "签收"), "acknowledgeWorkOrder"),
    Act(OFFICE_DEWU, Words("starts work", "开始办理"), "startWorkOrder"),
    Overrun(
        Words(
            "The owners cannot agree, and the clock runs over (超期)",
            "业主意见不一，办理超期",
        ),
        ClockKind.HANDLING,
        level=2,
        seconds=20,
    ),
    Act(
        SUPERVISOR,
        Words("presses (督办), with an instruction that must be answered", "督办：下达必须答复的督办意见"),
        "pressPetition",
        {"instruction": "请说明逾期原因，并于两个工作日内落实兜底服务。"},
    ),
    Act(
        OFFICE_DEWU,
        Words("answers the instruction: the owners vote this week", "答复督办：本周组织业主表决"),
        "answerInstruction",
        {"words": "业主意见不一导致逾期。社区已派人兜底保洁，本周组织业主表决。"},
    ),
    Act(
        OFFICE_DEWU,
        Words(
            "replies (答复): an owners' committee elected, a company chosen, the door mended",
            "答复：业委会已成立，物业已选聘，门禁已修复",
        ),
        "replyToWorkOrder",
        {
            "words": "业主委员会已选举产生，选聘的物业已签约进场，门禁和楼道灯已修复。",
            "measures": "组建业主委员会，签订物业合同，修复门禁一处、楼道灯六盏",
        },
        then="visit.scheduled",
    ),
    Act(
        LUO_XIULAN,
        Words("the return visit (回访): contacted, solved, satisfied", "回访：已联系、已解决、满意"),
        "recordVisit",
        {
            "means": "PHONE",
            "reached": True,
            "responded": True,
            "solved": True,
            "satisfied": True,
            "comment": "楼道干净了，门禁也好了",
        },
    ),
    Act(DEWU, Words("closes it (办结)", "办结"), "closePetition"),
)

CASE: Final = Case(
    name="estate",
    title=Words("Case 6: the estate without management (三无小区)", "案例六：三无小区"),
    committee=DEWU,
    steps=(*_FILED, *_FIRST_ROUND, *_SECOND_ROUND),
)
