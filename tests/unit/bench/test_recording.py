"""What a server wrote down of a life: whole transactions, with their values, without what nobody's life asked for."""

import pytest

from bench.recording import RecordingError, Statement, Transaction, sorted_out


def line(pid: int, text: str, *, who: str = "intake@intake", kind: str = "LOG") -> str:
    """Return a message as our servers write it."""
    return f"2026-11-26 08:00:00.123 UTC [{pid}] {who} {kind}:  " + text.replace("\n", "\n\t")


def executed(pid: int, sql: str, *values: str, who: str = "intake@intake") -> list[str]:
    """Return the lines of a prepared statement that was executed with values as they are written there."""
    said = [line(pid, f"execute __asyncpg_stmt_7__: \n{sql}", who=who)]
    listed = ", ".join(f"${nth} = {value}" for nth, value in enumerate(values, 1))
    return said + ([line(pid, f"Parameters: {listed}", who=who, kind="DETAIL")] if values else [])


def test_a_transaction_is_kept_together_whatever_came_between() -> None:
    log = [
        line(1, "statement: BEGIN;"),
        *executed(1, "-- petitions.save: writes it\nUPDATE t SET a = $1", "'it''s, $2 = ''x'''"),
        *executed(2, "-- petitions.by_ids: reads\nSELECT 1"),
        line(1, "statement: COMMIT;"),
    ]
    found, _ = sorted_out("\n".join(log), ["intake"])
    reads, writes = Statement("petitions.by_ids", "SELECT 1"), "UPDATE t SET a = $1"
    assert found == {
        "intake": (
            Transaction((reads,), explicit=False),
            Transaction((Statement("petitions.save", writes, ("it's, $2 = 'x'",)),), explicit=True),
        )
    }


def test_values_of_several_lines_and_null_are_read_as_they_are() -> None:
    log = executed(1, "-- t.x: y\nSELECT $1, $2, $3", "'first\nsecond'", "NULL", r"'\x00ff'")
    found, _ = sorted_out("\n".join(log), ["intake"])
    assert found["intake"][0].statements[0].values == ("first\nsecond", None, r"\x00ff")


def test_pollers_are_left_out_and_counted_but_those_that_found_something_stay() -> None:
    poll, taken = "-- relay.lowest: looks\nSELECT 1", "-- relay.published: takes\nDELETE"
    log = [
        *executed(1, poll),
        *executed(1, poll),
        *executed(1, taken),
        *executed(1, poll),
        *executed(2, "-- scheduler.due: looks\nSELECT 2"),
    ]
    found, left_out = sorted_out("\n".join(log), ["intake"])
    assert [t.statements[0].name for t in found["intake"]] == ["relay.lowest", "relay.published"]
    assert left_out == {"relay.lowest": 2, "scheduler.due": 1}


def test_only_a_services_own_role_counts() -> None:
    log = [*executed(1, "-- t.x: y\nSELECT 1", who="postgres@intake"), *executed(2, "-- t.x: y\nSELECT 1")]
    found, left_out = sorted_out("\n".join(log), ["intake", "dispatch"])
    assert (len(found["intake"]), found["dispatch"], left_out) == (1, (), {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["statement: BEGIN;", "statement: ROLLBACK;"], "something was repeated"),
        (["statement: COMMIT;"], "cannot be done again"),
        (["statement: BEGIN;"], "1 transactions in intake had not ended"),
        (["statement: SELECT 1"], "without a name"),
    ],
)
def test_what_cannot_be_done_again_is_no_recording(said: list[str], why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        sorted_out("\n".join(line(1, text) for text in said), ["intake"])
