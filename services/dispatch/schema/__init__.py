"""Dispatch's subgraph."""

from services.contracts.vocabulary import Source
from services.dispatch.domain import access
from services.dispatch.schema.department import Department, DepartmentQuery
from services.dispatch.schema.live import QueueSubscription
from services.dispatch.schema.mutations import WorkOrderMutation
from services.dispatch.schema.petition import Petition
from services.dispatch.schema.supervision import InstructionMutation, InstructionQuery
from services.dispatch.schema.work_order import WorkOrder, WorkOrderQuery
from services.kernel.graphql.subgraph import subgraph

schema = subgraph(
    Source.DISPATCH,
    *access.DOORS,
    queries=(WorkOrderQuery, InstructionQuery, DepartmentQuery),
    mutations=(WorkOrderMutation, InstructionMutation),
    subscriptions=(QueueSubscription,),
    types=(Petition, Department, WorkOrder),
)
