"""The three rates: never a bare percentage."""

from datetime import date
from typing import Annotated

import strawberry
from strawberry import ID

from services.feedback.domain import rates
from services.feedback.queries import rates as queries
from services.kernel.graphql.context import Info
from services.kernel.graphql.filters import check_filters


@strawberry.type(description="A rate, as what it is reckoned from.")
class Rate:
    """Numerator, denominator, and who is in neither."""

    numerator: int = strawberry.field(description="How many of those who were reached said yes.")
    denominator: int = strawberry.field(description="How many were reached.")
    not_reached: int = strawberry.field(description="How many were not, after three attempts: in neither number.")


@strawberry.type(description="The three rates of the return visits of a period.")
class Rates:
    """Response, resolution and satisfaction."""

    responded: Rate = strawberry.field(description="Response rate (响应率): was contacted about the matter.")
    solved: Rate = strawberry.field(description="Resolution rate (解决率): says that it is solved.")
    satisfied: Rate = strawberry.field(description="Satisfaction rate (满意率): is satisfied.")


@strawberry.type
class RatesQuery:
    """Figures."""

    @strawberry.field(
        description="The three rates of visits made in a period, of a street, a department, or all that one may see.",
    )
    async def rates(
        self,
        info: Info,
        from_: Annotated[date, strawberry.argument(name="from", description="The first day, in Shanghai.")],
        to: Annotated[date, strawberry.argument(description="The last day; a period has at most 366.")],
        street: Annotated[ID | None, strawberry.argument(description="Only of this street.")] = None,
        department: Annotated[ID | None, strawberry.argument(description="Only of this department's replies.")] = None,
    ) -> Rates | None:
        """Return the rates."""
        rates.check_period(from_, to)
        await check_filters(info, street=street, department=department)
        figures = rates.figures_of(info.context.actor)
        rates.check_own(figures, street, department)
        count = await queries.total(info.context.reader, figures, from_, to, street, department)
        return Rates(
            responded=Rate(numerator=count.responded, denominator=count.reached, not_reached=count.not_reached),
            solved=Rate(numerator=count.solved, denominator=count.reached, not_reached=count.not_reached),
            satisfied=Rate(numerator=count.satisfied, denominator=count.reached, not_reached=count.not_reached),
        )
