"""References to entities of other services, and the names of codes that feedback keeps."""

import strawberry
from strawberry import ID, federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from services.contracts import reference as r
from services.contracts.labels import CAUSE_LABELS, in_language
from services.kernel.reference import References


@federation.type(
    keys=[Key(fields=FieldSet("id"), resolvable=False)],
    description="A department, as the dispatch service knows it.",
)
class Department:
    """A reference to an entity of dispatch's."""

    id: ID = strawberry.field(description="Its code.")


@federation.type(
    keys=[Key(fields=FieldSet("id"), resolvable=False)],
    description="A street, as the intake service knows it.",
)
class Street:
    """A reference to an entity of intake's."""

    id: ID = strawberry.field(description="Its code.")


@federation.type(
    keys=[Key(fields=FieldSet("id"), resolvable=False)],
    description="A representative, as the intake service knows them.",
)
class Representative:
    """A reference to an entity of intake's."""

    id: ID = strawberry.field(description="The code.")


def department(code: str | None) -> Department | None:
    """Return a reference to a department, if there is one."""
    return Department(id=ID(code)) if code else None


def representative(code: str | None) -> Representative | None:
    """Return a reference to a representative, if there is one."""
    return Representative(id=ID(code)) if code else None


def ground_label(code: str, known: References, locale: str) -> str:
    """Return the name of a ground, or of one of the product's own causes of reopening."""
    if code in CAUSE_LABELS:
        return in_language(*CAUSE_LABELS[code], locale)
    entry = known.ever(r.Ground, code)
    return in_language(entry.name.zh, entry.name.en, locale) if entry else code
