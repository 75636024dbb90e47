"""Mutations and questions of the lives that are played: every way a petition can take, not only the usual one."""

from typing import Final


def _act(name: str, input_type: str, selection: str) -> str:
    return f"mutation ($input: {input_type}!) {{ {name}(input: $input) {{ {selection} position }} }}"


_PETITION: Final = "petition { id }"
_ORDER: Final = "workOrder { id }"
_INSTRUCTION: Final = "instruction { id }"

SUBMIT: Final = _act("submitPetition", "SubmitPetitionInput", "petitionId trackingCode secret")
ACCEPT: Final = _act("acceptPetition", "AcceptPetitionInput", _PETITION)
REJECT: Final = _act("rejectPetition", "RejectPetitionInput", _PETITION)
LISTEN: Final = _act("listenToPetition", "ListenToPetitionInput", _PETITION)
LOOK: Final = _act("lookAtPetition", "LookAtPetitionInput", _PETITION)
DELIBERATE: Final = _act("deliberateOnPetition", "DeliberateOnPetitionInput", _PETITION)
SKIP: Final = _act("skipScreeningStep", "SkipScreeningStepInput", _PETITION)
HAND_OVER: Final = _act("handOverPetition", "HandOverPetitionInput", _PETITION)
ON_THE_SPOT: Final = _act("resolvePetitionOnSpot", "ResolvePetitionOnSpotInput", _PETITION)
DECLINE: Final = _act("declinePetition", "RejectPetitionInput", _PETITION)
FOLLOW: Final = _act("followPetition", "FollowPetitionInput", _PETITION)
WITHDRAW: Final = _act("withdrawPetition", "WithdrawPetitionInput", _PETITION)
ADD: Final = _act("addInformation", "AddInformationInput", _PETITION)
ERASE: Final = _act("erasePersonalData", "ErasePersonalDataInput", "receipt { id }")
OPEN: Final = "mutation ($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
LOOK_UP: Final = "mutation ($input: LookUpContactInput!) { lookUpContact(input: $input) { phone } }"

ASSIGN: Final = _act("assignWorkOrder", "AssignWorkOrderInput", _ORDER)
ACKNOWLEDGE: Final = _act("acknowledgeWorkOrder", "AcknowledgeWorkOrderInput", _ORDER)
DECLINE_ORDER: Final = _act("declineWorkOrder", "DeclineWorkOrderInput", _ORDER)
RULE: Final = _act("ruleOnWorkOrder", "RuleOnWorkOrderInput", _ORDER)
START: Final = _act("startWorkOrder", "StartWorkOrderInput", _ORDER)
ASK: Final = _act("askResident", "AskResidentInput", _ORDER)
REPLY: Final = _act("replyToWorkOrder", "ReplyToWorkOrderInput", _ORDER)
SEND_BACK: Final = _act("sendBackReply", "SendBackReplyInput", _ORDER)
PRESS: Final = _act("pressPetition", "PressPetitionInput", _INSTRUCTION)
ANSWER: Final = _act("answerInstruction", "AnswerInstructionInput", _INSTRUCTION)

ATTEMPT: Final = _act("recordVisitAttempt", "RecordVisitAttemptInput", _PETITION)
VISIT: Final = _act("recordVisit", "RecordVisitInput", _PETITION)
CLOSE: Final = _act("closePetition", "ClosePetitionInput", _PETITION)
REOPEN: Final = _act("reopenPetition", "ReopenPetitionInput", _PETITION)
APPROVE_LEDGER: Final = _act("approveLedger", "ApproveLedgerInput", _PETITION)
REFUSE_LEDGER: Final = _act("refuseLedger", "RefuseLedgerInput", _PETITION)

ORDERS: Final = """query ($id: ID!) {
  petition(id: $id) { handling { workOrders { id cycle department { id } suggestion { department { id } } } } }
}"""
"""The work orders, and whom routing suggests."""

STANDING: Final = "query ($id: ID!) { petition(id: $id) { state stage handling { cycle } evaluation { state } } }"
"""Where a petition stands, in all three services: what is asked to wait for all of them."""
