"""The plans run in JMeter 5.5 without plugins, against a whole service whose models answer with examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jmeter.home import home
from jmeter.plans import FOLDER, KNOBS, PLANS, REFUSALS
from jmeter.results import Sample, account
from tests.jmeter.conftest import replay
from tests.stack import Stack

ALL = {"garments": "100", "selfies": "100", "pairs": "100", "recordings": "100"}  # everything in each round
EVERYTHING = {"garment", "selfie", "pair", "recording"}
CASES = {
    "keypoints": ({"users": "2"}, {"garment"}),
    "faces": ({}, {"selfie", "pair"}),
    "diarization": ({}, {"recording"}),
    "mixed": (ALL, EVERYTHING),
    "soak": (ALL, EVERYTHING),
    "blocking": (ALL, EVERYTHING),
    "spike": ({"users": "2", "spike_at": "1"}, {"garment", "selfie"}),
    "old_clients": ({"selfies": "100", "pictures": "100"}, {"old selfie", "old picture"}),
    "bad_input": ({}, {"pair without a face", *(one.label for one in REFUSALS)}),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_what_its_program_writes(name: str) -> None:
    assert (FOLDER / f"{name}.jmx").read_text() == PLANS[name]()


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_has_every_knob_and_no_script(name: str) -> None:
    text = (FOLDER / f"{name}.jmx").read_text()
    assert {knob for knob in KNOBS if f"${{__P({knob}," not in text} == set()
    assert re.findall(r"BeanShell|JSR223|javascript|groovy", text, re.IGNORECASE) == []


@pytest.mark.parametrize("name", PLANS)
def test_every_variable_of_a_plan_comes_from_somewhere(name: str) -> None:
    text = (FOLDER / f"{name}.jmx").read_text()
    made = set(re.findall(r'name="Argument.name">(\w+)<', text)) | set(re.findall(r'name="RegexExtractor.refname">(\w+)<', text))
    for names in re.findall(r'name="(?:variableNames|JSONPostProcessor.referenceNames)">([\w,;]+)<', text):
        made |= set(re.split("[,;]", names))
    assert set(re.findall(r"\$\{(\w+)\}", text)) - made == set()


@pytest.mark.usefixtures("jmeter")
@pytest.mark.parametrize("name", PLANS)
def test_jmeters_window_knows_every_element_of_a_plan(name: str) -> None:
    names = re.findall(r"^([\w,]+)=", (home() / "bin" / "saveservice.properties").read_text(), re.MULTILINE)
    known = set(",".join(names).split(","))
    text = (FOLDER / f"{name}.jmx").read_text()
    assert set(re.findall(r'(?:guiclass|testclass)="(\w+)"', text)) - known == set()


def test_there_is_a_case_for_each_plan() -> None:
    assert set(CASES) == set(PLANS)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("jmeter")
def test_a_plan_runs_without_a_failure(name: str, service: Stack, files: Path, tmp_path: Path) -> None:
    knobs, operations = CASES[name]
    samples = replay(service, name, files, tmp_path, **knobs)
    assert [sample for sample in samples if not sample.ok] == []
    assert {sample.operation for sample in samples} == operations
    assert all(told_its_times(sample) for sample in samples if sample.whole_job)
    assert account(samples).submitted or name == "old_clients"  # those never see a job
    assert account(samples).unseen == frozenset()


def told_its_times(sample: Sample) -> bool:
    return sample.queued_ms is not None and sample.run_ms is not None and sample.queued_ms + sample.run_ms <= sample.milliseconds


@pytest.mark.slow
@pytest.mark.parametrize("way", ["wait", "poll"])  # and prefer above
@pytest.mark.usefixtures("jmeter")
def test_the_other_ways_of_waiting_see_the_end(way: str, service: Stack, files: Path, tmp_path: Path) -> None:
    samples = replay(service, "keypoints", files, tmp_path, way=way)
    [whole] = [sample for sample in samples if sample.whole_job]
    assert (whole.ok, whole.state) == (True, "succeeded")
    assert [sample.label for sample in samples if not sample.whole_job][:2] == ["garment: submit", "garment: poll"]
    assert way == "wait" or whole.milliseconds >= 1000  # Retry-After: 1


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_a_job_that_fails_is_a_failed_sample(broken: Stack, files: Path, tmp_path: Path) -> None:
    samples = replay(broken, "keypoints", files, tmp_path, users="2")
    whole = [sample for sample in samples if sample.whole_job]
    assert [(sample.ok, sample.state) for sample in whole] == [(False, "failed")] * 2
    assert all("the job is failed, error internal_error" in sample.message for sample in samples if sample.submit)


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_a_job_that_never_ends_is_given_up(broken: Stack, files: Path, tmp_path: Path) -> None:
    samples = replay(broken, "faces", files, tmp_path, way="wait", wait="1", looks="2")
    assert [sample.label.partition(": ")[2] for sample in samples] == ["submit", "poll", "poll", "given up", "time to result"]
    assert [sample.ok for sample in samples] == [True, True, True, False, False]
    assert len(account(samples).unseen) == 1
