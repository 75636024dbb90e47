"""Who may do what at intake (state-machine.md, Intake; domain.md, "Who may do and see what")."""

from typing import Final

from services.contracts.vocabulary import Role
from services.kernel.access import READERS, Rule, may

SUBMIT: Final = may(Role.ANYONE, Role.REPRESENTATIVE, Role.STATION_STAFF, says="anyone, without an account")
OPEN: Final = may(Role.ANYONE, says="anyone who has tracking code and secret")
DECIDE: Final = may(Role.STREET_COMMITTEE, says="accept, reject, skip a step, handle: the petition's street committee")
LISTEN: Final = may(
    Role.REPRESENTATIVE, Role.STATION_STAFF, Role.STREET_COMMITTEE, says="listen: those whose petition it is"
)
TAKE_PART: Final = may(
    Role.REPRESENTATIVE,
    Role.STATION_STAFF,
    Role.STREET_COMMITTEE,
    Role.COMMUNITY,
    says="look and deliberate: those who listen, and the community",
)
RESIDENT: Final = may(Role.RESIDENT, says="withdraw, add information: the resident, with the petition's own token")
READ: Final = Rule(READERS, "read a petition: every role, its own ones")
DESK: Final = may(
    Role.STREET_COMMITTEE,
    Role.REPRESENTATIVE,
    Role.STATION_STAFF,
    Role.COMMUNITY,
    Role.DISTRICT_SUPERVISOR,
    Role.INTEGRATOR,
    says="lists at intake: those who screen and who supervise, and integrators, their own",
)
INTERNAL: Final = may(
    Role.REPRESENTATIVE,
    Role.STATION_STAFF,
    Role.STREET_COMMITTEE,
    Role.COMMUNITY,
    Role.DISTRICT_SUPERVISOR,
    says="working text, findings and reasons of screening",
)
WORDS: Final = Rule(
    READERS - {Role.INTEGRATOR}, "measures and reasons: everybody whose petition it is, but no integrator"
)
CONTACT: Final = may(
    Role.RESIDENT,
    Role.STREET_COMMITTEE,
    Role.STATION_STAFF,
    Role.REPRESENTATIVE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    says="contact data, while it is needed: each look is recorded",
)
RECORD_TERMS: Final = may(Role.OPERATOR, says="deadline policies and calendar days: the operator")
EVERYBODY: Final = Rule(frozenset(Role) - {Role.SYSTEM}, "public reference data and one's own identity")
