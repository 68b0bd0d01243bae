"""How `manage.py up` starts workers for accelerators."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest
from django.core.management import CommandError, call_command

from fitsize.management.commands.up import Command, accelerator
from fitsize.programs import Program
from fitsize.supervisor import Supervisor, worker_command
from tasks.worker import kind_of


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_a_worker_on_the_cpu_is_started_as_ever() -> None:
    command = worker_command("diarization")
    assert "--device" not in command
    assert "--pool=prefork" in command
    assert option(command, "-n") == "diarization@%h"


@pytest.mark.parametrize(("device", "pool"), [("cuda", "prefork"), ("mps", "solo")])
def test_a_worker_on_an_accelerator_serves_the_same_queue_under_a_name_of_its_own(device: str, pool: str) -> None:
    command = worker_command("diarization", device)
    assert (option(command, "-Q"), option(command, "--device"), option(command, "-c")) == ("diarization", device, "1")
    assert f"--pool={pool}" in command
    assert kind_of(option(command, "-n")) == "diarization"
    assert option(command, "-n") != option(worker_command("diarization"), "-n")


def test_it_stands_beside_the_kinds_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(Supervisor, "start", lambda self, program: started.append(program.name))
    Supervisor(lambda line: None, "127.0.0.1:0", accelerators=[("fakes", "cuda"), ("keypoints", "mps")]).start_rest()
    assert {"fakes", "fakes-cuda", "keypoints", "keypoints-mps"} <= set(started)


def test_for_two_cards_there_are_two_workers_with_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Program] = []
    monkeypatch.setattr(Supervisor, "start", lambda self, program: started.append(program))
    Supervisor(lambda line: None, "127.0.0.1:0", accelerators=[("fakes", "cuda"), ("fakes", "cuda"), ("fakes", "mps")]).start_rest()
    asked = [program for program in started if "--device" in program.command]
    assert [program.name for program in asked] == ["fakes-cuda", "fakes-cuda2", "fakes-mps"]
    assert [option(program.command, "-n") for program in asked] == ["fakes-cuda@%h", "fakes-cuda2@%h", "fakes-mps@%h"]
    assert {kind_of(option(program.command, "-n")) for program in asked} == {"fakes"}


def test_a_kind_and_its_device_are_read() -> None:
    options = vars(Command().create_parser("manage.py", "up").parse_args(["--accelerator", "fakes=cuda", "--accelerator", "fakes=mps"]))
    assert options["accelerator"] == [("fakes", "cuda"), ("fakes", "mps")]


@pytest.mark.parametrize("text", ["fakes", "fakes=cpu", "shoes=cuda", "cuda", "=cuda"])
def test_what_is_no_kind_or_no_accelerator_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="KIND=DEVICE"):
        accelerator(text)
    with pytest.raises(CommandError):
        call_command("up", f"--accelerator={text}")
