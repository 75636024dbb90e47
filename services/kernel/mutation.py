"""The transaction of a mutation: idempotency key, retries, and the one place where its errors are told apart.

A mutation that does nothing but decide (it reads a petition, and saves what it decided) takes two statements and no
transaction: the second one writes everything, its answer under the idempotency key included, if what was read still has
its version. One that was overtaken, or does more, runs in a transaction that locks first.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from services.kernel import metrics, text, tracing
from services.kernel.access import Actor
from services.kernel.db import TRANSIENT, UNREACHABLE, Connection, UniqueViolation, unavailable
from services.kernel.errors import Conflict, InvalidInput, Refusal, Unavailable
from services.kernel.pulse import Pulse
from services.kernel.tracing import Tracing
from services.kernel.transaction import Answer, Cause, Database, OvertakenError, Transaction

Result = TypeVar("Result", bound=msgspec.Struct)

AGAIN: Final[tuple[type[Exception], ...]] = (*TRANSIENT, UniqueViolation, OvertakenError)

_ATTEMPTS: Final = 5
_KEY_LENGTH: Final = range(8, 129)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")

_LOOK_UP: Final = """
-- mutation.look_up: the answer stored under an idempotency key
SELECT input_hash, answer FROM own.idempotency WHERE subject = $1 AND mutation = $2 AND key = $3"""

_STORE: Final = """
-- mutation.store: the answer of a mutation that saved no decision, under its idempotency key
INSERT INTO own.idempotency (subject, mutation, key, input_hash, answer) VALUES ($1, $2, $3, $4, $5)"""


@dataclass(frozen=True, slots=True)
class Request:
    """What identifies one mutation: who, which, with what input, and the client's key for repeating it safely."""

    actor: Actor
    mutation: str
    input: object
    key: str | None
    id: str

    def digest(self) -> bytes:
        """Return a hash of the input and of what the token claims, the same when both are equal.

        Who has moved to another street since is not shown the first answer, which may be about what was theirs then.
        """
        return hashlib.sha256(_ENCODER.encode((self.input, self.actor))).digest()


def _check_key(key: str) -> None:
    """Refuse what is no key: it is kept as it is, so it must tell nothing of anybody.

    :raises InvalidInput: its length, or what it seems to contain.
    """
    if len(key) not in _KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise InvalidInput(
            "idempotencyKey", "idempotencyKey must have 8 to 128 characters of ASCII, best those of a random UUID."
        )
    try:
        UUID(key)  # whose digits may by chance be those of a phone number
    except ValueError:
        text.without_numbers(key, "idempotencyKey")


def plain(digest: bytes) -> bytes:
    """Keep a digest as it is: of inputs that hold no personal data."""
    return digest


class Mutations:
    """Runs commands in transactions on one service's database.

    `keyed` makes of an input's digest what is stored, so that nobody who has the database alone can find out by trying
    what the input was. Steps are counted under the name of the service that `traces` are of.
    """

    def __init__(
        self,
        database: Database,
        committed: Pulse,
        *,
        traces: Tracing,
        keyed: Callable[[bytes], bytes] = plain,
    ) -> None:
        self._database = database
        self._committed = committed
        self._keyed = keyed
        self._traces = traces

    async def run(
        self,
        request: Request,
        answer: type[Result],
        command: Callable[[Transaction], Awaitable[Result]],
        *,
        only_decides: bool = False,
    ) -> Result:
        """Run a command in one transaction, and again when the database asks for it (deadlock, serialization, lock).

        With an idempotency key the first answer is stored in the same transaction and returned to every repetition.

        :param only_decides: the command reads, and saves one decision: it is tried without a lock first.
        :raises Conflict: the key was used by this subject for this mutation with another input.
        :raises Refusal: the command refused; nothing was written.
        :raises Unavailable: the database cannot be reached; nothing was written, or (rarely) the answer was lost:
            repeating with the same key is safe.
        """
        if request.key is not None:
            _check_key(request.key)
        began, outcome = time.perf_counter(), "BROKEN_OFF"
        with self._traces.step(f"step {request.mutation}", {tracing.CORRELATION: request.id}) as span:
            try:
                result, repeated = await self._run(request, answer, command, only_decides=only_decides)
                outcome = "REPEATED" if repeated else "OK"
                return result
            except Refusal as refusal:
                outcome = refusal.code
                raise
            except Exception:
                outcome = "INTERNAL"
                raise
            finally:
                tracing.outcome(span, outcome, failed=outcome in {"INTERNAL", "BROKEN_OFF", "UNAVAILABLE"})
                step = metrics.STEPS.labels(self._traces.service, request.mutation, outcome)
                step.observe(time.perf_counter() - began)

    async def _run(
        self,
        request: Request,
        answer: type[Result],
        command: Callable[[Transaction], Awaitable[Result]],
        *,
        only_decides: bool,
    ) -> tuple[Result, bool]:
        """Return the answer, and whether it is one that was stored before."""
        try:
            for attempt in range(_ATTEMPTS):
                # The first time nothing is looked up: whoever repeats is refused, or met by the key that is there.
                if attempt and (stored := await self._stored(request, answer)) is not None:
                    return stored, True
                try:
                    # Whoever was overtaken takes the lock: who comes after waits.
                    once = self._unlocked if only_decides and not attempt else self._locked
                    result = await once(request, command)
                except AGAIN as error:
                    metrics.STEP_RETRIES.labels(self._traces.service, request.mutation).inc()
                    if isinstance(error, OvertakenError):
                        continue
                    # A unique violation is a twin that won (its answer is found in the next round), or a random
                    # tracking code that was given before (the next one will not have been).
                    await asyncio.sleep(random.uniform(0.5, 1.5) * 0.01 * 2**attempt)  # noqa: S311 - spreads retries
                except Refusal:
                    # A concurrent twin may have won: then its answer is ours, whatever we were refused for.
                    if (stored := await self._stored(request, answer)) is None:
                        raise
                    return stored, True
                else:
                    self._committed.beat()
                    return result, False
            raise Unavailable("Too many act on this at once; try again in a moment.")
        except UNREACHABLE as error:
            raise unavailable() from error

    async def _stored(self, request: Request, answer: type[Result]) -> Result | None:
        if request.key is None:
            return None
        row = await self._database.reader.fetchrow(_LOOK_UP, request.actor.subject, request.mutation, request.key)
        if row is None:
            return None
        if bytes(row["input_hash"]) != self._keyed(request.digest()):
            raise Conflict("This idempotencyKey was already used with another input; use a new key for a new request.")
        try:
            return msgspec.json.decode(row["answer"], type=answer)
        except msgspec.ValidationError:
            # Stored by another version of this service: what was asked for was done, but how it looked then is lost.
            raise Conflict("This was done under this idempotencyKey before; read its result instead.") from None

    async def _locked(self, request: Request, command: Callable[[Transaction], Awaitable[Result]]) -> Result:
        async with self._database.transaction(Cause(request.id, request.id)) as tx:
            result = await command(tx)
            kept = self._kept(request, result)
            if not await tx.flush(kept) and kept is not None:
                await _store(tx.connection, kept)
            tracing.about(tx.touched)
        return result

    async def _unlocked(self, request: Request, command: Callable[[Transaction], Awaitable[Result]]) -> Result:
        async with self._database.unlocked(Cause(request.id, request.id)) as tx:
            result = await command(tx)
            kept = self._kept(request, result)
            written = await tx.flush(kept)
            tracing.about(tx.touched)
        if not written and kept is not None:
            await _store(self._database.reader, kept)
        return result

    def _kept(self, request: Request, result: msgspec.Struct) -> Answer | None:
        if request.key is None:
            return None
        answer = msgspec.json.encode(result).decode()
        return Answer(request.actor.subject, request.mutation, request.key, self._keyed(request.digest()), answer)


async def _store(connection: Connection, kept: Answer) -> None:
    await connection.execute(_STORE, kept.subject, kept.mutation, kept.key, kept.input_hash, kept.answer)
