"""Identifiers: UUIDv7 for everything stored, tracking codes for people."""

import secrets
from typing import Final, NewType
from uuid import UUID

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36
from uuid_utils.compat import uuid7

from services.kernel.errors import InvalidInput

PetitionId = NewType("PetitionId", UUID)
ClockId = NewType("ClockId", UUID)
WorkOrderId = NewType("WorkOrderId", UUID)
CaseId = NewType("CaseId", UUID)
InstructionId = NewType("InstructionId", UUID)
TrackingCode = NewType("TrackingCode", str)

# Crockford's base 32: no I, L, O, U, so that nothing looks like something else.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})
_PAYLOAD: Final = 9


def new_uuid() -> UUID:
    """Return a UUIDv7: time-ordered, so that indexes grow at their end and tables partition by its range."""
    return uuid7()


def parse_uuid(text: str, field: str) -> UUID:
    """Parse an id that a client sent.

    :raises InvalidInput: the text is not a UUID.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field, f"{field} must be an id as this API returned it.") from None


def new_tracking_code() -> TrackingCode:
    """Return a random tracking code: 9 characters (45 bits) and an ISO 7064 mod 33,32 check character."""
    payload = "".join(secrets.choice(ALPHABET) for _ in range(_PAYLOAD))
    return TrackingCode(payload + mod_37_36.calc_check_digit(payload, ALPHABET))


def parse_tracking_code(text: str, field: str = "trackingCode") -> TrackingCode:
    """Parse a tracking code as a person types it: any case, hyphens, spaces and look-alikes allowed.

    :raises InvalidInput: wrong length or characters, or the check character does not fit (a typing error).
    """
    code = text.upper().translate(_LOOKALIKES)
    if len(code) != _PAYLOAD + 1 or any(c not in ALPHABET for c in code):
        raise InvalidInput(field, f"A tracking code has {_PAYLOAD + 1} letters and digits, like 7K3M9-QX2CD.")
    try:
        mod_37_36.validate(code, ALPHABET)
    except ValidationError:
        raise InvalidInput(field, "The tracking code has a typing error: its check character does not fit.") from None
    return TrackingCode(code)


def show_tracking_code(code: TrackingCode) -> str:
    """Return a tracking code as it is printed for people."""
    return f"{code[:5]}-{code[5:]}"
