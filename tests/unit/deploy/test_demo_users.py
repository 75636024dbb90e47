"""The demo users are people of the demonstration district."""

import json
from pathlib import Path

import pytest

from deploy.district import Size, entries
from services.contracts.reference import Community, Department, Representative, Street
from services.contracts.vocabulary import Role
from services.kernel.auth.development import DEMO_USERS, DEMO_USERS_FILE, ROLE_NAMES, write_demo_users

DISTRICT = entries(Size.SMALL)
STREETS = {entry.id for entry in DISTRICT if isinstance(entry, Street)}
COMMUNITIES = {entry.id: entry for entry in DISTRICT if isinstance(entry, Community)}
DEPARTMENTS = {entry.id for entry in DISTRICT if isinstance(entry, Department)}
REPRESENTATIVES = {entry.id: entry for entry in DISTRICT if isinstance(entry, Representative)}


@pytest.mark.parametrize("id_", DEMO_USERS)
def test_a_demo_user_has_a_place_in_the_demonstration_district(id_: str) -> None:
    user, claims = DEMO_USERS[id_], DEMO_USERS[id_].claims
    assert id_.split(".")[0] == user.role.value
    assert claims.get("street", "huangtupo") in STREETS
    assert claims.get("department", "housing") in DEPARTMENTS
    served = [*claims.get("placements", ()), *([claims["community"]] if "community" in claims else ())]
    assert all(COMMUNITIES[code].street == claims["street"] for code in served)
    if user.role is Role.REPRESENTATIVE:
        known = REPRESENTATIVES[claims["representative"]]
        assert (known.name.zh, known.name.en, known.street) == (user.zh, user.en, claims["street"])
        assert list(known.communities) == claims["placements"]


def test_each_role_has_one_and_nobody_shares_a_subject() -> None:
    assert set(ROLE_NAMES) == set(Role) - {Role.ANYONE, Role.RESIDENT, Role.SYSTEM}
    assert {role.value for role in ROLE_NAMES} <= DEMO_USERS.keys()
    subjects = [user.claims["sub"] for user in DEMO_USERS.values()]
    assert len(set(subjects)) == len(subjects)


def test_what_the_console_reads_tells_them_apart_in_both_languages(tmp_path: Path) -> None:
    write_demo_users(tmp_path)
    told = json.loads((tmp_path / DEMO_USERS_FILE).read_text(encoding="utf-8"))
    for language in ("zh", "en"):
        shown = [(user["roleName"][language], user["name"][language]) for user in told]
        assert len(set(shown)) == len(DEMO_USERS)
