"""Mutations and questions of the lives that are played: every way a petition can take, not only the usual one."""

from typing import Final

from bench.life import mutation

_PETITION: Final = "petition { id }"
_ORDER: Final = "workOrder { id }"
_INSTRUCTION: Final = "instruction { id }"

SUBMIT: Final = mutation("submitPetition", "SubmitPetitionInput", "petitionId trackingCode secret")
ACCEPT: Final = mutation("acceptPetition", "AcceptPetitionInput", _PETITION)
REJECT: Final = mutation("rejectPetition", "RejectPetitionInput", _PETITION)
LISTEN: Final = mutation("listenToPetition", "ListenToPetitionInput", _PETITION)
LOOK: Final = mutation("lookAtPetition", "LookAtPetitionInput", _PETITION)
DELIBERATE: Final = mutation("deliberateOnPetition", "DeliberateOnPetitionInput", _PETITION)
SKIP: Final = mutation("skipScreeningStep", "SkipScreeningStepInput", _PETITION)
HAND_OVER: Final = mutation("handOverPetition", "HandOverPetitionInput", _PETITION)
ON_THE_SPOT: Final = mutation("resolvePetitionOnSpot", "ResolvePetitionOnSpotInput", _PETITION)
DECLINE: Final = mutation("declinePetition", "RejectPetitionInput", _PETITION)
FOLLOW: Final = mutation("followPetition", "FollowPetitionInput", _PETITION)
WITHDRAW: Final = mutation("withdrawPetition", "WithdrawPetitionInput", _PETITION)
ADD: Final = mutation("addInformation", "AddInformationInput", _PETITION)
ERASE: Final = mutation("erasePersonalData", "ErasePersonalDataInput", "receipt { id }")
OPEN: Final = "mutation ($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
LOOK_UP: Final = "mutation ($input: LookUpContactInput!) { lookUpContact(input: $input) { phone } }"

ASSIGN: Final = mutation("assignWorkOrder", "AssignWorkOrderInput", _ORDER)
ACKNOWLEDGE: Final = mutation("acknowledgeWorkOrder", "AcknowledgeWorkOrderInput", _ORDER)
DECLINE_ORDER: Final = mutation("declineWorkOrder", "DeclineWorkOrderInput", _ORDER)
RULE: Final = mutation("ruleOnWorkOrder", "RuleOnWorkOrderInput", _ORDER)
START: Final = mutation("startWorkOrder", "StartWorkOrderInput", _ORDER)
ASK: Final = mutation("askResident", "AskResidentInput", _ORDER)
REPLY: Final = mutation("replyToWorkOrder", "ReplyToWorkOrderInput", _ORDER)
SEND_BACK: Final = mutation("sendBackReply", "SendBackReplyInput", _ORDER)
PRESS: Final = mutation("pressPetition", "PressPetitionInput", _INSTRUCTION)
ANSWER: Final = mutation("answerInstruction", "AnswerInstructionInput", _INSTRUCTION)

ATTEMPT: Final = mutation("recordVisitAttempt", "RecordVisitAttemptInput", _PETITION)
VISIT: Final = mutation("recordVisit", "RecordVisitInput", _PETITION)
CLOSE: Final = mutation("closePetition", "ClosePetitionInput", _PETITION)
REOPEN: Final = mutation("reopenPetition", "ReopenPetitionInput", _PETITION)
APPROVE_LEDGER: Final = mutation("approveLedger", "ApproveLedgerInput", _PETITION)
REFUSE_LEDGER: Final = mutation("refuseLedger", "RefuseLedgerInput", _PETITION)

ORDERS: Final = """query ($id: ID!) {
  petition(id: $id) { handling { workOrders { id cycle department { id } suggestion { department { id } } } } }
}"""
"""The work orders, and whom routing suggests."""

STANDING: Final = "query ($id: ID!) { petition(id: $id) { state stage handling { cycle } evaluation { state } } }"
"""Where a petition stands, in all three services: what is asked to wait for all of them."""
