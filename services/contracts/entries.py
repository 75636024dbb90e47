"""A reference entry of every kind as the examples show it, by the source that owns the kind."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

from services.contracts.reference import (
    AnyEntry,
    Category,
    Channel,
    ClockLimit,
    Community,
    Department,
    Estate,
    Ground,
    Holiday,
    Limit,
    Name,
    Policy,
    Referral,
    Representative,
    Room,
    RoutingRule,
    Station,
    Street,
    Venue,
)
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit, Source, VenueKind

_DAYS: Final = LimitUnit.WORKING_DAYS

ENTRIES: Final[Mapping[Source, tuple[AnyEntry, ...]]] = MappingProxyType(
    {
        Source.INTAKE: (
            Street(id="huangtupo", name=Name(zh="黄土坡街道", en="Huangtupo Street")),
            Community(id="community-73", name=Name(zh="七十三社区", en="Community 73"), street="huangtupo"),
            Estate(
                id="erzhong-lane", name=Name(zh="二中批发巷", en="Erzhong wholesale lane"), community="community-73"
            ),
            Station(
                id="station-huangtupo",
                name=Name(zh="黄土坡街道联络站", en="Huangtupo liaison station"),
                street="huangtupo",
            ),
            Room(
                id="room-renmin-west",
                name=Name(zh="人民西路联络室", en="Renmin West Road room"),
                station="station-huangtupo",
                communities=("renmin-west",),
            ),
            Venue(
                id="venue-maan-corner",
                name=Name(zh="马鞍社区议事角", en="Ma'an deliberation corner"),
                venue_kind=VenueKind.CORNER,
                community="maan",
                room="room-maan",
            ),
            Representative(
                id="rep-hui-bi",
                name=Name(zh="惠碧", en="Hui Bi"),
                street="huangtupo",
                rooms=("room-73",),
                communities=("community-73",),
                residence="community-73",
                sector=Name(zh="社区书记", en="Community secretary"),
            ),
            Category(id="drainage", name=Name(zh="排水管网", en="Sewers and drainage"), parent="municipal"),
            Channel(id="through-train", name=Name(zh="直通车", en="Through train"), group="find-the-representative"),
            Ground(
                id="IN_LITIGATION",
                name=Name(zh="已进入司法程序", en="In litigation or arbitration"),
                uses=("REJECT_ACCEPTANCE", "REJECT_SCREENING"),
                needs_referral=True,
            ),
            Referral(id="COURT", name=Name(zh="人民法院", en="The people's court")),
            Policy(
                id="2",
                name=Name(zh="时限政策第2版", en="Deadline policy, version 2"),
                version=2,
                effective_from=datetime(2026, 12, 31, 16, tzinfo=UTC),
                limits=(
                    ClockLimit(kind=ClockKind.ACCEPTANCE, limit=Limit(amount=1, unit=_DAYS)),
                    ClockLimit(
                        kind=ClockKind.HANDLING,
                        limit=Limit(amount=24, unit=LimitUnit.CLOCK_HOURS),
                        deadline_class=DeadlineClass.URGENT,
                    ),
                    ClockLimit(
                        kind=ClockKind.HANDLING,
                        limit=Limit(amount=10, unit=_DAYS),
                        deadline_class=DeadlineClass.ORDINARY,
                    ),
                ),
            ),
            Holiday(id="2027-02-17", name=Name(zh="春节", en="Spring Festival"), day=date(2027, 2, 17), working=False),
        ),
        Source.DISPATCH: (
            Department(id="civil-affairs", name=Name(zh="区民政局", en="District Civil Affairs Bureau")),
            RoutingRule(
                id="r-addresses",
                name=Name(zh="门牌归民政", en="House numbers to civil affairs"),
                priority=10,
                department="civil-affairs",
                category="household-registration",
            ),
        ),
    }
)
