"""Dispatch's subgraph."""

from strawberry.tools import merge_types

from services.dispatch.schema.department import Department, DepartmentQuery
from services.dispatch.schema.mutations import Mutation
from services.dispatch.schema.petition import Petition
from services.dispatch.schema.work_order import WorkOrder, WorkOrderQuery
from services.kernel.graphql.endpoint import subgraph

Query = merge_types("Query", (WorkOrderQuery, DepartmentQuery))

schema = subgraph(query=Query, mutation=Mutation, types=[Petition, Department, WorkOrder])
