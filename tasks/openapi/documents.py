"""The shapes of what is answered. They describe: `tasks.documents` writes the job itself, and a test keeps both together."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from django.utils.module_loading import import_string
from rest_framework import serializers

from tasks.clock import timestamp
from tasks.errors import Code
from tasks.kinds import kinds
from tasks.models import Priority, Revision, State
from tasks.serializers import MOST_JOBS

PRIORITIES = [str(priority.label).lower() for priority in Priority]


class FieldProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True, help_text="Its name; empty for what concerns no single field.")
    code = serializers.ChoiceField(choices=[str(code) for code in Code])
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An RFC 9457 problem document."""

    type = serializers.CharField(help_text="`urn:fitsize:problem:` and the code.")
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField(help_text="For people.")
    code = serializers.ChoiceField(choices=[str(code) for code in Code], help_text="For programs: it never changes.")
    retryable = serializers.BooleanField(help_text="Whether the same request may succeed later.")
    errors: Any = FieldProblemSerializer(many=True, required=False, help_text="Of a refused request: which fields, and why.")


class ProgressSerializer(serializers.Serializer[Any]):
    fraction = serializers.FloatField(min_value=0, max_value=1)
    step = serializers.CharField(allow_blank=True, help_text="Its name; empty where there is none.")


class WarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class TimingsSerializer(serializers.Serializer[Any]):
    queued = serializers.IntegerField(min_value=0, allow_null=True, help_text="Before the last start.")
    run = serializers.IntegerField(min_value=0, allow_null=True, help_text="From the last start to the end.")


class SavedFileSerializer(serializers.Serializer[Any]):
    """A file that the model saved beside its result."""

    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(min_value=0, help_text="Bytes.")
    url = serializers.CharField()


class FormatSerializer(serializers.Serializer[Any]):
    """The result in another format than JSON."""

    name = serializers.CharField()
    content_type = serializers.CharField()
    url = serializers.CharField()


class LinksSerializer(serializers.Serializer[Any]):
    self = serializers.CharField()
    cancel = serializers.CharField()
    retry = serializers.CharField()
    corrections = serializers.CharField(required=False, help_text="Where results of the operation may be corrected.")
    deliveries = serializers.CharField(required=False, help_text="Where a webhook is told of the job's end.")
    timeline = serializers.CharField(required=False, help_text="The result drawn over time, where the operation has that.")
    recluster = serializers.CharField(required=False, help_text="Where another number of speakers may be asked for.")
    overlay = serializers.CharField(required=False, help_text="The result drawn, to lay over its picture, where the operation has that.")


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    operation = serializers.CharField()
    state = serializers.ChoiceField(choices=State.values)
    priority = serializers.ChoiceField(choices=PRIORITIES)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When it is `expired` unless it has started.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    queue_position = serializers.IntegerField(
        min_value=1, allow_null=True, help_text="While queued: 1 is next; counted up to 1001; null in a list."
    )
    eta_seconds = serializers.ListField(
        child=serializers.FloatField(min_value=0),
        min_length=2,
        max_length=2,
        allow_null=True,
        help_text="[at least, probably at most] until the end; null where nobody can know, in a list, and after the end.",
    )
    progress = ProgressSerializer()
    attempts = serializers.IntegerField(min_value=0, help_text="How often a worker has taken it up.")
    model_version = serializers.CharField(help_text="The model that was asked.")
    result = serializers.DictField(allow_null=True)
    error = ProblemSerializer(allow_null=True, help_text="Of a failed job.")
    warnings = WarningSerializer(many=True, help_text="The result holds, but look at this.")
    timings_ms = TimingsSerializer()
    formats = FormatSerializer(many=True)
    files = SavedFileSerializer(many=True)
    revision = serializers.IntegerField(min_value=0, help_text="The number of the last correction; `result` is always the model's own.")
    links = LinksSerializer()


class AnyPatchSerializer(serializers.BaseSerializer[Any]):
    """A correction, as the job's operation takes it."""


class AnyJobSerializer(serializers.BaseSerializer[Any]):
    """A job of one of this installation's operations: `kind` and `operation` say which."""


class JobPageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")
    previous = serializers.CharField(allow_null=True)
    results: Any = serializers.ListField(child=AnyJobSerializer(), max_length=MOST_JOBS)


class JobQuerySerializer(serializers.Serializer[Any]):
    """How a look at a job may wait."""

    wait = serializers.IntegerField(
        required=False, min_value=0, max_value=999_999, help_text="Answer as soon as the job ends, or after so many seconds; 30 at most."
    )


class FormatQuerySerializer(JobQuerySerializer):
    format = serializers.CharField(
        required=False, help_text="The result of a succeeded job in one of its `formats`, such as `csv`; `json` is the job."
    )


class RevisionSerializer(serializers.Serializer[Revision]):
    number = serializers.IntegerField(min_value=1)
    patch = serializers.JSONField(allow_null=True, help_text="As the kind's serializer took it; null for an undo.")
    undo = serializers.SerializerMethodField(help_text="Takes the last patch back that still counted.")
    author = serializers.CharField(source="author.get_username")
    created_at = serializers.SerializerMethodField()

    def get_undo(self, revision: Revision) -> bool:
        return revision.patch is None

    def get_created_at(self, revision: Revision) -> str | None:
        return timestamp(revision.created_at)


class CorrectedSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(min_value=0, help_text="The number of the last correction; 0: there is none.")
    result = serializers.DictField(help_text="With all corrections that count.")
    history = RevisionSerializer(many=True)


class CapabilitiesSerializer(serializers.Serializer[Any]):
    """Facts that do not change while the service runs; how it fares just now says `/readyz`."""

    kinds = serializers.DictField(help_text="By name: model version, retention and operations, with their fields, limits and formats.")
    limits = serializers.DictField(child=serializers.IntegerField(), help_text="What holds for every kind; 0 is no limit.")
    options = serializers.DictField(help_text="Fields that every submit takes.")
    states = serializers.ListField(child=serializers.CharField())
    languages = serializers.ListField(child=serializers.CharField(), help_text="Of problems and warnings, by `Accept-Language`.")
    codes = serializers.DictField(help_text="Every `code`, with its status and whether the same request may succeed later.")
    links = serializers.DictField(child=serializers.CharField())


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["alive"])


class ChecksSerializer(serializers.Serializer[Any]):
    database = serializers.ChoiceField(choices=["ok", "failed"])
    storage = serializers.ChoiceField(choices=["ok", "failed"])


class ReadinessSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ready", "not_ready"])
    checks = ChecksSerializer()
    kinds = serializers.DictField(
        child=serializers.ChoiceField(choices=["loading", "ready", "busy", "down"]),
        help_text="Each kind's state. It is information: jobs wait for a kind that is down.",
    )


def result_serializer(kind: str, operation: str) -> type[serializers.Serializer[Any]] | None:
    """What an operation of a kind results in; None where its kind does not say."""
    asked = kinds()[kind].operations.get(operation)
    found: type[serializers.Serializer[Any]] | None = import_string(asked.result) if asked and asked.result else None
    return found


def job_serializer(kind: str, operation: str) -> type[JobSerializer]:
    """The job resource with the result of its operation; all operations of a kind that do not say what they result in share one."""
    return _job_serializer(kind, operation if result_serializer(kind, operation) else "")


@cache
def _job_serializer(kind: str, operation: str) -> type[JobSerializer]:
    names = [operation] if operation else [name for name, facts in kinds()[kind].operations.items() if not facts.result]
    fields: dict[str, Any] = {"kind": serializers.ChoiceField(choices=[kind]), "operation": serializers.ChoiceField(choices=names)}
    if shape := result_serializer(kind, operation):
        fields["result"] = shape(allow_null=True, help_text="Of a succeeded job.")
    return type(f"{spoken(kind, operation)}JobSerializer", (JobSerializer,), {**fields, "__module__": __name__})


def spoken(kind: str, operation: str) -> str:
    """`Keypoints`, `FacesVerify`: a kind's only operation goes without saying."""
    return (kind.title() + ("" if operation == "predict" else operation.title())).replace("_", "")


def job_serializers() -> list[type[JobSerializer]]:
    """All that a job of this installation may be."""
    found = [job_serializer(kind.name, operation) for kind in kinds().values() for operation in kind.operations]
    return list(dict.fromkeys(found))


def result_formats() -> tuple[str, ...]:
    """The media types of all other formats than JSON."""
    renderers = [
        renderer for kind in kinds().values() for operation in kind.operations.values() for renderer in operation.renderers.values()
    ]
    return tuple(dict.fromkeys(renderer.media_type for renderer in renderers))


def patch_serializers() -> list[type[serializers.Serializer[Any]]]:
    corrections = [operation.corrections for kind in kinds().values() for operation in kind.operations.values()]
    return [import_string(found.serializer) for found in dict.fromkeys(corrections) if found]


class Example:
    """A job as a client reads it."""

    ID: ClassVar = "0d5f3c2e-6c1b-4c8e-9b1a-2f4d8e7a6b53"

    @classmethod
    def queued(cls, kind: str, operation: str) -> dict[str, Any]:
        url = f"/api/v1/jobs/{cls.ID}"
        return {
            "id": cls.ID,
            "kind": kind,
            "operation": operation,
            "state": "queued",
            "priority": "interactive",
            "created_at": "2026-11-21T12:00:00.000Z",
            "expires_at": None,
            "started_at": None,
            "finished_at": None,
            "queue_position": 1,
            "eta_seconds": [0.4, 1.2],
            "progress": {"fraction": 0.0, "step": ""},
            "attempts": 0,
            "model_version": kinds()[kind].model_version,
            "result": None,
            "error": None,
            "warnings": [],
            "timings_ms": {"queued": None, "run": None},
            "formats": [],
            "files": [],
            "revision": 0,
            "links": {"self": url, "cancel": f"{url}/cancel", "retry": f"{url}/retry"},
        }

    @classmethod
    def succeeded(cls, kind: str, operation: str, result: dict[str, Any]) -> dict[str, Any]:
        return cls.queued(kind, operation) | {
            "state": "succeeded",
            "started_at": "2026-11-21T12:00:00.020Z",
            "finished_at": "2026-11-21T12:00:00.420Z",
            "queue_position": None,
            "eta_seconds": None,
            "progress": {"fraction": 1.0, "step": ""},
            "attempts": 1,
            "result": result,
            "timings_ms": {"queued": 20, "run": 400},
        }
