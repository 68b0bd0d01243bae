"""What web and workers both know about selfies."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from faces.effects import on_success
from tasks.kinds import Kind, Operation
from tasks.models import Job

READ, WRITE = "faces:read", "faces:write"
"""Scopes of keys: look at galleries and compare with people; enrol, change and erase people. `faces` alone is for pictures."""


def arguments(job: Job) -> dict[str, Any]:
    """By name, as the model itself: this runs in the child, and the web process does not know numpy."""
    found: dict[str, Any] = import_string("faces.inference.arguments.arguments")(job)
    return found


KIND = Kind(
    name="faces",
    model="faces.inference.model.FaceModel",
    operations={
        "validate": Operation(
            deadline_seconds=30, unit="picture", result="faces.serializers.ValidateResultSerializer", localized="faces.answers.judged"
        ),
        "verify": Operation(
            deadline_seconds=30, unit="picture", result="faces.serializers.VerifyResultSerializer", scope_with={"person": READ}
        ),
        "challenge": Operation(
            deadline_seconds=30,
            unit="picture",
            result="faces.serializers.ChallengeResultSerializer",
            localized="faces.answers.challenged",
            available="faces.switches.challenge",
        ),
        "enrol": Operation(
            deadline_seconds=60,
            unit="picture",
            result="faces.people.serializers.EnrolResultSerializer",
            localized="faces.answers.enrolled",
            scope=WRITE,
        ),
        "identify": Operation(
            deadline_seconds=180,  # a gallery of 100 000 people, opened at its first search, takes about 20 s of CPU
            unit="picture",
            result="faces.people.serializers.IdentifyResultSerializer",
            available="faces.switches.identify",
            scope=READ,
        ),
        "bulk_enrol": Operation(
            deadline_seconds=60,
            deadline_seconds_per_unit=5,
            unit="file",
            result="faces.people.serializers.BulkEnrolResultSerializer",
            scope=WRITE,
        ),
    },
    memory_limit_bytes=2_000_000_000,  # loaded it holds 0.39 GB
    memory_recycle_bytes=1_000_000_000,
    keep_inputs_seconds=0,
    model_version="dlib-hog-resnet-v1",
    arguments=arguments,
    on_success=on_success,
    scopes=(READ, WRITE),
    retention=(
        "faces.retention.erase_forgotten",
        "faces.closing.erase_closed",
        "faces.retention.finish_erasures",
        "faces.retention.forget_readings",
        "faces.retention.sweep_vault",
    ),
)
