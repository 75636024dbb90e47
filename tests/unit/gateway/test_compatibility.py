"""The gate of the GraphQL contract, on copies of the released SDL: what breaks somebody, and what nobody.

What the product has none of yet (interfaces, unions, most federation directives) stands in a piece added to it.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Final

import pytest
from graphql import StringValueNode, Visitor, parse, print_ast, visit

from deploy.local.settings import ROOT
from gateway import schema
from gateway.compatibility import Contract, Operation, Verdict, judge
from gateway.release import present, released
from gateway.sdl import api_of
from services.kernel.errors import Refusal
from services.kernel.graphql.deprecation import NOTICE, until

RELEASED: Final = dt.date(2026, 11, 26)
GOES: Final = dt.date(2027, 12, 1)
RED: Final = f'@deprecated(reason: "{until(GOES, "Use RED.")}")'
NAME: Final = f'@deprecated(reason: "{until(GOES, "Use name.")}")'
FEW: Final = f'@deprecated(reason: "{until(GOES, "Use few.")}")'
OURS: Final = "directive @ours(level: Int = 1) repeatable on OBJECT | FIELD_DEFINITION"
PIECE: Final = f'''
{OURS}
"""Whoever has a name."""
interface Named {{ name: String }}
interface Aged {{ age: Int }}
enum Hue {{ RED GREEN PALE {RED} }}
union Thing = Box | Jar
type Jar implements Named & Aged @key(fields: "id") @key(fields: "name") {{
  id: ID!
  name: String
  age: Int
  old: String {NAME}
  lid: Lid {NAME}
}}
type Lid {{ size: Int }}
type Cap {{ size: Int }}
type Box @key(fields: "id") @interfaceObject {{
  id: ID!
  width: Int @external
  area: Int @requires(fields: "width")
  jar: Jar @provides(fields: "age")
  cap: Cap
  tagged: Int @tag(name: "a")
  overridden: Int @override(from: "dispatch")
  shared: Int @shareable
  secret: Int @inaccessible
  must: Int!
  list: [Int!]!
  levelled: Int @ours(level: 2)
  asked(few: Int = 3, some: [Int!] = [1], name: String! = "x", free: Int, gone: Int {FEW}): Int
}}
input Put {{ few: Int = 1 free: Int must: Int! = 3 gone: Int {FEW} }}
extend type Jar @tag(name: "b")
extend type Query {{ box(put: Put): Box thing: Thing hue: Hue }}
'''


def release() -> Contract:
    last = released(schema.HERE)
    assert last is not None
    return last.contract


RELEASE: Final = release()


class WithoutDescriptions(Visitor):
    """Empty most of what is to be read, which is nothing of the contract."""

    def enter_string_value(self, _node: StringValueNode, key: object, *_: object) -> object:
        return StringValueNode(value="") if key == "description" else None


@cache
def texts() -> Mapping[str, str]:
    """Return the released SDL with the piece: each service's by its name, and what clients see of the supergraph."""
    whole = {name: parse(text) for name, text in RELEASE.services.items()} | {"supergraph": api_of(RELEASE.supergraph)}
    bare = {name: print_ast(visit(document, WithoutDescriptions())) for name, document in whole.items()}
    return {name: text + PIECE * (name in {"intake", "supergraph"}) for name, text in bare.items()}


def contract(changes: Mapping[str, str] | None = None) -> Contract:
    """Return the released contract with the piece, and with changes wherever their text stands."""
    found = dict(texts())
    for written, instead in (changes or {}).items():
        assert any(written in text for text in found.values()), written
        found = {name: text.replace(written, instead) for name, text in found.items()}
    supergraph = found.pop("supergraph")
    return Contract(found, supergraph)


BEFORE: Final = contract()


def verdict(now: Contract, *, before: Contract = BEFORE, today: dt.date = RELEASED) -> Verdict:
    return judge(before, now, released=RELEASED, today=today)


def said(now: Contract, *, before: Contract = BEFORE, today: dt.date = RELEASED) -> list[str]:
    return [str(one) for one in verdict(now, before=before, today=today).refusals]


def deprecated(reason: str) -> dict[str, str]:
    return {"must: Int!\n": f'must: Int! @deprecated(reason: "{reason}")\n'}


REMOVE = "Deprecate it with a reason and a date, and remove it in the next major version, once the date is past."
OPTIONAL = "Make it optional, or give it the default by which everything stays as it was."
ANOTHER = "Add another of a new name beside it, and deprecate this one."
DEFAULT = "Leave it: who says nothing is answered as before."
EVERYWHERE = "dispatch, feedback, intake"
OLD_FIELD = f"  old: String {NAME}\n"
EARLY = "was removed before its time: it was promised until 2027-12-01."
TOO_SOON = until(RELEASED + NOTICE - dt.timedelta(1), "Use list.")
TOLD = "Leave what was told: only its date may be postponed."

BREAKS: Final = {
    # What clients ask for and send.
    "type": ({"type Cap { size: Int }": "", "  cap: Cap\n": ""}, "Cap was removed. Deprecate every field"),
    "field": ({"  must: Int!\n": ""}, f"Field Box.must was removed. {REMOVE}"),
    "argument": ({" free: Int, gone": " gone"}, f"Argument Box.asked(free:) was removed. {REMOVE}"),
    "input field": ({" free: Int must": " must"}, f"Field Put.free was removed. {REMOVE}"),
    "enum value": ({" GREEN": ""}, f"Enum value Hue.GREEN was removed. {REMOVE}"),
    "union member": ({"Box | Jar": "Box"}, "Jar was removed from union type Thing."),
    "interface": ({"Named & Aged": "Named"}, "Jar no longer implements interface Aged."),
    "root type": ({"  subscription: Subscription\n": ""}, "Subscription is the type of each subscription no longer."),
    "kind of a type": ({"scalar Date\n": "enum Date { A }\n"}, "Date changed from a Scalar type to an Enum type."),
    "type of a field": ({"must: Int!\n": "must: String!\n"}, f"Box.must changed type from Int! to String!. {ANOTHER}"),
    "field that may be null": ({"must: Int!\n": "must: Int\n"}, f"Box.must changed type from Int! to Int. {ANOTHER}"),
    "item that may be null": ({"list: [Int!]!": "list: [Int]!"}, "changed type from [Int!]! to [Int]!."),
    "argument not to be null": ({"free: Int, g": "free: Int!, g"}, "Argument Box.asked(free:) has changed type"),
    "input not to be null": ({"free: Int m": "free: Int! m"}, "Field Put.free changed type from Int to Int!."),
    "new required argument": ({"free: Int, g": "free: Int, new: Int!, g"}, f"Box.asked(new:) was added. {OPTIONAL}"),
    "new required input field": ({"free: Int m": "free: Int new: Int! m"}, f"field Put.new was added. {OPTIONAL}"),
    "default of an argument": ({"few: Int = 3": "few: Int = 4"}, f"has changed defaultValue from 3 to 4. {DEFAULT}"),
    "default list": ({"= [1]": "= [2]"}, "Box.asked(some:) has changed defaultValue from [1] to [2]."),
    "default that is gone": ({"few: Int = 3": "few: Int"}, "Box.asked(few:) defaultValue was removed."),
    "default that is new": ({"free: Int, g": "free: Int = 5, g"}, "Box.asked(free:) added a defaultValue 5."),
    "default of an input": (
        {"few: Int = 1": "few: Int = 2"},
        f"Put.few has changed defaultValue from 1 to 2. {DEFAULT}",
    ),
    "default of what is required": ({"must: Int! = 3": "must: Int!"}, "Put.must defaultValue was removed."),
    "one of an input's fields": ({"input Put {": "input Put @oneOf {"}, "Put has gained @oneOf."),
    # What the services' composition and planning stand on.
    "key": ({' @key(fields: "name")': ""}, 'intake: Jar has lost @key(fields: "name"). Leave it'),
    "key's fields": ({'(fields: "name")': '(fields: "name age")'}, 'intake: Jar has lost @key(fields: "name").'),
    "key's resolver": ({'"name")': '"name", resolvable: false)'}, 'intake: Jar has lost @key(fields: "name").'),
    "only key": (
        {'type Community @key(fields: "id")': "type Community"},
        'Community has lost @key(fields: "id"). Leave',
    ),
    "shareable type": ({"PageInfo @shareable": "PageInfo"}, f"{EVERYWHERE}: PageInfo has lost @shareable."),
    "shareable field": ({"shared: Int @shareable": "shared: Int"}, "intake: Box.shared has lost @shareable."),
    "external": ({"width: Int @external": "width: Int"}, "intake: Box.width has lost @external."),
    "requires": ({' @requires(fields: "width")': ""}, 'intake: Box.area has lost @requires(fields: "width").'),
    "other requires": ({'s(fields: "width")': 's(fields: "list")'}, 'Box.area has gained @requires(fields: "list").'),
    "provides": ({' @provides(fields: "age")': ""}, 'intake: Box.jar has lost @provides(fields: "age").'),
    "inaccessible now": ({"must: Int!\n": "must: Int! @inaccessible\n"}, "Field Box.must was removed."),
    "inaccessible before": ({"secret: Int @inaccessible": "secret: Int"}, "Box.secret has lost @inaccessible."),
    "tag": ({'@tag(name: "a")': '@tag(name: "b")'}, 'intake: Box.tagged has lost @tag(name: "a").'),
    "tag of an extension": ({'extend type Jar @tag(name: "b")': ""}, 'intake: Jar has lost @tag(name: "b").'),
    "override": ({' @override(from: "dispatch")': ""}, 'intake: Box.overridden has lost @override(from: "dispatch").'),
    "another override": ({'from: "dispatch"': 'from: "feedback"'}, 'has gained @override(from: "feedback").'),
    "interface object": ({" @interfaceObject": ""}, "intake: Box has lost @interfaceObject."),
    "federation's version": ({"federation/v2.9": "federation/v2.8"}, f"{EVERYWHERE}: schema has lost @link"),
    "import": ({'["@key", "@shareable"]': '["@key"]'}, 'importing "@shareable".'),
    "directive": ({" @ours(level: 2)": "", OURS: ""}, "Directive @ours was removed."),
    "directive's place": ({"on OBJECT | FIELD": "on FIELD"}, "OBJECT was removed from @ours."),
    "directive's repetition": ({"repeatable ": ""}, "Repeatable flag was removed from @"),
    "directive's argument": (
        {"(level: Int = 1)": "", "@ours(level: 2)": "@ours"},
        "Argument @ours(level:) was removed.",
    ),
    "directive's requirement": ({"Int = 1) r": "Int = 1, new: Int!) r"}, "required argument @ours(new:) was added."),
    "use of a directive": ({"@ours(level: 2)": "@ours(level: 3)"}, "intake: Box.levelled has lost @ours(level: 2)."),
    # What was told of an end.
    "deprecation": ({OLD_FIELD: "  old: String\n"}, 'intake: Jar.old has lost @deprecated(reason: "Use name.'),
    "reason": ({OLD_FIELD: OLD_FIELD.replace("name", "age")}, TOLD),
    "date that comes nearer": ({OLD_FIELD: OLD_FIELD.replace("12-01", "11-01")}, TOLD),
    "deprecation of an input": ({f"gone: Int {FEW} }}": "gone: Int }"}, "Put.gone has lost @deprecated"),
    "deprecated, yet too early": (
        {OLD_FIELD: ""},
        f"Jar.old {EARLY} Put it back, and remove it when that day has come.",
    ),
    "deprecated without a date": (deprecated("Use list."), "'Use list.'. Say what to use, and until when: 'Use this"),
    "deprecated without a word": ({"must: Int!\n": "must: Int! @deprecated\n"}, "Box.must is deprecated with ''."),
    "deprecated too late": (deprecated(TOO_SOON), "Give 180 days from the version that says so: 2027-05-25 or later."),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_change_that_breaks_somebody_is_refused_with_what_would_be_right(what: str) -> None:
    changes, sentence = BREAKS[what]
    sentences = said(contract(changes))
    assert any(sentence in one for one in sentences), sentences
    assert len(sentences) == len(set(sentences))


ALLOWED: Final = {
    "nothing": {},
    "more types, fields, arguments": {"type Lid {": "type New { a: Int } type Lid { new(few: Int): New"},
    "a new optional input field": {"free: Int m": "free: Int new: Int m"},
    "a new required argument with a default": {"free: Int, g": "free: Int, new: Int! = 1, g"},
    "a new enum value": {"{ RED GREEN": "{ RED BLUE GREEN"},
    "a new union member": {"Box | Jar": "Box | Jar | Lid"},
    "a new interface": {"type Lid {": "type Lid implements Aged { age: Int"},
    "a field that is never null now": {"levelled: Int": "levelled: Int!"},
    "an argument that may be null now": {'name: String! = "x"': 'name: String = "x"'},
    "another order": {"  must: Int!\n  list: [Int!]!\n": "  list: [Int!]!\n  must: Int!\n"},
    "other words": {"Whoever has a name.": "What is called something."},
    "one more key": {'@key(fields: "id") @interf': '@key(fields: "id") @key(fields: "must") @interf'},
    "the same key, written otherwise": {'@key(fields: "name")': '@key(fields: " name ")'},
    "a key that stands at an extension now": {
        ' @key(fields: "name")': "",
        "Jar @tag": 'Jar @key(fields: "name") @tag',
    },
    "what may be shared now": {"levelled: Int": "levelled: Int @shareable"},
    "one more import": {'["@key", "@shareable"]': '["@key", "@shareable", "@tag"]'},
    "a deprecation in time": deprecated(until(RELEASED + NOTICE, "Use list.")),
    "a date that is postponed": {OLD_FIELD: OLD_FIELD.replace("2027-12-01", "2028-06-01")},
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_breaks_nobody_passes(what: str) -> None:
    assert said(contract(ALLOWED[what])) == []


def test_what_was_deprecated_may_go_with_all_that_only_it_led_to_once_its_date_has_come() -> None:
    gone = (OLD_FIELD, f"  lid: Lid {NAME}\n", "type Lid { size: Int }", f" PALE {RED}", f", gone: Int {FEW}")
    now = contract({**dict.fromkeys(gone, ""), f" gone: Int {FEW}": ""})
    found = verdict(now, today=GOES)
    assert found.refusals == ()
    assert found.removed == {"Jar.old", "Jar.lid", "Lid", "Hue.PALE", "Box.asked(gone:)", "Put.gone"}
    the_day_before = said(now, today=GOES - dt.timedelta(1))
    assert sum(EARLY in one for one in the_day_before) == 5


def test_a_field_that_moves_to_another_service_is_refused_with_the_way_that_it_can_go() -> None:
    moved = {
        "intake": BEFORE.services["intake"].replace("  must: Int!\n", ""),
        "dispatch": BEFORE.services["dispatch"] + 'extend type Box @key(fields: "id") { id: ID! must: Int! }',
    }
    [sentence] = said(replace(BEFORE, services={**BEFORE.services, **moved}))
    assert sentence.startswith("intake: Box.must is answered by dispatch now, and here no longer. Let both answer it")


def test_what_an_extension_takes_away_is_refused() -> None:
    extended = BEFORE.services["intake"] + 'extend type Cap @inaccessible extend schema @link(url: "https://x/y")'
    assert said(replace(BEFORE, services={**BEFORE.services, "intake": extended})) == [
        "intake: Cap has gained @inaccessible. It takes away what others rely on: add another place for it."
    ]


def test_an_error_code_that_is_gone_is_refused_and_one_more_is_not() -> None:
    before = replace(BEFORE, codes=frozenset({"CONFLICT", "INTERNAL"}))
    assert said(replace(BEFORE, codes=frozenset({"CONFLICT", "INTERNAL", "TOO_LATE"})), before=before) == []
    [sentence] = said(replace(BEFORE, codes=frozenset({"INTERNAL"})), before=before)
    assert sentence.startswith("The error code CONFLICT was removed. Leave it in the list: clients go by it")


def test_a_service_that_is_gone_is_refused() -> None:
    now = replace(BEFORE, services={name: text for name, text in BEFORE.services.items() if name != "feedback"})
    assert said(now) == ["feedback: The service was removed. Move what it answers step by step, and remove it last."]


BOXES: Final = {"1" * 64: Operation("bureau/boxes", "query Boxes { box { must list } }")}
OLD: Final = {"2" * 64: Operation("bureau/old", "query Old { thing { ... on Jar { old } } }")}


def test_a_change_that_breaks_a_registered_operation_is_refused_by_its_name() -> None:
    before = replace(BEFORE, operations=BOXES)
    changed = contract({"  must: Int!\n": ""})
    sentence = "bureau/boxes (111111111111…) does not fit the schema: Cannot query field 'must' on type 'Box'."
    for left in (BOXES, {}):
        broken = said(replace(changed, operations=left), before=before)
        assert sum(one.startswith(sentence) for one in broken) >= 1, broken
    assert said(BEFORE, before=before) == [
        "bureau/boxes (111111111111…) is registered no longer. Clients send its id: keep it, and add others."
    ]


def test_a_registered_operation_goes_with_what_it_asked_for_in_its_time() -> None:
    before, now = replace(BEFORE, operations=OLD), contract({OLD_FIELD: ""})
    assert said(now, before=before, today=GOES) == []
    assert any("bureau/old" in one for one in said(now, before=before, today=GOES - dt.timedelta(1)))


def test_the_api_has_nothing_of_the_composer_nor_of_what_is_inaccessible() -> None:
    text = print_ast(api_of(RELEASE.supergraph + PIECE))
    assert "type Petition" in text
    for hidden in ("join__", "link__", "@link", "secret: Int"):
        assert hidden not in text


def test_the_release_has_the_codes_that_services_say_and_the_page_explains() -> None:
    page = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", page.split("## Errors")[1].split("## Limits")[0], re.MULTILINE))
    assert explained == present(schema.HERE, schema.SERVICES).codes
    assert {kind.code for kind in Refusal.__subclasses__()} <= RELEASE.codes <= explained


def test_the_committed_schema_breaks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main(["compatible"]) == 0, capsys.readouterr().err
