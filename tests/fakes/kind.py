from __future__ import annotations

from typing import Any

from tasks.kinds import Corrections, Kind, Operation, Renderer
from tasks.models import Job

EFFECTS: list[tuple[str, dict[str, Any]]] = []


def remember(job: Job, result: dict[str, Any]) -> None:
    EFFECTS.append((str(job.pk), result))


NAMES = ("echo", "refuse", "fail", "not_a_number", "sleep", "burn", "die", "die_once", "save", "freeze", "eat") + (
    "brittle",
    "double_free",
    "gate",
    "grow",
    "steps",
)
RENAMES = Corrections(serializer="tests.fakes.serializers.RenameSerializer", apply="tests.fakes.corrections.rename")
FORMATS = {
    "csv": Renderer("text/csv", "tests.fakes.formats.csv"),
    "svg": Renderer("image/svg+xml", "tests.fakes.formats.svg", link="overlay"),
    "bin": Renderer("application/octet-stream", "tests.fakes.formats.binary"),
}
SHORT = {"hang": 2, "short_steps": 2, "narrow_gate": 5}
KIND = Kind(
    name="fakes",
    model="tests.fakes.inference.model.FakeModel",
    operations={name: Operation(deadline_seconds=60) for name in NAMES}
    | {name: Operation(deadline_seconds=seconds) for name, seconds in SHORT.items()}
    | {"speak": Operation(deadline_seconds=60, corrections=RENAMES, renderers=FORMATS)},
    memory_limit_bytes=400_000_000,
    memory_recycle_bytes=250_000_000,
    keep_inputs_seconds=0,
    model_version="fake-1",
    on_success=remember,
    job_routes={"shout": "tests.fakes.views.ShoutView"},
)
