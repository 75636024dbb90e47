"""The development issuer: demo users of every role, for local runs only (production settings refuse its tokens).

`python -m services.kernel.auth.development keys FOLDER` creates what is missing of the keys folder, and writes who the
demo users are; `… token ROLE[.NAME] --keys FOLDER [--street …]` prints a token and nothing else.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

import cyclopts
from joserfc import jwt

from services.contracts.vocabulary import Role
from services.kernel.auth import keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER

LIFETIME_SECONDS: Final = 12 * 3600

DEMO_USERS_FILE: Final = "demo-users.json"
"""Written beside the keys at each start: who one can be, for the gateway's console."""

ROLE_NAMES: Final[Mapping[Role, tuple[str, str]]] = MappingProxyType(
    {
        Role.REPRESENTATIVE: ("议政代表", "representative"),
        Role.STATION_STAFF: ("联络站工作人员", "station staff"),
        Role.COMMUNITY: ("社区", "community"),
        Role.STREET_COMMITTEE: ("街道人大工委", "street NPC committee"),
        Role.DEPARTMENT: ("承办单位", "department"),
        Role.DEPARTMENT_HEAD: ("承办单位负责人", "department head"),
        Role.EXPERT: ("专业人士", "expert"),
        Role.DISTRICT_SUPERVISOR: ("区人大常委会督办", "district supervisor"),
        Role.DISTRICT_LEADER: ("区委领导", "district leader"),
        Role.INTEGRATOR: ("系统对接方", "integrator"),
        Role.OPERATOR: ("运维", "operator"),
    }
)
"""What a role is called, in Chinese and in English."""


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Somebody whom one can be in a local run: a role, whom it is in Chinese and in English, and the token's claims."""

    role: Role
    zh: str
    en: str
    claims: Mapping[str, Any]


def _representative(zh: str, en: str, name: str, street: str, community: str, id_: str = "") -> DemoUser:
    claims = {
        "sub": f"demo-{name}",
        "representative": id_ or f"rep-{name}",
        "placements": [community],
        "street": street,
    }
    return DemoUser(Role.REPRESENTATIVE, zh, en, claims)


def _committee(zh: str, en: str, street: str, sub: str) -> DemoUser:
    return DemoUser(Role.STREET_COMMITTEE, zh, en, {"sub": sub, "street": street})


def _department(zh: str, en: str, department: str, sub: str, role: Role = Role.DEPARTMENT) -> DemoUser:
    return DemoUser(role, zh, en, {"sub": sub, "department": department})


DEMO_USERS: Final[Mapping[str, DemoUser]] = MappingProxyType(
    {
        "representative": _representative("惠碧", "Hui Bi", "hui-bi", "huangtupo", "community-73"),
        "representative.peng-xuan": _representative("彭煊", "Peng Xuan", "peng-xuan", "huangtupo", "renmin-west"),
        "representative.huang-meiping": _representative(
            "黄美平", "Huang Meiping", "huang-meiping", "fenghuang", "maan"
        ),
        "representative.xu-jin": _representative("徐瑾", "Xu Jin", "xu-jin", "hongyan", "dongfeng-west"),
        "representative.luo-xiulan": _representative(
            "罗秀兰", "Luo Xiulan", "luo-xiulan", "dewu", "zhiyuan", "rep-dewu-001"
        ),
        "station_staff": DemoUser(
            Role.STATION_STAFF,
            "黄土坡街道联络站",
            "Huangtupo station",
            {"sub": "demo-station-staff", "placements": ["community-73"], "street": "huangtupo"},
        ),
        "community": DemoUser(
            Role.COMMUNITY,
            "七十三社区",
            "Community 73",
            {"sub": "demo-community", "community": "community-73", "street": "huangtupo"},
        ),
        "community.maan": DemoUser(
            Role.COMMUNITY,
            "马鞍社区",
            "Ma'an",
            {"sub": "demo-community-maan", "community": "maan", "street": "fenghuang"},
        ),
        "community.zhiyuan": DemoUser(
            Role.COMMUNITY,
            "职院社区",
            "Zhiyuan",
            {"sub": "demo-community-zhiyuan", "community": "zhiyuan", "street": "dewu"},
        ),
        "street_committee": _committee("黄土坡街道", "Huangtupo", "huangtupo", "demo-street-committee"),
        "street_committee.fenghuang": _committee("凤凰街道", "Fenghuang", "fenghuang", "demo-committee-fenghuang"),
        "street_committee.hongyan": _committee("红岩街道", "Hongyan", "hongyan", "demo-committee-hongyan"),
        "street_committee.dewu": _committee("德坞街道", "Dewu", "dewu", "demo-committee-dewu"),
        "department": _department("区住房和城乡建设局", "Housing Bureau", "housing", "demo-department"),
        "department.civil-affairs": _department("区民政局", "Civil Affairs", "civil-affairs", "demo-civil-affairs"),
        "department.public-order": _department("区综治中心", "Public Order", "public-order", "demo-public-order"),
        "department.public-security": _department(
            "区公安分局", "Public Security", "public-security", "demo-public-security"
        ),
        "department.office-dewu": _department(
            "德坞街道办事处", "Dewu Street Office", "office-dewu", "demo-office-dewu"
        ),
        "department_head": _department(
            "区住房和城乡建设局", "Housing Bureau", "housing", "demo-department-head", Role.DEPARTMENT_HEAD
        ),
        "expert": DemoUser(Role.EXPERT, "", "", {"sub": "demo-expert"}),
        "district_supervisor": DemoUser(Role.DISTRICT_SUPERVISOR, "", "", {"sub": "demo-district-supervisor"}),
        "district_leader": DemoUser(Role.DISTRICT_LEADER, "", "", {"sub": "demo-district-leader"}),
        "integrator": DemoUser(
            Role.INTEGRATOR, "黄土坡街道", "Huangtupo", {"sub": "demo-integrator", "street": "huangtupo"}
        ),
        "operator": DemoUser(Role.OPERATOR, "", "", {"sub": "demo-operator"}),
    }
)
"""Who one can be: each role's own demo user, after a dot others of the role; people of the demonstration district."""

app = cyclopts.App(help="The development issuer: keys and tokens for local runs.")


def sign(folder: Path, user: str, *, audience: str = "through-train", **claims: Any) -> str:
    """Return a token of the development issuer for a demo user, such as a role's; `claims` replace or add to its own.

    :raises LookupError: there is no such demo user (residents get tokens from `openPetition`).
    """
    if user not in DEMO_USERS:
        raise LookupError(f"there is no demo user {user}; choose one of {', '.join(DEMO_USERS)}")
    now = int(time.time())
    payload = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "roles": [DEMO_USERS[user].role.value],
        **DEMO_USERS[user].claims,
        **claims,
    }
    key = keys.private_key(folder, keys.DEVELOPMENT_PRIVATE)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, payload, key)


def write_demo_users(folder: Path) -> None:
    """Write the demo users into a keys folder, where the gateway's console reads who one can be."""
    users = [
        {
            "id": id_,
            "role": user.role.value,
            "roleName": dict(zip(("zh", "en"), ROLE_NAMES[user.role], strict=True)),
            "name": {"zh": user.zh, "en": user.en},
            "claims": dict(user.claims),
        }
        for id_, user in DEMO_USERS.items()
    ]
    (folder / DEMO_USERS_FILE).write_text(json.dumps(users, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@app.command(name="keys")
def create_keys(folder: Path) -> None:
    """Create the key files that are missing from a keys folder, and write who one can be."""
    for name in keys.create_missing(folder):
        print(name)
    write_demo_users(folder)


@app.command
def token(
    user: str,
    *,
    folder: Annotated[Path, cyclopts.Parameter(name="--keys")],
    sub: str | None = None,
    street: str | None = None,
    community: str | None = None,
    department: str | None = None,
    representative: str | None = None,
    placement: list[str] | None = None,
) -> None:
    """Print the token of a demo user, such as street_committee or street_committee.dewu; options replace claims."""
    given = {
        "sub": sub,
        "street": street,
        "community": community,
        "department": department,
        "representative": representative,
        "placements": placement,
    }
    try:
        claims: dict[str, Any] = {name: value for name, value in given.items() if value}
        print(sign(folder, user.lower(), **claims))
    except LookupError:
        raise SystemExit(f"No demo user for {user!r}. Choose one of: {', '.join(sorted(DEMO_USERS))}.") from None


if __name__ == "__main__":
    app()
