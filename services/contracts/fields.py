"""The types of events' fields with what they mean: JSON Schemas, AsyncAPI document and catalogue say it.

A description never changes what a reader takes. An instant must have an offset: one without is no instant.
"""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

Instant = Annotated[datetime, Meta(tz=True)]
TrackingCode = Annotated[
    str,
    Meta(description="By which residents know the petition: nine letters or digits and a check character, no hyphen."),
]
Title = Annotated[str, Meta(description="What it is about, in the street committee's words, without personal data.")]
RequestText = Annotated[
    str, Meta(description="What is asked of the department: written by staff, at most 4 kB, without personal data.")
]
CategoryCode = Annotated[str, Meta(description="What it is about: the id of a reference entry `category`.")]
GroundCode = Annotated[str, Meta(description="On which ground: the id of a reference entry `ground`.")]
DepartmentCode = Annotated[str, Meta(description="The id of a reference entry `department`.")]
RepresentativeCode = Annotated[str, Meta(description="The id of a reference entry `representative`.")]
StreetCode = Annotated[str, Meta(description="The id of a reference entry `street`.")]
CommunityCode = Annotated[str, Meta(description="The id of a reference entry `community`.")]
StationCode = Annotated[str, Meta(description="The id of a reference entry `station`.")]
RoomCode = Annotated[str, Meta(description="The id of a reference entry `room`.")]
WorkOrderId = Annotated[UUID, Meta(description="The work order that it is about; one per department and cycle.")]
CaseId = Annotated[UUID, Meta(description="The evaluation that it is about; one per cycle.")]
ClockId = Annotated[UUID, Meta(description="The clock; it keeps its id from `clock.started` to `clock.stopped`.")]
InstructionId = Annotated[UUID, Meta(description="The supervisor's instruction, as `petition.pressed` first named it.")]
DueAt = Annotated[Instant, Meta(description="When the clock is due, as things stand after this event.")]
Day = Annotated[date, Meta(description="A day in Asia/Shanghai.")]
Cycle = Annotated[int, Meta(description="How many times the matter has gone round; the first is 1.")]
