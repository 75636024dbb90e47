"""Case 2 of the report: no house number, so no household registration. Private details are invented.

Its turn: the police decline what is not theirs, the civil affairs bureau takes it, as routing had suggested.
"""

from typing import Final

from deploy.local.demo.case import Act, Case
from deploy.local.demo.people import CIVIL_AFFAIRS, FENGHUANG, HUANG_MEIPING, MAAN, NEIGHBOUR, PUBLIC_SECURITY
from deploy.local.demo.words import Words

CASE: Final = Case(
    name="household",
    title=Words("Case 2: no house number (门牌), so no household registration", "案例二：没有门牌号，落不了户"),
    committee=FENGHUANG,
    steps=(
        Act(
            HUANG_MEIPING,
            Words(
                "hears it in Ma'an's deliberation corner (议事角), and makes a suggestion (建议) of it",
                "在马鞍社区议事角听到，整理成一条建议",
            ),
            "submitPetition",
            {
                "words": "老街的自建房一直没有门牌号，孩子要上学，户口落不下来。我叫张小丽，电话13900139000。",
                "kind": "SUGGESTION",
                "channel": "venue-meeting",
                "community": "maan",
                "estate": "maan-old-street",
                "contact": {"name": "张小丽", "phone": "13900139000"},
            },
        ),
        Act(
            FENGHUANG,
            Words("accepts it (受理)", "受理"),
            "acceptPetition",
            {"title": "马鞍老街住房无门牌号，无法落户", "category": "household-registration", "extent": "COMMUNITY"},
        ),
        Act(
            HUANG_MEIPING,
            Words("LISTEN (听): eleven households say the same", "听：十一户反映同样的问题"),
            "listenToPetition",
            {"said": "十一户居民反映自建房未编门牌，落户、入学、收件均受影响"},
        ),
        Act(
            MAAN,
            Words("LOOK (看): walks the street, counts 46 houses without a number", "看：逐户走访，46栋无门牌"),
            "lookAtPetition",
            {"findings": "老街46栋住房无门牌，其中11户因此未能落户"},
        ),
        Act(
            FENGHUANG,
            Words("DELIBERATE (议): in the corner again, fourteen people", "议：回到议事角，十四人参加"),
            "deliberateOnPetition",
            {"outcome": "建议统一编制门牌，凭门牌证明办理落户", "participants": 14},
        ),
        Act(
            FENGHUANG,
            Words("HANDLE (办): hands it over (转办), ORDINARY", "办：转办，一般事项"),
            "handOverPetition",
            {"request": "请为马鞍老街46栋住房解决门牌和落户问题", "deadlineClass": "ORDINARY"},
            then="work_order.opened",
        ),
        Act(
            FENGHUANG,
            Words(
                "assigns it (交办) to the police: registering is theirs. Routing suggested otherwise",
                "交办给公安：户籍归公安管（路由另有建议）",
            ),
            "assignWorkOrder",
            {"department": "public-security", "reason": "居民诉求是落户，户籍登记由公安办理"},
        ),
        Act(
            PUBLIC_SECURITY,
            Words(
                "declines it (退办): without a number there is nothing to register; civil affairs gives numbers",
                "退办：没有门牌无从登记，门牌由民政编制",
            ),
            "declineWorkOrder",
            {
                "ground": "NOT_OURS",
                "reason": "落户须凭门牌证明，门牌编制属民政部门职责",
                "proposed": "civil-affairs",
            },
        ),
        Act(
            FENGHUANG,
            Words("assigns it to the civil affairs bureau (区民政局)", "改派区民政局"),
            "assignWorkOrder",
            {"department": "civil-affairs"},
        ),
        Act(CIVIL_AFFAIRS, Words("acknowledges it (签收): it is theirs", "签收：属本单位职责"), "acknowledgeWorkOrder"),
        Act(CIVIL_AFFAIRS, Words("starts work", "开始办理"), "startWorkOrder"),
        Act(
            CIVIL_AFFAIRS,
            Words(
                "replies (答复): 46 numbers given; with them the police station registers",
                "答复：46个门牌已编制，凭证明到派出所落户",
            ),
            "replyToWorkOrder",
            {
                "words": "老街46栋住房已统一编制门牌并上墙，居民可凭门牌证明到派出所办理落户。",
                "measures": "编制门牌46个，出具门牌证明46份，并函告公安部门",
            },
            then="visit.scheduled",
        ),
        Act(
            NEIGHBOUR,
            Words(
                "answers the return visit's form (回访) herself: contacted, solved, satisfied",
                "自己填写回访表：已联系、已解决、满意",
            ),
            "recordVisit",
            {
                "means": "FORM",
                "reached": True,
                "responded": True,
                "solved": True,
                "satisfied": True,
                "comment": "孩子的户口落好了",
            },
        ),
        Act(FENGHUANG, Words("closes it (办结)", "办结"), "closePetition"),
    ),
)
