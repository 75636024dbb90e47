"""The ways that petitions take, and how many of a hundred take each.

Published figures differ from place to place; these are in the middle of them: one in ten is turned down, one in ten is
solved on the spot, one in ten is handled twice. What is left open is hardly ever a course of its own: whoever is still
on the way when the time that is played is over stays there, as in any district on any day.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.large.lives import Life


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of a petition, in the words of the docs' table, and of how many in a hundred."""

    name: str
    share: int
    live: Callable[[Life], Awaitable[None]]


async def _screened(life: Life) -> None:
    await life.file()
    await life.accept()
    await life.listen()
    await life.look()
    await life.deliberate()


async def _handed_over(life: Life) -> None:
    await _screened(life)
    await life.hand_over()


async def _in_progress(life: Life) -> None:
    await _handed_over(life)
    await life.assign()
    await life.take_on()


async def _replied(life: Life) -> None:
    await _in_progress(life)
    await life.reply()


async def _again(life: Life) -> None:
    """Handle what was reopened: another cycle, to its end."""
    await life.assign()
    await life.take_on()
    await life.reply()
    await life.visit()
    await life.close()


async def handled(life: Life) -> None:
    """The usual way: handed over, handled, visited, closed."""
    await _replied(life)
    await life.visit()
    await life.close()


async def not_reached(life: Life) -> None:
    """Nobody is reached by three attempts."""
    await _replied(life)
    await life.miss()
    await life.close()


async def asked(life: Life) -> None:
    """The department asks the resident, who answers."""
    await _in_progress(life)
    await life.ask_and_hear(answered=True)
    await life.reply()
    await life.visit()
    await life.close()


async def asked_in_vain(life: Life) -> None:
    """The department asks the resident, and no answer comes in time."""
    await _in_progress(life)
    await life.ask_and_hear(answered=False)
    await life.reply()
    await life.visit()
    await life.close()


async def declined_once(life: Life) -> None:
    """The first department hands it back, another one handles it."""
    await _handed_over(life)
    await life.assign()
    await life.decline_order()
    await life.assign(to=life.beside.department)
    await life.take_on()
    await life.reply()
    await life.visit()
    await life.close()


async def to_be_ruled(life: Life) -> None:
    """Two departments hand it back, and the supervisor has not ruled yet."""
    await _handed_over(life)
    await life.assign()
    await life.decline_order()
    await life.assign(to=life.beside.department)
    await life.decline_order()


async def ruled(life: Life) -> None:
    """Two departments hand it back, and the supervisor rules."""
    await to_be_ruled(life)
    await life.rule()
    await life.take_on()
    await life.reply()
    await life.visit()
    await life.close()


async def to_be_answered(life: Life) -> None:
    """The supervisor presses, and has no answer yet."""
    await _in_progress(life)
    await life.press(answered=False)


async def sent_back(life: Life) -> None:
    """The committee sends the reply back, and gets another."""
    await _replied(life)
    await life.send_back()
    await life.reply(0.5, 1.8)
    await life.visit()
    await life.close()


async def not_solved(life: Life) -> None:
    """The visit finds it unsolved: it is reopened, and handled again."""
    await _replied(life)
    await life.visit(solved=False, satisfied=False)
    await _again(life)


async def reopened(life: Life) -> None:
    """Solved to no satisfaction: the committee reopens it, and it is handled again."""
    await _replied(life)
    await life.visit(satisfied=False)
    await life.reopen()
    await _again(life)


async def ledgered(life: Life) -> None:
    """It cannot be done now: it is put on the ledger."""
    await _replied(life)
    await life.visit(solved=False, satisfied=False, ledger=True)
    await life.approve_ledger()


async def not_ledgered(life: Life) -> None:
    """The ledger is proposed and refused: it is handled again."""
    await _replied(life)
    await life.visit(solved=False, satisfied=False, ledger=True)
    await life.refuse_ledger()
    await _again(life)


async def on_the_spot(life: Life) -> None:
    """Solved on the spot, visited, closed."""
    await _screened(life)
    await life.solve_on_the_spot()
    await life.visit()
    await life.close()


async def not_on_the_spot(life: Life) -> None:
    """Solved on the spot, and not solved after all: screening goes on, and it is handed over."""
    await _screened(life)
    await life.solve_on_the_spot()
    await life.visit(solved=False, satisfied=False)
    await life.look()
    await life.deliberate()
    await life.hand_over()
    await _again(life)


async def rejected(life: Life) -> None:
    """Rejected before screening."""
    await life.file()
    await life.reject()


async def declined(life: Life) -> None:
    """Declined after screening."""
    await _screened(life)
    await life.decline()


async def withdrawn(life: Life) -> None:
    """Taken back by the resident while the department works on it."""
    await _in_progress(life)
    await life.withdraw()


async def pressed(life: Life) -> None:
    """The supervisor presses, half of the times with an answer."""
    await _in_progress(life)
    await life.press(answered=life.likely(0.5))
    await life.reply()
    await life.visit()
    await life.close()


async def erased(life: Life) -> None:
    """The resident's personal data is erased while the department works on it."""
    await _in_progress(life)
    await life.erase()
    await life.reply()
    await life.visit()
    await life.close()


COURSES: Final[Sequence[Course]] = (
    Course("handed over, handled, visited, closed", 49, handled),
    Course("the same, and nobody reached by three attempts", 3, not_reached),
    Course("the department asks the resident, who answers", 5, asked),
    Course("the department asks the resident, who does not answer", 2, asked_in_vain),
    Course("declined by the first department, handled by another", 4, declined_once),
    Course("declined twice, ruled by the supervisor", 1, ruled),
    Course("the reply sent back once", 4, sent_back),
    Course("not solved, reopened, handled again", 5, not_solved),
    Course("solved to no satisfaction, reopened, handled again", 2, reopened),
    Course("put on the ledger", 2, ledgered),
    Course("the ledger refused, handled again", 1, not_ledgered),
    Course("solved on the spot", 9, on_the_spot),
    Course("solved on the spot, not solved after all, handed over", 1, not_on_the_spot),
    Course("rejected before screening", 5, rejected),
    Course("declined after screening", 2, declined),
    Course("withdrawn while the department works on it", 2, withdrawn),
    Course("pressed by the supervisor", 2, pressed),
    Course("personal data erased", 1, erased),
)
"""All ways, and how many of a hundred petitions take each."""

LEFT_WAITING: Final[Sequence[Course]] = (
    Course("declined twice, waiting for the supervisor", 0, to_be_ruled),
    Course("pressed by the supervisor, waiting for an answer", 0, to_be_answered),
)
"""What is so seldom and so soon done that by chance none may be left when the time is over."""

WAITING: Final = 2
"""How many of each are played beside the others."""

WAITING_BEGINS: Final = 0.75
"""After which share of the time they begin: late enough not to be overdue for long, early enough to get there."""


def shared_out(lives: int) -> list[Course]:
    """Return so many lives' courses, by their shares: at each length of the list they are as near as can be."""
    given = [0.0] * len(COURSES)
    found: list[Course] = []
    for _ in range(lives):
        for nth, course in enumerate(COURSES):
            given[nth] += course.share / 100
        most = max(range(len(COURSES)), key=given.__getitem__)
        given[most] -= 1
        found.append(COURSES[most])
    return found
