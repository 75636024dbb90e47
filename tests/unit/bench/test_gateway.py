"""What the gateway's trial asks, and whose part it puts what down to."""

from graphql import NonNullTypeNode, OperationDefinitionNode, parse

from bench.gateway import inside
from bench.gateway.figures import Spread
from bench.gateway.questions import Question, of_the_desks
from bench.gateway.turns import Spending, per_request
from bench.people import Desk
from deploy.local.node import GATEWAY_FOLDER

DESK = Desk("community-73", "housing", "representative", "worker", "committee", "officer")
LIFE = [
    Question("acknowledge", "", {"input": {"workOrderId": "order-1"}}, "officer"),
    Question("read", "", {"id": "petition-1"}, "committee"),
]


def test_every_ready_query_is_asked_with_all_that_it_needs_and_no_mutation_is() -> None:
    asked = {one.name: one for one in of_the_desks(DESK, LIFE)}
    assert {"nothing", "20 of petitions", "05-my-petition", "department-work", "feed"} <= asked.keys()
    for name, question in asked.items():
        operations = [one for one in parse(question.document).definitions if isinstance(one, OperationDefinitionNode)]
        assert [one.operation.value for one in operations] == ["query"], name
        for variable in operations[0].variable_definitions or ():
            needed = isinstance(variable.type, NonNullTypeNode) and variable.default_value is None
            assert not needed or variable.variable.name.value in question.variables, name


def test_a_query_about_a_work_order_is_asked_by_its_officer_with_its_id() -> None:
    asked = {one.name: one for one in of_the_desks(DESK, LIFE)}
    assert (asked["17-deadlines"].variables["id"], asked["17-deadlines"].token) == ("order-1", "officer")
    assert (asked["petition"].variables["id"], asked["petition"].token) == ("petition-1", "committee")


def test_each_module_that_a_limit_is_made_of_is_the_gateways_and_counted_once() -> None:
    counted = [module for modules in inside.LIMITS.values() for module in modules]
    assert len(counted) == len(set(counted))
    assert [module for module in counted if not (GATEWAY_FOLDER / module).is_file()] == []


def test_a_limits_part_is_its_modules_shares_of_the_least_round() -> None:
    seen = inside.Seen(
        [250.0, 200.0], [{"cost.mjs": 0.02, "server.mjs": 0.5}, {"cost.mjs": 0.01, "admission.mjs": 0.03}]
    )
    assert seen.of(frozenset({"cost.mjs", "admission.mjs"})) == Spread(6.0, 4.0, 8.0)


def test_a_round_is_the_mean_of_its_questions() -> None:
    spent = {"a": Spending([1.0, 2.0], [1.0, 1.0]), "b": Spending([3.0, 6.0], [1.0, 1.0])}
    assert per_request(spent) == [2.0, 4.0]
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
