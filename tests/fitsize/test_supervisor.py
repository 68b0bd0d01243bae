"""`manage.py up` as its users meet it: real processes, with the fake kind alone."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import redis
from celery import Celery

from fitsize.broker import free_port
from tasks.wakeups import RUN_JOBS, redis_url
from tests.stack import ROOT, eventually, kill_tree

pytestmark = pytest.mark.slow


class Up:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bind = f"127.0.0.1:{free_port()}"
        self.environment = {
            **os.environ,
            "FITSIZE_DATA": str(folder),
            "BROKER_URL": "",
            "DJANGO_SETTINGS_MODULE": "tests.up_settings",
            "ALLOWED_HOSTS": "fitsize.example.com",
            "http_proxy": "http://127.0.0.1:9",
        }
        self.output = folder / "up.out"
        self.elsewhere = folder.parent  # it is started from any directory, behind a proxy, under another name
        with self.output.open("wb") as output:
            command = [sys.executable, str(ROOT / "manage.py"), "up", "--bind", self.bind]
            self.process = subprocess.Popen(
                command,
                cwd=self.elsewhere,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored where tests run in the background
            )

    @property
    def broker_url(self) -> str:
        return (self.folder / "broker.url").read_text().strip()

    def ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return "FitSize   http" in self.output.read_text()

    def children(self) -> dict[str, psutil.Process]:
        """By name: broker, web, fakes, housekeeping."""
        found: dict[str, psutil.Process] = {}
        for process in psutil.Process(self.process.pid).children():
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue  # it died a moment ago
            for name, sign in {"broker": "redis", "web": "gunicorn", "fakes": "celery_worker", "housekeeping": "housekeeping"}.items():
                if sign in line:
                    found[name] = process
        return found

    def answers(self) -> bool:
        try:
            return bool(httpx.get(f"http://{self.bind}/readyz", timeout=2, trust_env=False).json()["kinds"] == {"fakes": "ready"})
        except (httpx.HTTPError, ValueError):
            return False


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    try:
        eventually(running.ready)
        yield running
    finally:
        kill_tree(running.process.pid)
        running.process.wait()


@pytest.mark.parametrize("name", ["broker", "web", "fakes", "housekeeping"])
def test_whatever_dies_is_started_again(up: Up, name: str) -> None:
    victim = eventually(lambda: up.children().get(name))
    victim.kill()
    eventually(lambda: (again := up.children().get(name)) and again.pid != victim.pid)
    eventually(up.answers)
    assert "died of SIGKILL" in up.output.read_text()


def test_a_worker_made_deaf_on_purpose_ends_itself_and_is_replaced(up: Up) -> None:
    eventually(up.answers)
    with Celery(broker=up.broker_url) as app, redis.Redis.from_url(redis_url(up.broker_url) or "") as broker:
        eventually(
            lambda: app.control.cancel_consumer("fakes", reply=True, limit=1, timeout=5), 120
        )  # one that still loads is not there yet
        deaf = up.children()["fakes"]
        app.send_task(RUN_JOBS, args=["fakes"], queue="fakes", ignore_result=True)
        eventually(lambda: (again := up.children().get("fakes")) and again.pid != deaf.pid, 120)
        eventually(lambda: broker.llen("fakes") == 0)
    assert "died of exit code 1" in up.output.read_text()
    eventually(up.answers)


def test_a_second_up_on_the_same_data_folder_says_so_and_ends(up: Up) -> None:
    command = [sys.executable, "manage.py", "up"]
    done = subprocess.run(command, cwd=ROOT, env=up.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "up already" in done.stderr
    assert up.bind in done.stderr
    assert up.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_when_it_ends_all_its_children_end(tmp_path: Path, number: int) -> None:
    running = Up(tmp_path)
    try:
        eventually(running.ready)
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family) >= 6
        running.process.send_signal(number)
        running.process.wait(30)
        gone, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []
        if number != signal.SIGKILL:
            assert running.process.returncode == 0
            assert "stopped" in running.output.read_text()
    finally:
        kill_tree(running.process.pid)
        running.process.wait()


def test_an_address_that_is_taken_is_refused(up: Up, tmp_path: Path) -> None:
    environment = {**up.environment, "FITSIZE_DATA": str(tmp_path)}
    command = [sys.executable, "manage.py", "up", "--bind", up.bind]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert up.bind in done.stderr


def test_the_data_folder_is_the_owners_alone(up: Up) -> None:
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700
