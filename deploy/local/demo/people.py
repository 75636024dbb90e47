"""Who acts in the cases: demo users of the development issuer, others of the demonstration district, and residents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from deploy.local.demo.words import Words
from services.contracts.vocabulary import Role
from services.kernel.auth.development import DEMO_USERS, ROLE_NAMES

ROLES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        **{role.value: Words(en, zh) for role, (zh, en) in ROLE_NAMES.items()},
        Role.RESIDENT.value: Words("resident", "居民"),
        Role.ANYONE.value: Words("resident without an account", "居民（无账号）"),
        Role.SYSTEM.value: Words("the system itself", "系统"),
    }
)
"""What a role is called, by the code that timeline entries have."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts, by a demo user's token (with other claims), or as the petition's resident without a user."""

    name: Words
    role: Role
    user: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def role_name(self) -> Words:
        """What the role is called."""
        return ROLES[self.role.value]


def _user(user: str, *, en: str | None = None, zh: str | None = None, **claims: Any) -> Person:
    known = DEMO_USERS[user]
    return Person(Words(en or known.en, zh or known.zh), known.role, user, claims)


HUI_BI: Final = _user("representative")
HUANG_MEIPING: Final = _user("representative.huang-meiping")
LUO_XIULAN: Final = _user("representative.luo-xiulan")
"""Invented, as everybody in Dewu's demonstration but Chen Ling."""

COMMUNITY_73: Final = _user("community")
MAAN: Final = _user("community.maan")
ZHIYUAN: Final = _user("community.zhiyuan")
HUANGTUPO: Final = _user("street_committee", en="Huangtupo street", zh="黄土坡街道")
FENGHUANG: Final = _user("street_committee.fenghuang", en="Fenghuang street", zh="凤凰街道")
DEWU: Final = _user("street_committee.dewu", en="Dewu street", zh="德坞街道")
HOUSING: Final = _user("department")
CIVIL_AFFAIRS: Final = _user("department.civil-affairs")
OFFICE_DEWU: Final = _user("department.office-dewu")
PUBLIC_SECURITY: Final = _user("department.public-security")
SUPERVISOR: Final = _user("district_supervisor", en="The district supervisor", zh="区人大常委会督办")

SHOPKEEPER: Final = Person(Words("A shopkeeper", "商户"), Role.RESIDENT)
NEIGHBOUR: Final = Person(Words("A resident of the old street", "老街居民"), Role.RESIDENT)
CHEN_LING: Final = Person(Words("Chen Ling", "陈玲"), Role.RESIDENT)
