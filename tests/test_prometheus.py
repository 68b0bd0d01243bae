"""The example for Prometheus: valid, and about metrics that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tasks.metrics import exposition
from tasks.models.counters import ENDS, EVENTS, RUNS, WAITS

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "prometheus"
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yml").read_text())
SCRAPE: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]


@pytest.fixture
def metrics(db: None) -> dict[str, set[str]]:
    """The labels of each metric, by its name."""
    families = text_string_to_metric_families(exposition("")[0].decode())
    labels = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    counters = {f"{event.name}_total": set(event.labels) for event in (ENDS, *EVENTS)}
    buckets = {f"{duration.name}_bucket": {*duration.labels, "le"} for duration in (WAITS, RUNS)}
    return labels | counters | buckets


def test_the_rules_have_what_prometheus_asks_for() -> None:
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
        assert rule["annotations"]["summary"]
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_metric_and_label_of_a_rule_exists(rule: dict[str, Any], metrics: dict[str, set[str]]) -> None:
    named = set(re.findall(r"fitsize_\w+", rule["expr"]))
    assert named <= set(metrics)
    labels = set().union(*(metrics[name] for name in named)) if named else {"job"}
    groups = re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"])
    used = {label.strip() for group in groups for label in group.split(",")} | set(re.findall(r"(\w+)=~?\"", rule["expr"]))
    used |= set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert used <= labels


def test_brackets_of_every_expression_are_balanced() -> None:
    for rule in RULES:
        assert [rule["expr"].count(mark) for mark in "([{"] == [rule["expr"].count(mark) for mark in ")]}"]


def test_the_scrape_reads_the_rules_and_the_address_that_there_is() -> None:
    from django.urls import reverse

    assert all((FOLDER / name).exists() for name in SCRAPE["rule_files"])
    [job] = SCRAPE["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("fitsize", reverse("metrics"))
    assert set(job["authorization"]) == {"credentials_file"}
