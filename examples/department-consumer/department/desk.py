"""What this department does about an event: pure decisions, which a real department would put its own into."""

from dataclasses import dataclass
from typing import Any

import msgspec

from department import models


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of a work order: how long handling may take, and whether the resident was asked something."""

    deadline_class: str
    asked: bool

    @property
    def has_to_be_asked_about(self) -> bool:
        """Whether the resident is asked before it is replied to."""
        return self.deadline_class == "COMPLEX" and not self.asked


@dataclass(frozen=True, slots=True)
class Answer:
    """A mutation to be sent: its name, its input without the key, and after how much work."""

    mutation: str
    about: str
    input: dict[str, Any]
    after_work: bool = False


def decide(told: msgspec.Struct, order: Order | None) -> list[Answer]:
    """Return the answers that an event asks for.

    Every order is taken and begun; what is COMPLEX is asked about once; a reply follows when the work is done. Whether
    something is a department's own at all, people decide: they decline at their console, and the feed tells of it.
    """
    match told:
        case models.WorkOrderAssigned(work_order_id=id_) | models.WorkOrderRuled(work_order_id=id_):
            return [_about(id_, "acknowledgeWorkOrder"), *map(_heard, told.instructions or [])]
        case models.WorkOrderReferredForRuling():
            return [*map(_heard, told.instructions or [])]
        case models.WorkOrderAcknowledged(work_order_id=id_):
            return [_about(id_, "startWorkOrder")]
        case models.WorkOrderStarted(work_order_id=id_) if order and order.has_to_be_asked_about:
            return [_about(id_, "askResident", question="请问哪一天上门方便？")]
        case (
            models.WorkOrderStarted(work_order_id=id_)
            | models.WorkOrderResumed(work_order_id=id_)
            | models.WorkOrderReplyReturned(work_order_id=id_)
        ):
            given = {"words": "已派人现场处理完毕，请您查看。", "measures": "现场处理"}
            return [_about(id_, "replyToWorkOrder", after_work=True, **given)]
        case models.PetitionPressed():
            return [_heard(told)]
        case _:
            return []


def _heard(pressed: models.PetitionPressed | models.OpenInstruction) -> Answer:
    """Answer the supervisor's instruction, whether it came to this department or passed on to it."""
    id_ = pressed.instruction_id
    return Answer("answerInstruction", id_, {"instructionId": id_, "words": "已收到督办意见，正在办理，办结后答复。"})


def _about(id_: str, mutation: str, *, after_work: bool = False, **given: str) -> Answer:
    return Answer(mutation, id_, {"workOrderId": id_, **given}, after_work=after_work)
