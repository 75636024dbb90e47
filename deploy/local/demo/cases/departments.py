"""Petitions for departments whose own programs answer: what people do with them, up to the assignment and after it."""

from collections.abc import Sequence
from typing import Final

from deploy.local.demo.case import Act, Case, Step, Told
from deploy.local.demo.people import COMMUNITY_73, HUANGTUPO, HUI_BI
from deploy.local.demo.words import Words

TITLED: Final = Case(
    name="departments",
    title=Words(
        "Two departments with programs of their own: one is killed meanwhile, and catches up",
        "两个部门用自己的程序接单：其中一个中途被杀掉，重启后补齐",
    ),
    committee=HUANGTUPO,
    steps=(),
)
"""How it is listed; its petitions are the cases below."""


def _screened(words: str, title: str, category: str, request: str) -> tuple[Step, ...]:
    """Return what people do until a department can be chosen; the committee knows it all already."""
    return (
        Act(
            HUI_BI,
            Words("records on a visit what residents say", "走访登记居民反映的情况"),
            "submitPetition",
            {"words": words, "channel": "visit", "community": "community-73", "estate": "erzhong-lane"},
        ),
        Act(
            HUANGTUPO,
            Words("accepts it (受理)", "受理"),
            "acceptPetition",
            {"title": title, "category": category, "extent": "COMMUNITY"},
        ),
        Act(HUI_BI, Words("LISTEN (听)", "听"), "listenToPetition", {"said": "居民反映属实，希望尽快处理"}),
        Act(COMMUNITY_73, Words("LOOK (看)", "看"), "lookAtPetition", {"findings": "现场查看，情况属实"}),
        Act(
            HUANGTUPO,
            Words("DELIBERATE (议)", "议"),
            "deliberateOnPetition",
            {"outcome": "情况属实，应由责任部门处理", "participants": 4},
        ),
        Act(
            HUANGTUPO,
            Words("HANDLE (办): hands it over (转办)", "办：转办"),
            "handOverPetition",
            {"request": request, "deadlineClass": "SIMPLE"},
            then="work_order.opened",
        ),
    )


def _assigned(department: str, to: Words) -> Act:
    return Act(
        HUANGTUPO,
        Words(f"assigns it (交办) to {to.en}", f"交办给{to.zh}"),
        "assignWorkOrder",
        {"department": department, "reason": "属该部门职责"},
    )


_ANSWERED: Final = Told(
    Words(
        "Nobody in this case acts for the department: its own program acknowledges, starts and replies",
        "本案例没有人替部门操作：签收、开始办理、答复都由部门自己的程序完成",
    ),
    "visit.scheduled",
)

_VISITED: Final[tuple[Step, ...]] = (
    Act(
        HUI_BI,
        Words("the return visit (回访): contacted, solved, satisfied", "回访：已联系、已解决、满意"),
        "recordVisit",
        {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True},
    ),
    Act(HUANGTUPO, Words("closes it (办结)", "办结"), "closePetition"),
)


ORDER: Final = Case(
    name="order",
    title=Words("A work order that waits for the housing bureau's own program", "一张等待区住建局自己的程序来接的工单"),
    committee=HUANGTUPO,
    steps=(
        *_screened("楼道扶手松了，老人不敢扶。", "楼道扶手松动", "housing-estate", "请加固楼道扶手并答复居民"),
        _assigned("housing", Words("the housing bureau, and nobody acts for it", "区住建局，之后没有人替它操作")),
    ),
)
"""For whoever connects a department: docs/departments.md begins with it."""


def leak(department: str, name: Words) -> Case:
    """Return a leaking main, from a resident's words to a closed case."""
    steps = _screened("巷口自来水主管漏水三天了。", "巷口自来水主管漏水", "municipal", "请抢修巷口自来水主管并答复居民")
    title = Words("A leaking water main", "自来水主管漏水")
    return Case("leak", title, HUANGTUPO, (*steps, _assigned(department, name), _ANSWERED, *_VISITED))


def stalls(department: str, name: Words) -> Case:
    """Return stalls on the pavement, from a resident's words to a closed case."""
    steps = _screened("摊位占了人行道，推车过不去。", "流动摊位占用人行道", "environment", "请清理占道摊位并答复居民")
    title = Words("Stalls on the pavement", "摊位占道")
    return Case("stalls", title, HUANGTUPO, (*steps, _assigned(department, name), _ANSWERED, *_VISITED))


def rubbish(department: str, name: Words, *, before: Sequence[Step], after: Sequence[Step]) -> Case:
    """Return heaped rubbish; what happens before and after the assignment is not people's doing."""
    steps = _screened("楼后垃圾堆了一周没人清。", "楼后垃圾堆积", "environment", "请清运楼后垃圾并答复居民")
    title = Words("Heaped rubbish, while the program is away", "垃圾堆积（程序停机期间）")
    return Case(
        "rubbish", title, HUANGTUPO, (*steps, *before, _assigned(department, name), *after, _ANSWERED, *_VISITED)
    )
