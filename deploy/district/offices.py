"""Departments, categories and routing rules of the full district, beyond those of the small one."""

from typing import Final

from deploy.district.names import slug
from services.contracts.reference import AnyEntry, Category, Department, Name, RoutingRule, Street

_DEPARTMENTS: Final = (
    ("education", "区教育局", "District Education Bureau"),
    ("health", "区卫生健康局", "District Health Bureau"),
    ("human-resources", "区人力资源和社会保障局", "District Human Resources and Social Security Bureau"),
    ("market-regulation", "区市场监督管理局", "District Market Regulation Bureau"),
    ("emergency-management", "区应急管理局", "District Emergency Management Bureau"),
    ("fire-rescue", "区消防救援大队", "District Fire and Rescue Brigade"),
    ("natural-resources", "区自然资源局", "District Natural Resources Bureau"),
    ("justice", "区司法局", "District Justice Bureau"),
    ("veterans-affairs", "区退役军人事务局", "District Veterans Affairs Bureau"),
    ("medical-security", "区医疗保障局", "District Medical Security Bureau"),
    ("culture-tourism", "区文体广电旅游局", "District Culture, Sports and Tourism Bureau"),
    ("agriculture-rural", "区农业农村局", "District Agriculture and Rural Affairs Bureau"),
    ("disabled-federation", "区残疾人联合会", "District Disabled Persons' Federation"),
    ("development-reform", "区发展和改革局", "District Development and Reform Bureau"),
    ("traffic-police", "区交警大队", "District Traffic Police Brigade"),
    ("sanitation", "环卫公司", "Sanitation Company"),
    ("street-lighting", "路灯管理所", "Street Lighting Office"),
    ("gas-utility", "燃气公司", "Gas Company"),
    ("bus-company", "公交公司", "Bus Company"),
    ("telecom-utility", "通信运营商联席办公室", "Telecommunications Operators' Joint Office"),
)

# A category, its parent among those that every installation has, and the department that its rule names.
_CATEGORIES: Final = (
    ("water-supply", "供水", "Water supply", "municipal", "water-utility"),
    ("power-supply", "供电", "Power supply", "municipal", "power-utility"),
    ("gas-supply", "燃气", "Gas supply", "municipal", "gas-utility"),
    ("lamps", "路灯照明", "Street lighting", "municipal", "street-lighting"),
    ("roads", "道路维修", "Road repair", "municipal", "housing"),
    ("telecom", "通信线路", "Telecommunication lines", "municipal", "telecom-utility"),
    ("parking", "停车管理", "Parking", "traffic", "traffic-police"),
    ("public-transport", "公共交通", "Public transport", "traffic", "bus-company"),
    ("noise", "噪声扰民", "Noise", "environment", "environment"),
    ("waste", "垃圾清运", "Waste collection", "environment", "sanitation"),
    ("lifts", "电梯安全", "Lift safety", "housing-estate", "market-regulation"),
    ("land-use", "规划用地", "Planning and land use", None, "natural-resources"),
    ("schooling", "入学教育", "Schooling", None, "education"),
    ("health-care", "医疗卫生", "Health care", None, "health"),
    ("medical-insurance", "医疗保险", "Medical insurance", None, "medical-security"),
    ("employment", "就业社保", "Employment and social security", None, "human-resources"),
    ("market-order", "市场秩序", "Market order", None, "market-regulation"),
    ("fire-safety", "消防安全", "Fire safety", None, "fire-rescue"),
    ("legal-aid", "法律援助", "Legal aid", None, "justice"),
    ("veterans", "退役军人服务", "Services for veterans", None, "veterans-affairs"),
    ("disability", "残疾人服务", "Services for disabled persons", None, "disabled-federation"),
    ("culture-sports", "文体设施", "Culture and sports facilities", None, "culture-tourism"),
    ("farming", "农业农村", "Farming", None, "agriculture-rural"),
    ("hazards", "安全隐患", "Hazards", None, "emergency-management"),
    ("prices", "价格收费", "Prices and fees", None, "development-reform"),
)

# Where sewers are the water company's: a rule for one place wins over the district's of the same priority.
_SEWERS_OF_THE_COMPANY: Final = ("yunqi", "xincheng")


def categories() -> list[AnyEntry]:
    """Return categories finer than those of every installation."""
    return [
        Category(id=code, name=Name(zh=zh, en=en), parent=parent, generated=True)
        for code, zh, en, parent, _ in _CATEGORIES
    ]


def departments(streets: list[Street]) -> list[AnyEntry]:
    """Return bureaus and utilities, and an office for each of some streets."""
    bureaus = [Department(id=code, name=Name(zh=zh, en=en), generated=True) for code, zh, en in _DEPARTMENTS]
    offices = [
        Department(
            id=f"office-{street.id}",
            name=Name(zh=f"{street.name.zh}办事处", en=f"{street.name.en} Office"),
            street=street.id,
            generated=True,
        )
        for street in streets
    ]
    return [*bureaus, *offices]


def routing(streets: list[Street]) -> list[AnyEntry]:
    """Return a rule for each category, some for one street's sewers, and a last resort for each of some streets."""
    by_category = [
        RoutingRule(id=f"r-{code}", name=_rule(zh, en), priority=10, department=to, category=code, generated=True)
        for code, zh, en, _, to in _CATEGORIES
    ]
    by_place = [
        RoutingRule(
            id=f"r-drainage-{street.id}",
            name=_rule(f"{street.name.zh}排水", f"sewers of {street.name.en}"),
            priority=10,
            department="water-utility",
            category="drainage",
            street=street.id,
            generated=True,
        )
        for street in streets
        if street.id in _SEWERS_OF_THE_COMPANY
    ]
    last = [
        RoutingRule(
            id=f"r-office-{street.id}",
            name=Name(zh=f"兜底规则 {street.id}", en=f"Fallback for {slug(street.name)}"),
            priority=90,
            department=f"office-{street.id}",
            street=street.id,
            generated=True,
        )
        for street in streets
    ]
    return [*by_category, *by_place, *last]


def _rule(zh: str, en: str) -> Name:
    return Name(zh=f"路由规则：{zh}", en=f"Routing rule: {en}")
