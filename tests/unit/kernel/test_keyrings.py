"""The keys folder: made, renewed, followed while it is used, and looked at before production takes it."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from joserfc import jwt
from structlog.testing import capture_logs

from services.kernel.auth import keyrings, keys
from services.kernel.auth.keyrings import KeyFileError, Keyring, MissingKeyError, UnusableKeyError, Watched


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The keys of an installation."""
    keys.create_new(tmp_path / "keys")
    return tmp_path / "keys"


def text_of(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


def test_an_installations_keys_are_for_their_owner_alone(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}
    assert modes.pop(keys.INTAKE_PUBLIC) == 0o644
    assert modes == dict.fromkeys((keys.INTAKE_PRIVATE, keys.MASTER, keys.RESIDENT_SECRET, keys.PHONE_HASH), 0o600)
    assert keys.readable_by_others(made) == []
    assert '"d"' not in (made / keys.INTAKE_PUBLIC).read_text()


def test_keys_are_never_made_where_there_are_some(made: Path) -> None:
    before = text_of(made)
    with pytest.raises(keys.KeysThereError, match=keys.MASTER):
        keys.create_new(made)
    for path in made.iterdir():
        if path.name != keys.PHONE_HASH:
            path.unlink()
    with pytest.raises(keys.KeysThereError, match=keys.PHONE_HASH):
        keys.create_new(made)
    assert [path.name for path in made.iterdir()] == [keys.PHONE_HASH]
    assert (made / keys.PHONE_HASH).read_text() in before


def test_keys_made_for_development_are_told_by_what_is_in_them(made: Path, tmp_path: Path) -> None:
    assert keys.development_keys(made) == []
    assert keys.development_keys(tmp_path / "nowhere") == []
    other = tmp_path / "development"
    files = set(keys.create_missing(other))
    assert set(keys.development_keys(other)) == files
    for name in files:
        borrowed = tmp_path / f"with-{name}"
        keys.create_new(borrowed)
        (borrowed / name).write_bytes((other / name).read_bytes())
        assert keys.development_keys(borrowed) == [name]


def test_a_development_key_that_was_only_left_behind_is_told_too(tmp_path: Path) -> None:
    keys.create_missing(tmp_path)
    path = tmp_path / keys.MASTER
    keyrings.write_keyring(path, keyrings.with_new_key(keyrings.read_keyring(path)))
    assert keys.MASTER in keys.development_keys(tmp_path)


@pytest.mark.parametrize(
    ("mode", "loose"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o602, True)]
)
def test_a_private_key_that_others_can_read_is_named(made: Path, mode: int, loose: bool) -> None:
    (made / keys.MASTER).chmod(mode)
    assert keys.readable_by_others(made) == ([keys.MASTER] if loose else [])


@pytest.mark.parametrize(("mode", "loose"), [(0o440, False), (0o640, False), (0o644, True), (0o660, True)])
def test_roots_file_may_be_open_to_the_group_that_a_service_reads_it_with(
    made: Path, monkeypatch: pytest.MonkeyPatch, mode: int, loose: bool
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can own root's files")
    for path in made.iterdir():
        path.chmod(0o440)
    (made / keys.MASTER).chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 10_001)  # as a container's process would see it
    assert keys.readable_by_others(made) == ([keys.MASTER] if loose else [])


def test_a_new_key_is_the_current_one_and_the_older_ones_still_count(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    first = keyrings.new_keyring()
    keyrings.write_keyring(path, first)
    second = keyrings.with_new_key(keyrings.read_keyring(path))
    keyrings.write_keyring(path, second)
    found = keyrings.read_keyring(path)
    assert found == second
    assert found.current != first.current
    assert found.keys[first.current] == first.key != found.key
    assert keyrings.without_key(found, path, first.current) == Keyring(found.current, {found.current: found.key})
    for not_to_be_taken in (found.current, "unheard-of"):
        with pytest.raises(UnusableKeyError):
            keyrings.without_key(found, path, not_to_be_taken)


KEY = "00" * 32
BAD = {
    "not JSON": "{" + KEY,
    "no object": json.dumps([KEY]),
    "no keys": json.dumps({"current": "1"}),
    "current is not there": json.dumps({"current": "2", "keys": {"1": KEY}}),
    "too short": json.dumps({"current": "1", "keys": {"1": KEY[2:]}}),
    "not hexadecimal": json.dumps({"current": "1", "keys": {"1": "x" + KEY[1:]}}),
    "keys as a list": json.dumps({"current": "1", "keys": [KEY]}),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_keyring_is_refused_and_never_quoted(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "ring.json"
    path.write_text(BAD[bad])
    with pytest.raises(UnusableKeyError, match=r"ring\.json") as refused:
        keyrings.read_keyring(path)
    assert KEY[:20] not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (keyrings.read_keyring, keyrings.read_only_key, keys.signing_key, keys.public_keys):
        with pytest.raises(MissingKeyError, match=r"absent\.json"):
            read(tmp_path / "absent.json")


def test_what_is_no_signing_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"kty": "EC", "crv": "P-256", "x": "?"}))
    with pytest.raises(UnusableKeyError):
        keys.signing_key(path)
    path.write_text(json.dumps({"keys": [{"kty": "EC"}]}))
    with pytest.raises(UnusableKeyError):
        keys.public_keys(path)


def test_there_is_one_key_for_phone_numbers(made: Path) -> None:
    path = made / keys.PHONE_HASH
    assert len(keyrings.read_only_key(path)) == 32
    keyrings.write_keyring(path, keyrings.with_new_key(keyrings.read_keyring(path)))
    with pytest.raises(UnusableKeyError, match="exactly one"):
        keyrings.read_only_key(path)


def test_a_changed_file_is_taken_and_a_broken_one_is_not(made: Path) -> None:
    path = made / keys.MASTER
    watched = Watched(path, keyrings.read_keyring)
    first = watched()
    assert watched() is first
    keyrings.write_keyring(path, keyrings.with_new_key(first))
    second = watched()
    assert second.current != first.current
    with capture_logs() as logs:
        path.write_text("half a ke")
        assert watched() == watched() == second
        path.unlink()
        assert watched() == watched() == second
    assert [line["log_level"] for line in logs] == ["error", "error"]
    assert not any("half" in str(line) for line in logs)
    keyrings.write_keyring(path, first)
    assert watched() == first


def test_a_file_that_could_not_be_read_is_tried_again_after_a_pause(made: Path) -> None:
    """What was in the way may not have been the file: too many open files, or a mode that is mended since."""
    path, ticks, failing = made / keys.MASTER, [0.0], [False]

    def read(it: Path) -> Keyring:
        if failing[0]:
            raise UnusableKeyError(it, "cannot be read: Too many open files")
        return keyrings.read_keyring(it)

    watched = Watched(path, read, ticks=lambda: ticks[0])
    first = watched()
    failing[0] = True
    keyrings.write_keyring(path, keyrings.with_new_key(first))
    assert watched() == first
    failing[0] = False
    assert watched() == first
    ticks[0] += keyrings.AGAIN_SECONDS
    assert watched().current != first.current


def test_a_file_whose_mode_was_mended_is_read_at_once(made: Path) -> None:
    path, failing = made / keys.MASTER, [False]

    def read(it: Path) -> Keyring:
        if failing[0]:
            raise UnusableKeyError(it, "cannot be read: Permission denied")
        return keyrings.read_keyring(it)

    watched = Watched(path, read, ticks=lambda: 0.0)
    first, failing[0] = watched(), True
    keyrings.write_keyring(path, keyrings.with_new_key(first))
    assert watched() == first
    failing[0] = False
    path.chmod(0o640)
    assert watched().current != first.current


def test_whoever_changes_keys_waits_for_the_other(made: Path) -> None:
    path = made / keys.MASTER

    def add(_: int) -> None:
        with keyrings.changing(made):
            keyrings.write_keyring(path, keyrings.with_new_key(keyrings.read_keyring(path)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(16)))
    assert len(keyrings.read_keyring(path).keys) == 17
    with pytest.raises(MissingKeyError), keyrings.changing(made / "nowhere"):
        pass


def test_what_others_can_write_is_named(made: Path) -> None:
    assert keys.writable_by_others(made) == []
    (made / keys.INTAKE_PUBLIC).chmod(0o666)
    assert keys.writable_by_others(made) == [keys.INTAKE_PUBLIC]
    (made / keys.INTAKE_PUBLIC).chmod(0o644)
    made.chmod(0o770)
    assert keys.writable_by_others(made) == ["."]


def test_nothing_is_watched_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingKeyError):
        Watched(tmp_path / keys.MASTER, keyrings.read_keyring)


def test_a_new_signing_key_is_published_before_it_signs_and_the_old_one_counts_until_it_is_retired(made: Path) -> None:
    old = keys.private_key(made, keys.INTAKE_PRIVATE)
    token = jwt.encode({"alg": "ES256", "kid": old.kid}, {"sub": "x"}, old)
    new = keys.publish_signing_key(made)
    assert keys.private_key(made, keys.INTAKE_PRIVATE).kid == old.kid
    keys.sign_with(made, new)
    assert keys.private_key(made, keys.INTAKE_PRIVATE).kid == new.kid
    newer = jwt.encode({"alg": "ES256", "kid": new.kid}, {"sub": "x"}, new)
    for signed in (token, newer):
        assert jwt.decode(signed, keys.public_keys(made / keys.INTAKE_PUBLIC)).claims == {"sub": "x"}
    with pytest.raises(KeyFileError, match="signs with it"):
        keys.retire_signing_key(made, str(new.kid))
    with pytest.raises(KeyFileError, match="has no key"):
        keys.retire_signing_key(made, "unheard-of")
    keys.retire_signing_key(made, str(old.kid))
    assert [key.kid for key in keys.public_keys(made / keys.INTAKE_PUBLIC).keys] == [new.kid]
    assert keys.development_keys(made) == []
    assert keys.readable_by_others(made) == []


def test_development_keys_stay_such_when_they_are_renewed(tmp_path: Path) -> None:
    keys.create_missing(tmp_path)
    assert str(keys.publish_signing_key(tmp_path).kid).startswith(keys.MADE_FOR_DEVELOPMENT)


def test_a_key_file_is_never_seen_half_written(made: Path) -> None:
    path = made / keys.MASTER
    with path.open() as reader:
        before = path.read_text()
        keyrings.write_keyring(path, keyrings.new_keyring())
        assert reader.read() == before  # whoever had opened it still has the old one, whole
    assert not [path for path in made.iterdir() if path.name.startswith(".")]
