"""Case 1 of the report: a blocked sewer, from a shopkeeper's words to a closed case. Private details are invented.

Its turn: the department has to know something of the resident first, and its clock stands still meanwhile.
"""

from typing import Final

from deploy.local.demo.case import Act, Case
from deploy.local.demo.people import COMMUNITY_73, HOUSING, HUANGTUPO, HUI_BI, SHOPKEEPER
from deploy.local.demo.words import Words

CASE: Final = Case(
    name="sewer",
    title=Words("Case 1: a blocked sewer in Erzhong wholesale lane (二中批发巷)", "案例一：二中批发巷下水道堵塞"),
    committee=HUANGTUPO,
    steps=(
        Act(
            HUI_BI,
            Words("hears of it on a round of the through train (直通车), and records it", "直通车走访中听到，当场登记"),
            "submitPetition",
            {
                "words": "二中批发巷下水道堵了三天，污水漫到铺面门口。我叫王小明，电话13800138000。",
                "channel": "through-train",
                "community": "community-73",
                "estate": "erzhong-lane",
                "contact": {"name": "王小明", "phone": "13800138000"},
            },
        ),
        Act(
            HUANGTUPO,
            Words(
                "accepts it (受理) under a title of its own, without private details", "受理，另拟不含个人信息的标题"
            ),
            "acceptPetition",
            {"title": "二中批发巷下水道堵塞", "category": "drainage", "extent": "COMMUNITY"},
        ),
        Act(
            HUI_BI,
            Words("LISTEN (听): hears the shopkeepers out", "听：听商户说完"),
            "listenToPetition",
            {"said": "商户反映管道堵塞三天，影响经营"},
        ),
        Act(
            COMMUNITY_73,
            Words("LOOK (看): finds ten metres silted up and a broken cover", "看：主管约十米淤塞，一处井盖破损"),
            "lookAtPetition",
            {"findings": "主管约十米淤塞，检查井破损一处"},
        ),
        Act(
            HUANGTUPO,
            Words("DELIBERATE (议): six people weigh it", "议：六人参加研判"),
            "deliberateOnPetition",
            {"outcome": "情况属实，建议由住建部门疏通并更换井盖", "participants": 6},
        ),
        Act(
            HUANGTUPO,
            Words("HANDLE (办): hands it over (转办), ORDINARY: 15 working days", "办：转办，一般事项，15个工作日"),
            "handOverPetition",
            {"request": "请疏通二中批发巷主排水管，更换破损检查井，并答复商户", "deadlineClass": "ORDINARY"},
            then="work_order.opened",
        ),
        Act(
            HUANGTUPO,
            Words("assigns it (交办) to the housing bureau, as routing suggests", "按路由建议交办给区住建局"),
            "assignWorkOrder",
            {"department": "housing"},
        ),
        Act(HOUSING, Words("acknowledges it (签收)", "签收"), "acknowledgeWorkOrder"),
        Act(HOUSING, Words("starts work", "开始办理"), "startWorkOrder"),
        Act(
            HOUSING,
            Words(
                "asks when the lane is free for its truck; its clock stands still until the answer",
                "询问何时便于工程车进场；答复前办理时限暂停",
            ),
            "askResident",
            {"question": "疏通车需占用巷道约两小时，请问哪一天哪个时段影响最小？"},
        ),
        Act(
            SHOPKEEPER,
            Words("answers, with code and secret alone: Monday before seven", "凭查询码和密码答复：周一早上七点前"),
            "addInformation",
            {"words": "周一早上七点以前市场没开门，可以进场。"},
            then="work_order.resumed",
        ),
        Act(
            HOUSING,
            Words("replies (答复) in plain words: cleared, and the cover replaced", "用通俗的话答复：已疏通，井盖已换"),
            "replyToWorkOrder",
            {"words": "管道已疏通，破损井盖已更换，现排水正常。", "measures": "高压疏通十米，更换检查井盖一处"},
            then="visit.scheduled",
        ),
        Act(
            HUI_BI,
            Words("the return visit (回访): contacted, solved, satisfied", "回访：已联系、已解决、满意"),
            "recordVisit",
            {
                "means": "IN_PERSON",
                "reached": True,
                "responded": True,
                "solved": True,
                "satisfied": True,
                "comment": "商户表示满意",
            },
        ),
        Act(HUANGTUPO, Words("closes it (办结)", "办结"), "closePetition"),
    ),
)
