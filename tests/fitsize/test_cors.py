"""Web pages of other origins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client

from fitsize.models import User
from tasks.waiting import FRONT, HOLD
from tests.conftest import client_of
from tests.tasks.jobs import submit

ROOT = Path(__file__).resolve().parent.parent.parent
SHOP = "https://shop.example"
CORS = "corsheaders.middleware.CorsMiddleware"
ASK = "from fitsize import settings as s; print(s.MIDDLEWARE[0], s.CORS_ALLOWED_ORIGINS, s.CORS_ALLOW_ALL_ORIGINS)"


@pytest.fixture
def shop_allowed(settings: Any) -> None:
    settings.MIDDLEWARE = [CORS, *settings.MIDDLEWARE]
    settings.CORS_ALLOWED_ORIGINS = [SHOP]


def settings_with(origins: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FITSIZE_DATA": str(folder), "CORS_ALLOWED_ORIGINS": origins}
    return subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_unset_it_is_not_there_at_all() -> None:
    assert CORS not in project.MIDDLEWARE
    assert "Access-Control-Allow-Origin" not in Client().get("/api/v1/", headers={"origin": SHOP})


@pytest.mark.parametrize(
    ("origins", "said"),
    [
        (f"{SHOP},http://localhost:3000", f"{CORS} ['{SHOP}', 'http://localhost:3000'] False"),
        ("*", f"{CORS} [] True"),
        ("", "django.middleware.security.SecurityMiddleware [] False"),
    ],
)
def test_the_setting_turns_it_on(tmp_path: Path, origins: str, said: str) -> None:
    assert settings_with(origins, tmp_path).stdout.strip() == said


@pytest.mark.parametrize("origins", ["shop.example", "https://shop.example/", "null", f"{SHOP},*"])
def test_a_wrong_origin_stops_the_program_with_the_name_of_the_setting(tmp_path: Path, origins: str) -> None:
    done = settings_with(origins, tmp_path)
    assert (done.returncode, "CORS_ALLOWED_ORIGINS" in done.stderr) == (1, True)


@pytest.mark.usefixtures("shop_allowed")
@pytest.mark.parametrize("address", ["/api/v1/keypoints", "/api/v1/jobs/4b2d7a3a-0000-4000-8000-000000000000/corrections"])
def test_a_preflight_is_answered_without_a_key(address: str) -> None:
    headers = {"origin": SHOP, "access-control-request-method": "PATCH", "access-control-request-headers": "authorization, if-match"}
    answer = Client().options(address, headers=headers)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert {"PATCH", "DELETE"} < set(answer["Access-Control-Allow-Methods"].split(", "))
    assert {"authorization", "if-match", "idempotency-key", "prefer"} < set(answer["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.django_db
@pytest.mark.usefixtures("shop_allowed")
def test_a_page_may_read_what_a_client_needs_of_a_job_and_of_a_problem(owner: User) -> None:
    job = client_of(owner).post("/api/v1/fakes/echo", {"text": "x"}, headers={"origin": SHOP})
    problem = Client().get("/api/v1/jobs", headers={"origin": SHOP})
    assert (job.status_code, problem.status_code) == (202, 401)
    for answer in (job, problem):
        assert (answer["Access-Control-Allow-Origin"], "origin" in answer["Vary"]) == (SHOP, True)
        exposed = set(answer["Access-Control-Expose-Headers"].split(", "))
        assert {"Location", "ETag", "Retry-After", "RateLimit", "Content-Language"} < exposed


@pytest.mark.usefixtures("shop_allowed")
def test_another_origin_may_not() -> None:
    assert "Access-Control-Allow-Origin" not in Client().get("/api/v1/", headers={"origin": "https://evil.example"})


@pytest.mark.django_db
@pytest.mark.usefixtures("shop_allowed")
def test_an_answer_that_was_held_may_be_read_too(owner: User) -> None:
    client, job = client_of(owner), submit(owner)
    first, second = ({FRONT: passed} for passed in ("", str(job.pk)))
    headers = {"origin": SHOP, "prefer": "wait=9"}
    held: Any = client.get(f"/api/v1/jobs/{job.pk}", headers=headers, **first)  # type: ignore[arg-type]  # the environ's
    answer: Any = client.get(f"/api/v1/jobs/{job.pk}", headers=headers, **second)  # type: ignore[arg-type]  # the environ's
    assert (HOLD in held, HOLD in answer, answer["Access-Control-Allow-Origin"]) == (True, False, SHOP)
