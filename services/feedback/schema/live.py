"""A petition's story, live."""

from collections.abc import AsyncGenerator, Sequence

import strawberry
from strawberry import ID

from services.contracts.vocabulary import Source
from services.feedback.domain.timeline import Told
from services.feedback.queries import petitions, timelines
from services.feedback.queries.petitions import Known
from services.feedback.queries.timelines import Page, Wanted
from services.feedback.schema.loaders import hidden_from
from services.feedback.schema.petition import Petition, own_petition, visible
from services.feedback.schema.timeline import TimelineEntry, entry_of, place_of, timeline_cursor
from services.kernel.graphql.context import Info
from services.kernel.graphql.following import PAGE, batch, follow
from services.kernel.graphql.types import After
from services.kernel.ids import PetitionId, parse_uuid


@strawberry.type(description="One more entry of a petition's story.")
class TimelineUpdate:
    """An entry in its place, as it is told live."""

    story: strawberry.Private["_Story"]
    entry: TimelineEntry = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it, also after a break.")

    @strawberry.field(description="The petition as it stands now, with all that the services know of it.")
    async def petition(self, info: Info) -> Petition | None:
        """Return the petition, if it still is the actor's own."""
        return own_petition(info, await self.story.heard())


@strawberry.type
class TimelineSubscription:
    """The timeline, live."""

    @strawberry.subscription(
        description="A petition's story from `after` on (from its beginning without one), and then whatever happens: "
        "each entry once, each service's in their order, and none before one that it knew of. It ends with NOT_FOUND "
        "when the petition is no longer the reader's own, and with the token; after a break, go on from the last "
        "cursor."
    )
    async def petition_timeline(
        self, info: Info, petition_id: ID, after: After = None
    ) -> AsyncGenerator[TimelineUpdate, None]:
        """Follow the petition.

        :raises NotFound: unknown, or not the actor's own.
        """
        story = _Story(info, PetitionId(parse_uuid(petition_id, "petitionId")), place_of(after))
        await story.known()
        return story.told()


class _Story:
    """How far one follower has been told one petition's story."""

    def __init__(self, info: Info, petition: PetitionId, place: tuple[tuple[Source, int], ...]) -> None:
        runtime, hidden = info.context.runtime, hidden_from(info.context.actor)
        self._info = info
        self._id = petition
        self._place = place

        async def known(ids: list[PetitionId]) -> Sequence[Known | None]:
            found = await petitions.by_ids(runtime.database.reader, ids)
            return [found.get(one) for one in ids]

        async def pages(wanted: list[Wanted]) -> Sequence[Page]:
            return await timelines.pages(runtime.database.reader, wanted, hidden)

        self._known = batch(runtime, "live petitions", known)
        self._pages = batch(runtime, f"live timelines without {' '.join(hidden)}", pages)

    async def known(self) -> Petition:
        """Return the petition as the follower may see it now.

        :raises NotFound: unknown, or no longer the actor's own.
        """
        return visible(self._info, await self.heard())

    async def heard(self) -> Known | None:
        """Return what feedback has heard of the petition: for all that ask at the same moment in one statement."""
        return await self._known.load(self._id)

    async def told(self) -> AsyncGenerator[TimelineUpdate, None]:
        """Yield what comes."""
        async for one in follow(self._info.context, str(self._id), self._next):
            yield TimelineUpdate(story=self, entry=entry_of(one), cursor=timeline_cursor(one.place))

    async def _next(self) -> tuple[Sequence[Told], bool]:
        page = await self._pages.load(Wanted(self._id, PAGE, self._place))
        if page.told:
            await self.known()
            self._place = tuple(page.told[-1].place.items())
        return page.told, page.more
