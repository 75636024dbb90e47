"""The trade's closed vocabularies (domain.md, state-machine.md), spelled as they travel in events and in GraphQL.

Open vocabularies (categories, grounds, channels, places, departments) are reference data and are not here.
"""

from enum import StrEnum


class Source(StrEnum):
    """A service as the author of events."""

    INTAKE = "intake"
    DISPATCH = "dispatch"
    FEEDBACK = "feedback"


class Role(StrEnum):
    """Who acts. ANYONE has no token; SYSTEM is the product itself."""

    ANYONE = "anyone"
    RESIDENT = "resident"
    REPRESENTATIVE = "representative"
    STATION_STAFF = "station_staff"
    COMMUNITY = "community"
    STREET_COMMITTEE = "street_committee"
    DEPARTMENT = "department"
    DEPARTMENT_HEAD = "department_head"
    EXPERT = "expert"
    DISTRICT_SUPERVISOR = "district_supervisor"
    DISTRICT_LEADER = "district_leader"
    INTEGRATOR = "integrator"
    OPERATOR = "operator"
    SYSTEM = "system"


class PetitionKind(StrEnum):
    """What a petition is: 诉求, 建议 or 纠纷."""

    DEMAND = "DEMAND"
    SUGGESTION = "SUGGESTION"
    DISPUTE = "DISPUTE"


class Urgency(StrEnum):
    """How soon harm would follow. Emergencies are not petitions: they go to 110/119/120."""

    NORMAL = "NORMAL"
    URGENT = "URGENT"


class Extent(StrEnum):
    """How far the matter reaches."""

    HOUSEHOLD = "HOUSEHOLD"
    BUILDING = "BUILDING"
    COMMUNITY = "COMMUNITY"
    STREET = "STREET"
    DISTRICT = "DISTRICT"


class PetitionState(StrEnum):
    """Where a petition stands at intake."""

    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    SCREENING = "SCREENING"
    READY = "READY"
    RESOLVED_ON_SPOT = "RESOLVED_ON_SPOT"
    REJECTED = "REJECTED"
    MERGED = "MERGED"
    WITHDRAWN = "WITHDRAWN"


class Phase(StrEnum):
    """Where in intake a rejection happened."""

    ACCEPTANCE = "ACCEPTANCE"
    SCREENING = "SCREENING"


class ScreeningStep(StrEnum):
    """Listen, look, deliberate, handle (一听二看三议四办); the order holds."""

    LISTEN = "LISTEN"
    LOOK = "LOOK"
    DELIBERATE = "DELIBERATE"
    HANDLE = "HANDLE"


class DeadlineClass(StrEnum):
    """How long handling may take; the policy table gives the time."""

    URGENT = "URGENT"
    SIMPLE = "SIMPLE"
    ORDINARY = "ORDINARY"
    COMPLEX = "COMPLEX"


class WorkOrderState(StrEnum):
    """Where a work order stands."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    UNDER_RULING = "UNDER_RULING"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    IN_PROGRESS = "IN_PROGRESS"
    REPLIED = "REPLIED"
    CANCELLED = "CANCELLED"


class CaseState(StrEnum):
    """Where a feedback case stands."""

    AWAITING_VISIT = "AWAITING_VISIT"
    VISITED = "VISITED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"
    LEDGERED = "LEDGERED"
    RECALLED = "RECALLED"
    CANCELLED = "CANCELLED"


class VisitMeans(StrEnum):
    """How a return visit was made."""

    PHONE = "PHONE"
    IN_PERSON = "IN_PERSON"
    FORM = "FORM"


class ClockKind(StrEnum):
    """What a clock measures."""

    ACCEPTANCE = "ACCEPTANCE"
    SCREENING = "SCREENING"
    ASSIGNMENT = "ASSIGNMENT"
    ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"
    HANDLING = "HANDLING"
    RULING = "RULING"
    INFORMATION = "INFORMATION"
    RETURN_VISIT = "RETURN_VISIT"
    CLOSING = "CLOSING"
    LEDGER_APPROVAL = "LEDGER_APPROVAL"
    LEDGER_REVIEW = "LEDGER_REVIEW"
    INSTRUCTION = "INSTRUCTION"


class ClockState(StrEnum):
    """Whether a clock runs."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class Responsible(StrEnum):
    """Whom a clock measures."""

    DEPARTMENT = "DEPARTMENT"
    STREET_COMMITTEE = "STREET_COMMITTEE"
    DISTRICT_SUPERVISOR = "DISTRICT_SUPERVISOR"


class Audience(StrEnum):
    """Who is told when a clock is overdue."""

    DEPARTMENT_HEAD = "DEPARTMENT_HEAD"
    STREET_COMMITTEE = "STREET_COMMITTEE"
    STREET_LEADER = "STREET_LEADER"
    DISTRICT_SUPERVISOR = "DISTRICT_SUPERVISOR"
    DISTRICT_LEADER = "DISTRICT_LEADER"


class LimitUnit(StrEnum):
    """What a limit is counted in."""

    WORKING_DAYS = "WORKING_DAYS"
    CLOCK_HOURS = "CLOCK_HOURS"


class Stage(StrEnum):
    """The five-people method (五民工作法), by which the whole is told to residents."""

    RAISE = "RAISE"
    DELIBERATE = "DELIBERATE"
    DECIDE = "DECIDE"
    HANDLE = "HANDLE"
    EVALUATE = "EVALUATE"


class VenueKind(StrEnum):
    """The six kinds of "six-deliberation" venue (六议场所): 厅, 亭, 室, 广场, 长廊, 角."""

    HALL = "HALL"
    PAVILION = "PAVILION"
    ROOM = "ROOM"
    SQUARE = "SQUARE"
    CORRIDOR = "CORRIDOR"
    CORNER = "CORNER"


class ReferenceKind(StrEnum):
    """What a reference entry describes; the first part of its key `kind:id`."""

    STREET = "street"
    COMMUNITY = "community"
    ESTATE = "estate"
    STATION = "station"
    ROOM = "room"
    VENUE = "venue"
    REPRESENTATIVE = "representative"
    CATEGORY = "category"
    CHANNEL = "channel"
    GROUND = "ground"
    REFERRAL = "referral"
    POLICY = "policy"
    HOLIDAY = "holiday"
    DEPARTMENT = "department"
    ROUTING_RULE = "routing_rule"
