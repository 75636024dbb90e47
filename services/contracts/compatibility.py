"""What may change in the contracts while their major version stays: compared in both directions.

A new reader must read what old writers wrote, and an old reader what new writers write. Readers pass over fields,
headers and event types that they do not know, and refuse codes, types and formats that they do not know. So what may be
added is an optional field, an optional header, an event, a topic; words may be changed; all else is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, cast

from services.contracts.schema_changes import (
    V2,
    Place,
    Refusal,
    Schema,
    Side,
    breaking,
    fields_of,
    shown,
    without_words,
)

NOTICE: Final = timedelta(days=365)
"""How long before its end a topic's end is announced, at least."""

_END: Final = "x-ends"
_MISSING: Final = "not there"
_FOR_READERS: Final = ("contentType", "correlationId")
"""What a message says of itself that readers go by, beside its data, headers and key; more of it may be said."""
_ENVELOPE: Final = "-envelope"
"""How an envelope's schema in the document ends, whose beginning is its file's."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts at one time: the schemas by their files' names, and the AsyncAPI document."""

    schemas: Mapping[str, Schema]
    document: Mapping[str, Any]

    def channels(self) -> Mapping[str, Schema]:
        """Return the topics, by the names of their families."""
        return self.document["channels"]

    def at(self, schema: Schema) -> Side:
        """Return a part of the document, with what it refers to."""
        return Side(schema, self.document).at(schema)


def refusals(released: Contracts, present: Contracts, *, today: date, announced: date | None = None) -> list[Refusal]:
    """Return every change since the release that would break somebody; none if there is none.

    :param today: topics whose announced end has come may be gone.
    :param announced: the day from which the notice of a new end counts, if not today.
    """
    ended = _ended(released, today)
    found: list[Refusal] = []
    for name, schema in released.schemas.items():
        what = _named(name)
        if name not in present.schemas:
            if name not in ended:
                found.append(Refusal(what, "", "there", "gone", f"keep it, {V2}"))
            continue
        new = present.schemas[name]
        if schema["$id"] != new["$id"]:
            right = "readers know it by this name: keep it"
            found.append(Refusal(what, "its `$id`", f"`{schema['$id']}`", f"`{new['$id']}`", right))
        found += breaking(Place(what, _noun(name)), Side(schema, schema), Side(new, new))
    for name, channel in released.channels().items():
        if (now := present.channels().get(name)) is not None:
            found += _topic_changes(channel, now, announced or today)
            found += _parameters_changes(channel, now)
            found += _messages_changes(channel, now, released, present)
        elif not _has_ended(channel, today):
            right = "keep it until the end that was announced for it"
            found.append(Refusal(f"the topic `{channel['address']}`", "", "there", "gone", right))
    found += _envelopes_changes(released, present)
    found += _servers_changes(released, present)
    return list(dict.fromkeys(found))  # the document has the schemas once more


def news(released: Contracts, present: Contracts) -> list[str]:
    """Return a sentence for everything since the release that readers want to hear of and that breaks nobody."""
    return [*_news_of_topics(released, present), *_news_of_schemas(released, present)]


def _news_of_topics(released: Contracts, present: Contracts) -> Iterator[str]:
    for name, channel in present.channels().items():
        before = released.channels().get(name)
        if before is None:
            yield f"new topic `{channel['address']}`"
        elif _END in channel and channel[_END] != before.get(_END):
            yield f"topic `{channel['address']}` may end on {channel[_END]}"


def _news_of_schemas(released: Contracts, present: Contracts) -> Iterator[str]:
    for name, schema in present.schemas.items():
        if name not in released.schemas:
            yield f"new: {_named(name)}"
            continue
        old = released.schemas[name]
        for field, was, now in fields_of("", Side(old, old), Side(schema, schema)):
            if was is None:
                yield f"new in {_named(name)}: `{field}`"
            elif now.get("deprecated") and not was.get("deprecated"):
                yield f"deprecated in {_named(name)}: `{field}`"


def new_types(released: Contracts, present: Contracts) -> list[str]:
    """Return the events that readers of the release do not know: relays start last when these are rolled out."""
    return [_named(name) for name in present.schemas if name not in released.schemas]


def _ended(released: Contracts, today: date) -> set[str]:
    return {
        _file(message)
        for channel in released.channels().values()
        if _has_ended(channel, today)
        for message in channel["messages"]
    }


def _has_ended(channel: Schema, today: date) -> bool:
    return _END in channel and date.fromisoformat(channel[_END]) <= today


def _file(message: str) -> str:
    folder, _, rest = message.partition(".")
    return f"{folder}/{rest}.json"


def _named(file: str) -> str:
    folder, _, rest = file.removesuffix(".json").partition("/")
    return f"the envelope `{rest}`" if folder == "envelope" else f"`{rest}` of {folder}"


def _noun(file: str) -> str:
    return "header" if file.startswith("envelope/") else "field"


def _topic_changes(old: Schema, new: Schema, announced: date) -> Iterator[Refusal]:
    what = f"the topic `{old['address']}`"
    if old["address"] != new["address"]:
        right = f"readers know it by this name: keep it, {V2}"
        yield Refusal(what, "its name", f"`{old['address']}`", f"`{new['address']}`", right)
    before, after = (side["bindings"]["kafka"] for side in (old, new))
    was, now = before["topicConfiguration"], after["topicConfiguration"]
    for setting in sorted(was.keys() | now.keys()):
        if was.get(setting) != now.get(setting):
            right = f"what is kept goes by it: keep it, {V2}"
            yield Refusal(what, f"its `{setting}`", shown(was.get(setting)), shown(now.get(setting)), right)
    if before["partitions"] == 1 != after["partitions"]:
        right = f"readers have its events in one order: keep it, {V2}"
        yield Refusal(what, "its `partitions`", "1", shown(after["partitions"]), right)
    if _END in new and new[_END] != old.get(_END):
        first = old.get(_END, (announced + NOTICE).isoformat())
        if new[_END] < first:
            right = f"readers need time to change over: the first day is {first}"
            yield Refusal(what, "its end", old.get(_END, "not announced"), new[_END], right)


def _parameters_changes(old: Schema, new: Schema) -> Iterator[Refusal]:
    was, now = (side.get("parameters", {}) for side in (old, new))
    for name in sorted(was.keys() | now.keys()):
        before, after = (_said_without_words(side.get(name)) for side in (was, now))
        if before != after:
            where = f"its parameter `{name}`"
            yield Refusal(
                f"the topic `{old['address']}`", where, before, after, f"readers find it by this: keep it, {V2}"
            )


def _messages_changes(old: Schema, new: Schema, released: Contracts, present: Contracts) -> Iterator[Refusal]:
    for message in old["messages"]:
        if message in new["messages"]:
            sides = released.at(old["messages"][message]), present.at(new["messages"][message])
            yield from _message_changes(_named(_file(message)), *sides)
        elif _file(message) in present.schemas:
            yield Refusal(_named(_file(message)), "its topic", f"`{old['address']}`", "another", "keep it on its topic")


def _message_changes(what: str, released: Side, present: Side) -> Iterator[Refusal]:
    old, new = released.schema, present.schema
    was, now = (side["bindings"]["kafka"]["key"] for side in (old, new))
    if without_words(was) != without_words(now):
        right = f"order and compaction go by it: keep it, {V2}"
        yield Refusal(what, "its key", shown(without_words(was)), shown(without_words(now)), right)
    own_was, own_now = (side["headers"]["properties"] for side in (old, new))
    sides = (Side({"properties": own_was}, released.root), Side({"properties": own_now}, present.root))
    yield from breaking(Place(what, "header"), *sides)
    if old["headers"]["allOf"] != new["headers"]["allOf"]:
        yield Refusal(
            what, "its envelope", shown(old["headers"]["allOf"]), shown(new["headers"]["allOf"]), f"keep it, {V2}"
        )
    yield from breaking(Place(what), released.at(old["payload"]), present.at(new["payload"]))
    before, after = (
        [_said_without_words(said.get(part)) for part in _FOR_READERS]
        for side in (released, present)
        for said in [{"contentType": side.root.get("defaultContentType"), **side.schema}]
    )
    for part, was_said, is_said in zip(_FOR_READERS, before, after, strict=True):
        if was_said not in {is_said, _MISSING}:
            yield Refusal(what, f"its `{part}`", was_said, is_said, f"readers go by it: keep it, {V2}")


def _envelopes_changes(released: Contracts, present: Contracts) -> Iterator[Refusal]:
    """Compare the envelopes of the document, once each; that a message still has its own is seen at the message."""
    was, now = (side.document["components"]["schemas"] for side in (released, present))
    for name in sorted(was):
        if not name.endswith(_ENVELOPE):
            continue
        files = [file for file in released.schemas if file.startswith(f"envelope/{name.removesuffix(_ENVELOPE)}.")]
        what = _named(files[0]) if files else f"the envelope `{name}`"
        if name in now:
            yield from breaking(Place(what, "header"), released.at(was[name]), present.at(now[name]))
        elif any(file in present.schemas for file in files):
            yield Refusal(what, "its schema in the document", "there", "gone", f"keep it, {V2}")


def _servers_changes(released: Contracts, present: Contracts) -> Iterator[Refusal]:
    """Compare how one comes to the events; where the servers are is the installation's."""
    was, now = (side.document["servers"] for side in (released, present))
    for name, server in was.items():
        what, right = f"the server `{name}`", "readers' accounts go by it: keep it"
        if name not in now:
            yield Refusal(what, "", "there", "gone", right)
            continue
        if server["protocol"] != now[name]["protocol"]:
            yield Refusal(what, "its `protocol`", shown(server["protocol"]), shown(now[name]["protocol"]), right)
        before, after = (
            [_said_without_words(side.at(scheme).schema) for scheme in of.get("security", ())]
            for side, of in ((released, server), (present, now[name]))
        )
        if before != after:
            yield Refusal(what, "its `security`", ", ".join(before) or "none", ", ".join(after) or "none", right)


def _said_without_words(value: Any) -> str:
    """Return what is said of a part of the document; None if there is no such part."""
    if value is None:
        return _MISSING
    said = shown(without_words(cast(Schema, value)) if isinstance(value, Mapping) else value)
    return said or "there"
