"""`python -m deploy.local.demo`: what was asked for wrongly, or cannot be done, is said in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.demo.case import Act
from deploy.local.demo.cases import CASES
from deploy.local.demo.people import Person
from deploy.local.ports import free_port
from deploy.local.settings import ROOT
from services.contracts.vocabulary import Role
from services.kernel.auth import keys


def refused(*arguments: str, **environment: str) -> str:
    outcome = subprocess.run(
        [sys.executable, "-m", "deploy.local.demo", *arguments],
        env={**os.environ, "THROUGH_TRAIN_DOMAIN_CLOCK": "", **environment},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert outcome.returncode == 1, outcome.stderr
    return outcome.stderr.removesuffix("\n")


def test_a_case_that_does_not_exist_is_answered_with_those_that_do() -> None:
    assert refused("sewr") == "There is no case 'sewr'; CASE can be sewer, household, estate, late, order, departments."


@pytest.mark.parametrize("pace", ["quick", "-1", "61", "nan"])
def test_a_pace_that_will_not_do_is_said_with_what_will(pace: str) -> None:
    said = f"The demo stopped: PACE={pace} will not do; give the seconds between two acts, 0 to 60."
    assert refused("sewer", PACE=pace) == said
    assert refused("sewer", f"--pace={pace}", PACE="1") == said


def test_where_nothing_answers_it_says_what_to_do(tmp_path: Path) -> None:
    keys.create_missing(tmp_path)
    url = f"http://127.0.0.1:{free_port()}/graphql"
    said = refused("sewer", THROUGH_TRAIN_GATEWAY_URL=url, THROUGH_TRAIN_KEYS_FOLDER=str(tmp_path))
    assert said == f"Nothing answers at {url}: start the system with `make run` first."


def test_time_that_cannot_be_sped_up_from_here_is_said_before_anything_is_done() -> None:
    assert refused("late") == (
        "The demo stopped: THROUGH_TRAIN_DOMAIN_CLOCK must name the file of the running system's domain clock."
    )


def test_every_case_files_first_and_residents_have_no_demo_user() -> None:
    for case in CASES.values():
        acts = [step for step in case.steps if isinstance(step, Act)]
        assert [act.mutation for act in acts].index("submitPetition") == 0
        assert case.steps[0] is acts[0]
        people: set[Role] = {act.who.role for act in acts}
        assert Role.STREET_COMMITTEE in people
        for who in (act.who for act in acts):
            assert isinstance(who, Person)
            assert (who.user is None) == (who.role is Role.RESIDENT)
