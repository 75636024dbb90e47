"""The vault: what opens, what does not, and what tells nothing."""

from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from joserfc.jwk import ECKey

from services.intake.vault import Vault, WrappedKey
from services.kernel.auth import keyrings
from services.kernel.auth.keyrings import Keyring
from services.kernel.errors import Unavailable
from services.kernel.ids import new_tracking_code


class Rings:
    """Keyrings that a test changes under a vault, as an operator changes files under a service."""

    def __init__(self) -> None:
        self.masters = keyrings.new_keyring()
        self.secrets = keyrings.new_keyring()
        key = ECKey.generate_key("P-256")
        self.vault = Vault(
            masters=lambda: self.masters,
            resident_secrets=lambda: self.secrets,
            phone_key=bytes(32),
            signing_key=lambda: key,
        )

    def retire(self, ring: Keyring, name: str) -> Keyring:
        return Keyring(ring.current, {n: k for n, k in ring.keys.items() if n != name})


@pytest.fixture
def rings() -> Rings:
    return Rings()


def test_a_record_is_opened_with_its_own_key_id_and_purpose_alone(rings: Rings) -> None:
    vault, petition, other = rings.vault, uuid4(), uuid4()
    key, wrapped = vault.new_key(petition)
    sealed = vault.seal(key, petition, "words", "下水道堵了")
    assert vault.open(vault.unwrap(petition, wrapped), petition, "words", sealed) == "下水道堵了"
    with pytest.raises(InvalidTag):
        vault.unwrap(other, wrapped)
    for id_, purpose in ((other, "words"), (petition, "contact")):
        with pytest.raises(InvalidTag):
            vault.open(key, id_, purpose, sealed)
    assert "下水道".encode() not in sealed


def test_a_rewrapped_key_is_the_same_key_and_the_old_master_opens_it_no_more(rings: Rings) -> None:
    vault, petition = rings.vault, uuid4()
    old = rings.masters
    key, wrapped = vault.new_key(petition)
    rings.masters = keyrings.with_new_key(old)
    new = vault.rewrap(petition, wrapped)
    assert vault.unwrap(petition, new) == vault.unwrap(petition, wrapped) == key
    rings.masters = rings.retire(rings.masters, old.current)
    assert vault.unwrap(petition, new) == key
    with pytest.raises(Unavailable):
        vault.unwrap(petition, wrapped)
    rings.masters = old
    with pytest.raises(Unavailable):
        vault.unwrap(petition, new)
    with pytest.raises(InvalidTag):  # not even under the old one's name
        vault.unwrap(petition, WrappedKey(old.current, new.sealed))


def test_secrets_of_older_keys_open_until_theirs_is_retired(rings: Rings) -> None:
    petition, other = uuid4(), uuid4()
    first, old = rings.secrets.current, rings.vault.secret(petition)
    rings.secrets = keyrings.with_new_key(rings.secrets)
    new = rings.vault.secret(petition)
    assert old != new
    assert rings.vault.opens(petition, old)
    assert rings.vault.opens(petition, new)
    assert not rings.vault.opens(other, old)
    rings.secrets = rings.retire(rings.secrets, first)
    assert not rings.vault.opens(petition, old)
    assert rings.vault.opens(petition, new)


def test_every_key_is_tried_whether_one_fits_or_not(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    petition = uuid4()
    old = rings.vault.secret(petition)
    for _ in range(2):
        rings.secrets = keyrings.with_new_key(rings.secrets)
    compared: list[bytes] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(b) or real(a, b))
    assert rings.vault.opens(petition, old)
    assert not rings.vault.opens(petition, "0" * 16)
    assert len(compared) == 6


@pytest.mark.parametrize("typed", ["{}", " {} ", "{lower}", "{spaced}"])
def test_a_secret_may_be_typed_as_people_do(rings: Rings, typed: str) -> None:
    petition = uuid4()
    secret = rings.vault.secret(petition)
    spaced = "-".join(secret[n : n + 4] for n in range(0, 16, 4))
    assert rings.vault.opens(petition, typed.format(secret, lower=secret.lower(), spaced=spaced))


@pytest.mark.parametrize("wrong", ["", "0", "\ud800", "七" * 16, "0" * 10_000])
def test_whatever_is_no_secret_opens_nothing(rings: Rings, wrong: str) -> None:
    assert not rings.vault.opens(uuid4(), wrong)


@pytest.mark.parametrize(
    "same",
    [
        "138 0013 8000",
        "138-0013-8000",
        "+86 13800138000",
        "8613800138000",
        "0086 138 0013 8000",
        "１３８００１３８０００",
    ],
)
def test_the_same_number_has_the_same_hash_however_it_is_written(rings: Rings, same: str) -> None:
    assert (
        rings.vault.phone_hash(same) == rings.vault.phone_hash("13800138000") != rings.vault.phone_hash("13800138001")
    )


def test_landlines_are_the_same_with_the_countrys_code() -> None:
    vault = Rings().vault
    assert vault.phone_hash("+86 858 8222333") == vault.phone_hash("0858-8222333")
    assert vault.phone_hash("8612345") != vault.phone_hash("12345")
    assert vault.phone_hash("没有电话") is None


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::1", "2001:DB8:0001:2::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "203.0.113.7", False),
        ("no address", "no address", True),
    ],
)
def test_failures_are_counted_by_network(rings: Rings, one: str, another: str, same: bool) -> None:
    code = new_tracking_code()
    assert (rings.vault.latch(code, one) == rings.vault.latch(code, another)) is same


def test_a_door_tells_neither_code_nor_place(rings: Rings) -> None:
    code, other = new_tracking_code(), new_tracking_code()
    latches = {rings.vault.latch(c, "203.0.113.7") for c in (code, other)}
    assert len(latches) == 2
    assert not any(b"203" in latch or code.encode() in latch for latch in latches)
    assert rings.vault.latch(code, "203.0.113.7") != rings.vault.phone_hash("203.0.113.7")
