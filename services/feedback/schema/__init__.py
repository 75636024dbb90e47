"""Feedback's subgraph."""

from services.contracts.vocabulary import Source
from services.feedback.domain import access
from services.feedback.schema.case import CaseQuery
from services.feedback.schema.late import LateQuery
from services.feedback.schema.live import TimelineSubscription
from services.feedback.schema.mutations import CaseMutation
from services.feedback.schema.petition import Petition, StageQuery
from services.feedback.schema.rates import RatesQuery
from services.feedback.schema.references import Department, Representative, Street
from services.kernel.graphql.subgraph import subgraph

schema = subgraph(
    Source.FEEDBACK,
    *access.DOORS,
    queries=(CaseQuery, StageQuery, LateQuery, RatesQuery),
    mutations=(CaseMutation,),
    subscriptions=(TimelineSubscription,),
    types=(Petition, Department, Representative, Street),
)
