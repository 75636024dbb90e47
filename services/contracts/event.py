"""What every event has: the shape of its data, who did it, and the names it travels under."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from services.contracts.vocabulary import Role, Source


class Data(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Immutable data that crosses between services: camelCase in JSON, unknown fields ignored (newer writers)."""


class Who(Data, frozen=True, kw_only=True):
    """The actor behind an event: role and subject of the token; a resident's subject is the petition, never a name."""

    role: Annotated[Role, Meta(description="As what they acted.")]
    subject: Annotated[
        str,
        Meta(
            description="Of the token: a staff member's, a resident's `petition:<id>`, or the product's own `system`."
        ),
    ]


class Event(Data, frozen=True, kw_only=True):
    """A past fact about one aggregate. Codes and staff-written title and request only, never personal data."""

    SOURCE: ClassVar[Source]
    TYPE: ClassVar[str]

    by: Annotated[Who, Meta(description="Who acted.")]


SYSTEM = Who(role=Role.SYSTEM, subject="system")
