"""Follow the feed, and answer: two loops that have nothing but the database in common."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta, timezone

import aiohttp
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from department import topic
from department.desk import decide
from department.event import Batch, Event
from department.graphql import ComeAgain, GraphQL, Refused
from department.settings import Settings
from department.store import Store, Taken

LONGEST_PAUSE = 30.0
LOOKS_EVERY = 0.2
SHANGHAI = timezone(timedelta(hours=8))
"""Asia/Shanghai, whose offset never changes: so no time zone database is needed."""


class Gap(Exception):
    """Events are missing, and GraphQL does not have them either."""


class Unsent(Exception):
    """Answers could not be sent now; they wait in the database for the next start."""


def say(line: str) -> None:
    """Say a line to whoever watches."""
    print(line, flush=True)


class Program:
    """A department's program, on its database."""

    def __init__(self, settings: Settings, store: Store, graphql: GraphQL) -> None:
        self._settings, self._store, self._graphql = settings, store, graphql
        self._caught_up = asyncio.Event()

    async def run(self) -> None:
        """Follow and answer until cancelled.

        :raises Gap: see there; OtherFeed, BrokenContract, Unreadable, NotLetIn, Refused and refusals of the broker
            likewise.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow(once=False))
            both.create_task(self._answer())

    async def once(self) -> None:
        """Take what there is, and send what is due.

        :raises Unsent: some of it did not go; what `run` raises, likewise.
        """
        await self._follow(once=True)
        while await self._answer_next():
            pass
        if unsent := self._store.unsent():
            raise Unsent(f"answers that could not be sent: {unsent}; they wait in the database for the next start")

    async def _follow(self, *, once: bool) -> None:
        pause = 1.0
        while True:
            try:
                async with aclosing(self._batches()) as batches:
                    async for batch in batches:
                        pause = 1.0
                        await self._take(batch)
                        if batch.at_end and not self._caught_up.is_set():
                            say(f"read up to event {self._store.last}")
                            self._caught_up.set()
                        if batch.at_end and once:
                            return
            except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
                raise
            except (KafkaError, topic.OutOfReach, ComeAgain) as error:
                say(f"… the feed cannot be read ({error}); again in {pause:.0f} s")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _batches(self) -> AsyncGenerator[Batch]:
        return topic.batches(self._settings, self._store) if self._settings.kafka else self._pages()

    async def _pages(self) -> AsyncGenerator[Batch]:
        while True:
            page = await self._graphql.feed(self._settings.department, self._store.place.cursor)
            yield page
            if page.at_end:
                await asyncio.sleep(self._settings.polls)

    async def _take(self, batch: Batch) -> None:
        taken = self._told(batch)
        if taken.gap is None:
            return
        missing, came = taken.gap
        say(f"! event {missing} is missing, {came} came: GraphQL is asked for what lies between")
        while self._store.last < batch.events[-1].sequence:
            page = await self._graphql.feed(self._settings.department, self._store.place.cursor)
            self._told(page)
            if page.at_end:
                break
        if still := self._told(batch).gap:
            raise Gap(f"event {still[0]} is missing, on the topic and by GraphQL: ask the operator")

    def _told(self, batch: Batch) -> Taken:
        taken = self._store.take(batch.events, batch.place, decide)
        for event in taken.new:
            say(_line(event))
        if taken.duplicates:
            say(f"  {taken.duplicates} had come before")
        return taken

    async def _answer(self) -> None:
        await self._caught_up.wait()  # what lies behind may have been answered long ago
        while True:
            if not await self._answer_next():
                await asyncio.sleep(LOOKS_EVERY)

    async def _answer_next(self) -> bool:
        """Send the answer that is due first; return whether there was one."""
        answer = self._store.next_answer()
        if answer is None:
            return False
        what = f"→ {answer.mutation} {answer.about}"
        try:
            await self._graphql.act(answer.mutation, answer.input, answer.key)
        except Refused as refused:
            outcome = "OVERTAKEN" if refused.code == "INVALID_STATE" else "REFUSED"
            self._store.answered(answer.key, outcome, str(refused))
            done_already = f"somebody was first, it is {refused.state}"
            say(f"{what}  {done_already if outcome == 'OVERTAKEN' else f'! {refused}'}")
        except ComeAgain as later:
            pause = later.after or min(2.0**answer.tries, LONGEST_PAUSE)
            self._store.again(answer.key, pause, str(later))
            say(f"{what}  … {later}; again in {pause:.0f} s")
        else:
            self._store.answered(answer.key, "DONE")
            say(f"{what}  done")
        return True


def _line(event: Event) -> str:
    return f"← {event.sequence:>4}  {event.time.astimezone(SHANGHAI):%m-%d %H:%M}  {event.type}  {event.petition}"


def report(store: Store) -> None:
    """Say what this department has in its database."""
    for order in store.orders():
        due = ""
        if order["due_at"]:
            late = f", level {order['level']}" if order["level"] else ""
            at = datetime.fromisoformat(order["due_at"]).astimezone(SHANGHAI)
            due = f"  {order['kind']} due {at:%Y-%m-%d %H:%M}{late}"
        say(f"{order['tracking_code']}  {order['state']:12}  {order['title']}{due}")
    figures = store.figures()
    shown = {"events": "events", "duplicates": "had come before", "unknown": "of unknown types"}
    answers = {"DONE": "answers sent", "OVERTAKEN": "overtaken", "REFUSED": "refused", "WAITING": "waiting"}
    say("; ".join(f"{figures.get(name, 0)} {word}" for name, word in {**shown, **answers}.items()))


async def work(settings: Settings, store: Store, *, once: bool) -> None:
    """Run the program on the network."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        program = Program(settings, store, GraphQL(session, settings.graphql, settings.token_file))
        await (program.once() if once else program.run())
