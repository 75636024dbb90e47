"""Feedback's subgraph."""

from strawberry.tools import merge_types

from services.feedback.schema.case import CaseQuery
from services.feedback.schema.mutations import Mutation
from services.feedback.schema.petition import Petition, StageQuery
from services.feedback.schema.rates import RatesQuery
from services.feedback.schema.references import Department, Representative
from services.kernel.graphql.endpoint import subgraph

Query = merge_types("Query", (CaseQuery, StageQuery, RatesQuery))

schema = subgraph(query=Query, mutation=Mutation, types=[Petition, Department, Representative])
