"""Who may do and see what at intake (state-machine.md, Intake; domain.md, "Who may do and see what").

First the rules, as sentences; then the table of doors, which says where each of them stands. Commands check them again.
"""

from typing import Final

from services.contracts.vocabulary import Role
from services.kernel.access import READERS, Rule, may
from services.kernel.doors import EVERYBODY, Bounds, anything, own, own_list, reference, shown_to, within

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
FOLLOW: Final = may(
    Role.REPRESENTATIVE, says="follow a petition to its end: the representatives whose own it is, each for themselves"
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
LOOKS: Final = may(
    Role.DISTRICT_SUPERVISOR,
    Role.RESIDENT,
    says="who looked at contact data: the district supervisor, and the resident of the petition",
)
LOOKERS: Final = may(Role.DISTRICT_SUPERVISOR, says="who it was that looked, by name: the district supervisor")
ERASE: Final = may(Role.OPERATOR, says="erase a petition's personal data: the operator, who sees none of it")
RECORD_TERMS: Final = may(Role.OPERATOR, says="deadline policies and calendar days: the operator")
RECORD_REFERENCE: Final = may(
    Role.OPERATOR, says="places, people and codes, many at once: the operator, by the command line"
)

DOORS: Final = (
    anything(
        "Query",
        EVERYBODY,
        "me streets communities estates stations rooms venues representatives coverage categories channels grounds "
        "referrals",
    ),
    anything("Query", EVERYBODY, "deadlinePolicies workingCalendar"),
    own("Query", READ, "petition"),
    own_list("Query", DESK, "petitions petitionsToAccept petitionsToScreen"),
    anything("Mutation", SUBMIT, "submitPetition"),
    anything("Mutation", OPEN, "openPetition"),
    own("Mutation", RESIDENT, "withdrawPetition addInformation"),
    own("Mutation", CONTACT, "lookUpContact"),
    own_list("Query", LOOKS, "contactLooks"),
    anything("Mutation", ERASE, "erasePersonalData"),
    own(
        "Mutation",
        DECIDE,
        "acceptPetition rejectPetition declinePetition skipScreeningStep handOverPetition resolvePetitionOnSpot "
        "nominatePetition",
    ),
    own("Mutation", LISTEN, "listenToPetition"),
    own("Mutation", TAKE_PART, "lookAtPetition deliberateOnPetition"),
    own("Mutation", FOLLOW, "followPetition"),
    anything("Mutation", RECORD_TERMS, "recordDeadlinePolicy recordCalendarDays"),
    reference("Petition", READ),
    reference("Street", EVERYBODY, Bounds.NONE),
    reference("Community", EVERYBODY, Bounds.NONE),
    reference("Representative", EVERYBODY, Bounds.NONE),
    within(
        "Petition",
        "id trackingCode state stateLabel allowedActs cycle kind kindLabel channel community estate representative "
        "followedBy submittedAt title category urgency extent steps request deadlineClass proposedDepartment rejection "
        "deadlines asOf",
    ),
    shown_to("Petition", WORDS, "measures"),
    shown_to("Petition", INTERNAL, "workingText remarks"),
    within("Rejection", "ground referral"),
    shown_to("Rejection", WORDS, "reason"),
    within("Remark", "type at role text label"),
    within("PetitionConnection", "edges pageInfo"),
    within("PetitionEdge", "node cursor"),
    within("PetitionPayload", "petition position"),
    within("SubmitPetitionPayload", "petitionId trackingCode secret position"),
    within("OpenPetitionPayload", "petitionId token expiresInSeconds"),
    within("ContactDetails", "name phone"),
    within("ContactLookConnection", "edges pageInfo"),
    within("ContactLookEdge", "node cursor"),
    within("ContactLook", "id petitionId street at role purpose"),
    shown_to("ContactLook", LOOKERS, "subject"),
    within("ErasePersonalDataPayload", "receipt position"),
    within(
        "ErasureReceipt",
        "id petitionId erasedAt by because originals additions contacts phoneHashes wrappedKeySha256",
    ),
    within("Me", "subject roles street community department"),
    within("Street", "id name generated"),
    within("Community", "id street name generated"),
    within("Estate", "id community name generated"),
    within("Station", "id street name generated"),
    within("Room", "id station communities name generated"),
    within("Venue", "id kind kindLabel community room name generated"),
    within("Representative", "id street rooms station communities residence sector deputy name generated"),
    *(
        within(f"{listed}{part}", fields)
        for listed in ("Community", "Estate", "Station", "Room", "Venue", "Representative")
        for part, fields in (("Connection", "edges pageInfo"), ("Edge", "node cursor"))
    ),
    within(
        "StreetCoverage",
        "street communities stations rooms representatives communitiesWithoutRoom communitiesWithoutRepresentative "
        "representativesUnplaced representativesWithoutResidence",
    ),
    within("Department", "id"),
    within("Code", "id name"),
    within(
        "DeadlinePolicy",
        "id version effectiveFrom limits reminderPercent secondLevelWorkingDays thirdLevelWorkingDays "
        "returnedReplyWorkingDays name inForce",
    ),
    within("DeadlineLimit", "kind deadlineClass amount unit"),
    within("DeadlinePolicyPayload", "policy"),
    within("CalendarDay", "day working recorded published name"),
    within("CalendarDaysPayload", "changed"),
)
