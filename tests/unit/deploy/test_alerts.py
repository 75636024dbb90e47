"""Rules and dashboard speak of metrics that exist, and every alert of a paragraph that tells what to do."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.settings import ROOT, LocalSettings
from deploy.observe.reference import files
from services.kernel.clocks import Level
from services.kernel.metrics import GATEWAY, SERVICES, Kind

OBSERVE = ROOT / "deploy" / "observe"
RULES = {name: yaml.safe_load((OBSERVE / name).read_text()) for name in ("recording.yml", "alerts.yml")}
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
NAME = re.compile(r"\bthrough_train[a-z0-9_:]*")
SERIES = {series for metric in (*SERVICES, *GATEWAY) for series in metric.series}


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in RULES[name]["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for name in RULES:
        for rule in rules(name):
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in json.loads((OBSERVE / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_rules_and_dashboard_name_only_metrics_that_are_told() -> None:
    known = SERIES | {rule["record"] for rule in rules("recording.yml")}
    unknown = {(where, name) for where, text in expressions() for name in NAME.findall(text) if name not in known}
    assert not unknown


def test_every_metric_is_shown_or_watched() -> None:
    named = {name for _, text in expressions() for name in NAME.findall(text)}
    assert [m.name for m in (*SERVICES, *GATEWAY) if not named & set(m.series)] == []


def test_every_alert_has_its_paragraph_and_every_paragraph_its_alert() -> None:
    alerts = [rule["alert"] for rule in rules("alerts.yml")]
    assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == alerts
    paragraphs = re.split(r"^## \w+$", RUNBOOKS, flags=re.MULTILINE)[1:]
    for name, paragraph in zip(alerts, paragraphs, strict=True):
        assert all(f"**{part}**" in paragraph for part in ("First look", "Remedy", "Escalate")), name


def test_every_alert_says_how_bad_it_is_since_when_and_where_to_read_on() -> None:
    for rule in rules("alerts.yml"):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"


def test_labels_that_rules_choose_by_are_told() -> None:
    labels = {label for metric in (*SERVICES, *GATEWAY) for label in metric.labels} | {"job", "le"}
    for where, text in expressions():
        chosen = {label for inside in re.findall(r"\{([^}]*)\}", text) for label in re.findall(r"(\w+)\s*[=!]", inside)}
        grouped = {word.strip() for inside in re.findall(r"by \(([^)]*)\)", text) for word in inside.split(",")}
        assert chosen | grouped <= labels, where
    assert int(Level.THIRD) == 4  # the level that alert and dashboard ask for


def test_the_example_scrapes_what_a_local_run_tells() -> None:
    config = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())
    settings = LocalSettings.model_fields
    fields = {"intake": "intake_port", "dispatch": "dispatch_port", "feedback": "feedback_port"}
    wanted = {name: settings[field].default for name, field in {**fields, "gateway": "gateway_metrics_port"}.items()}
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert scraped == {f"through-train-{name}": [f"127.0.0.1:{port}"] for name, port in wanted.items()}
    assert set(config["rule_files"]) == set(RULES)


def test_counters_end_in_total_and_nothing_else_does() -> None:
    for metric in (*SERVICES, *GATEWAY):
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert metric.meaning


def test_what_is_generated_of_the_metrics_is_up_to_date() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, path


@pytest.fixture(scope="module")
def promtool() -> str:
    found = os.environ.get("THROUGH_TRAIN_PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("promtool is not here: put it on the PATH, or name it by THROUGH_TRAIN_PROMTOOL")
    return str(Path(found).absolute())


@pytest.mark.parametrize(
    "command", ["check config prometheus.yml", "check rules recording.yml alerts.yml", "test rules alerts_test.yml"]
)
def test_promtool_finds_the_rules_right_and_sees_them_fire_as_meant(promtool: str, command: str) -> None:
    done = subprocess.run([promtool, *command.split()], cwd=OBSERVE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
