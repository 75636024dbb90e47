"""What the lives are about: places and troubles, so that no two petitions say the same, and no search finds one alone.

A copy differs from what was played in these words, which is why they stand in every text of a life as they are.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

_PLACES: Final = (
    *(
        "二中批发巷",
        "职院安置小区",
        "人民西路",
        "马鞍街口",
        "东风西路",
        "黄土坡菜场",
        "老车站后巷",
        "河滨步道",
        "新村东区",
    ),
    *("凉都大道", "钟山中路", "明湖路口", "荷泉社区广场", "水西北路", "麒麟公园北门", "双水新区", "龙山路", "向阳南街"),
    *("矿务局家属院", "建设西路", "康乐南路", "南环路", "青峰路", "红岩小学门前", "德坞大街", "月照路", "大河桥头"),
)
# For each: what it is called in a title, the category that it is accepted under, and the kind of the petition.
_TROUBLES: Final = (
    ("下水道堵塞", "drainage", "DEMAND"),
    ("污水外溢", "drainage", "DEMAND"),
    ("井盖松动", "municipal", "DEMAND"),
    ("路灯不亮", "municipal", "DEMAND"),
    ("人行道破损", "municipal", "DEMAND"),
    ("垃圾无人清运", "environment", "DEMAND"),
    ("油烟扰民", "environment", "DEMAND"),
    ("夜间施工噪声", "environment", "DEMAND"),
    ("停车占道", "traffic", "DEMAND"),
    ("缺少斑马线", "traffic", "SUGGESTION"),
    ("公交站点过远", "traffic", "SUGGESTION"),
    ("电梯经常停运", "housing-estate", "DEMAND"),
    ("物业收费不明", "housing-estate", "DISPUTE"),
    ("楼道渗水", "old-estate-renewal", "DEMAND"),
    ("加装电梯意见不一", "old-estate-renewal", "DISPUTE"),
    ("老人就餐不便", "elderly-care", "SUGGESTION"),
    ("门牌缺失无法落户", "household-registration", "DEMAND"),
    ("楼上漏水不修", "neighbour-dispute", "DISPUTE"),
    ("公共绿地被占", "other", "DEMAND"),
)
_TROUBLE_NAMES: Final = tuple(name for name, _, _ in _TROUBLES)
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN: Final = "小明华强丽军敏静杰涛燕平霞鹏玲斌红波兰建国秀英志伟"


@dataclass(frozen=True, slots=True)
class Matter:
    """What a petition is about: an address that no other has, and a trouble."""

    address: str
    trouble: str
    category: str
    kind: str

    @property
    def title(self) -> str:
        """What the committee calls it."""
        return f"{self.address}{self.trouble}"


def new_matter(random: Random) -> Matter:
    """Return a matter for a life that is played."""
    trouble, category, kind = random.choice(_TROUBLES)
    return Matter(new_address(random), trouble, category, kind)


def new_address(random: Random) -> str:
    """Return an address, one of some thirty million."""
    return f"{random.choice(_PLACES)}{random.randrange(100_000, 1_000_000)}号"


def new_trouble(random: Random) -> str:
    """Return a trouble's name; a copy keeps the category of what it was made from."""
    return random.choice(_TROUBLE_NAMES)


def new_name(random: Random) -> str:
    """Return a person's name."""
    return random.choice(_SURNAMES) + "".join(random.choices(_GIVEN, k=random.choice((1, 2, 2))))


def new_phone(random: Random, of: int) -> str:
    """Return the phone number of one of so many residents, so that some file more than one petition."""
    return f"13{random.randrange(of):09}"
