"""No container engine runs in our CI: what the files of a deployment name has to exist, and the locks have to be plain."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
KINDS = ["keypoints", "faces", "diarization"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
TARGETS = {name: base for base, name in re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)}
NOT_OURS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PORT", "HOME", "PATH", "PYANNOTE_METRICS_ENABLED"}


def stage(target: str) -> str:
    """The lines of one stage of the Dockerfile."""
    return re.split(r"^FROM ", DOCKERFILE.split(f" AS {target}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def command(target: str) -> list[str]:
    line = next(line for line in stage(target).splitlines() if line.startswith("CMD "))
    words: list[str] = yaml.safe_load(line.removeprefix("CMD "))
    return words


def settings_names() -> set[str]:
    return set(re.findall(r"env\.\w+\(\s*\"(\w+)\"", (ROOT / "fitsize" / "settings.py").read_text()))


def lock(name: str) -> set[str]:
    return set((ROOT / "requirements" / f"{name}.lock").read_text().splitlines())


def test_compose_is_valid_by_its_published_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_compose_has_one_worker_service_per_kind_and_what_they_need() -> None:
    assert set(SERVICES) == {"redis", "postgres", "migrate", "web", "housekeeping", *KINDS}


def test_every_service_has_a_memory_limit() -> None:
    assert [name for name, service in SERVICES.items() if "mem_limit" not in service] == []


def test_volumes_and_dependencies_are_declared() -> None:
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    needed = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert named == set(COMPOSE["volumes"])
    assert needed <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_the_target_of_a_service_exists_and_has_a_health_check(name: str) -> None:
    target = SERVICES[name]["build"]["target"]
    assert target in TARGETS
    assert "HEALTHCHECK" in stage(target)


def test_services_with_a_foreign_image_have_a_health_check() -> None:
    assert [name for name, service in SERVICES.items() if name not in OURS and "healthcheck" not in service] == []


def test_every_environment_name_is_one_that_is_read() -> None:
    used = {name for service in SERVICES.values() for name in service.get("environment", {})}
    used |= set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    used |= {name for line in re.findall(r"^ENV (.+)$", DOCKERFILE, re.MULTILINE) for name in re.findall(r"(\w+)=", line)}
    used |= set(re.findall(r"^(\w+)=", (ROOT / "deploy" / "compose.env.example").read_text(), re.MULTILINE))
    unknown = used - settings_names() - NOT_OURS
    assert {name for name in unknown if not name.startswith(("PIP_", "PYTHON"))} == set()


def test_the_example_names_every_value_that_compose_insists_on() -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert needed <= set(re.findall(r"^(\w+)=$", (ROOT / "deploy" / "compose.env.example").read_text(), re.MULTILINE))


def test_every_file_that_an_image_copies_exists() -> None:
    copied = [path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in shlex.split(line)[:-1]]
    assert copied
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_every_file_that_an_image_copies_is_let_through_by_dockerignore() -> None:
    through = {line[1:].split("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in shlex.split(line)[:-1]}
    assert {path.split("/")[0] for path in copied} == through


def test_stages_build_on_stages_and_copy_from_stages() -> None:
    assert set(TARGETS.values()) - set(TARGETS) == {"python:3.12-slim"}
    assert set(re.findall(r"--from=(\S+)", DOCKERFILE)) <= set(TARGETS)


def test_every_lock_that_an_image_installs_exists() -> None:
    assert set(re.findall(r"requirements/(\w+)\.lock", DOCKERFILE)) <= {path.stem for path in LOCKS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_serves_the_queue_of_its_kind_one_job_at_a_time(kind: str) -> None:
    words = command(kind)
    assert words[:6] == ["nice", "-n", "10", "celery", "-A", "celery_worker"]
    assert words[words.index("-Q") + 1] == kind
    assert words[words.index("-n", 3) + 1] == f"{kind}@%h"
    assert words[words.index("-c") + 1] == "1"
    assert importlib.util.find_spec("celery_worker")


def test_the_web_image_starts_a_module_that_exists() -> None:
    assert command("web") == ["gunicorn", "-c", "python:fitsize.gunicorn", "fitsize.asgi"]
    assert all(importlib.util.find_spec(module) for module in ("fitsize.gunicorn", "fitsize.asgi"))


def test_every_manage_command_that_is_named_exists() -> None:
    texts = [DOCKERFILE, (ROOT / "docker-compose.yml").read_text(), (ROOT / "Makefile").read_text()]
    named = {name for text in texts for name in re.findall(r"(?:python|PY\))[\", ]+manage\.py[\", ]+(\w+)", text)}
    assert {"migrate", "housekeeping", "up", "demo", "apikey"} <= named
    assert named <= {*get_commands(), "help"}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_is_sorted_names_with_exact_versions_and_nothing_else(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][0-9a-z.]*", line)] == []
    assert lines == sorted(set(lines), key=lambda line: line.split("==")[0])


def test_the_parts_are_subsets_of_the_whole_and_make_it_up() -> None:
    parts = [lock(path.stem) for path in LOCKS if path.stem != "all"]
    assert set().union(*parts) == lock("all")


def test_no_process_without_a_model_installs_a_model_package() -> None:
    heavy = ("torch", "dlib", "opencv", "av=", "pyannote", "pillow-heif", "silero", "resemblyzer", "nvidia", "triton")
    assert [line for line in lock("web") if line.startswith(heavy)] == []


def test_no_lock_names_a_part_of_one_accelerator() -> None:
    assert [line for line in lock("all") if line.startswith(("nvidia", "triton", "cuda"))] == []


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the business of the machine that installs them."""
    address = re.compile(r"https?://\S+/(simple|whl|debian)\b|--(extra-)?index-url|--find-links", re.IGNORECASE)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    texts = [ROOT / name for name in listed.stdout.split("\n") if Path(name).suffix not in {".safetensors", ".png", ".jpg", ""}]
    found = [path for path in texts if path.is_file() and path != Path(__file__) and address.search(path.read_text(errors="replace"))]
    assert found == []
