"""Anticipated refusals: one class and one code each, from the documented list. Anything else is a bug.

`extensions` is what GraphQL clients see; graphql-core copies it from the exception as it is.
"""

from collections.abc import Sequence
from typing import ClassVar


class Refusal(Exception):
    """An anticipated refusal: its message says what is wrong and what would be right, without personal data."""

    code: ClassVar[str]

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.extensions: dict[str, object] = {"code": self.code, **details}


class Unauthenticated(Refusal):
    """No token where one is needed, or one that cannot be trusted."""

    code = "UNAUTHENTICATED"


class Forbidden(Refusal):
    """The role does not have this operation."""

    code = "FORBIDDEN"


class NotFound(Refusal):
    """The object is unknown, or foreign to the actor: the two are not told apart."""

    code = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is unknown here, or is not yours to see.")


class InvalidInput(Refusal):
    """An argument cannot be right as it is; `field` names it in the input's own spelling."""

    code = "INVALID_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class InvalidState(Refusal):
    """The act is not possible in this state; `allowed` lists what is."""

    code = "INVALID_STATE"

    def __init__(self, act: str, state: str, allowed: Sequence[str], why: str = "") -> None:
        offer = ", ".join(allowed) if allowed else "nothing"
        super().__init__(
            f"{act} is not possible in state {state}{': ' + why if why else ''}. Possible now: {offer}.",
            state=state,
            allowed=list(allowed),
        )


class Conflict(Refusal):
    """The idempotency key was used before with another input."""

    code = "CONFLICT"


class RateLimited(Refusal):
    """Too many attempts; `retry_after_seconds` says when to come again, where only time helps."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message, **({} if retry_after_seconds is None else {"retryAfterSeconds": retry_after_seconds}))


class Unavailable(Refusal):
    """Something that this needs is not there for the moment; trying again later is right."""

    code = "UNAVAILABLE"
