"""What web and workers both know about a model type; the registry of `settings.INFERENCE_KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from tasks.models import Job


@dataclass(frozen=True)
class Corrections:
    """How people correct a result, as dotted paths. `serializer` says what a patch may contain: values as JSON has them.
    `apply(result, patch)` gives the corrected result and leaves its arguments as they are; it runs in the web process, and raises
    InvalidInput for a patch that does not fit. `follow(result)` gives it with what follows from all patches together, where something
    does: a result may have been corrected a thousand times."""

    serializer: str
    apply: str
    follow: str = ""


@dataclass(frozen=True)
class Renderer:
    """A result in another format than JSON: `function` is the dotted path of a pure function of the result (with its corrections) and the
    job's id, which gives text or bytes. It runs in the web process. `link` is its name among a succeeded job's links, if it has one;
    `extension` that of its file, where it is not the format's name."""

    media_type: str
    function: str
    link: str = ""
    extension: str = ""


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of a kind.

    A job may run for `deadline_seconds + deadline_seconds_per_unit * units`; `unit` names what `Job.units` counts (`picture`, `audio
    second`). `result` is the dotted path of the serializer that describes its result. Without `corrections` its results stay as the model
    found them. `renderers` are the formats of its results by name, besides JSON; a name is a file's extension. `localized` is the dotted
    path of a function that says a result's sentences in the reader's language; it gives another result and leaves its argument as it is.
    `available` is that of a function that tells whether this installation's settings allow it at all. `scope` is what a key needs for it
    besides its kind's own: to submit, and to come near a job that was submitted, whose result may name people; `scope_with` says so for
    jobs with a parameter of this name. `links` are routes of a succeeded job (`Kind.job_routes`) by their names among its links.
    """

    deadline_seconds: float
    unit: str = "job"
    deadline_seconds_per_unit: float = 0.0
    result: str = ""
    corrections: Corrections | None = None
    available: str = ""
    localized: str = ""
    renderers: Mapping[str, Renderer] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""
    scope_with: Mapping[str, str] = field(default_factory=dict)

    def scope_of(self, parameters: Mapping[str, Any]) -> str:
        """What a key needs for a job with these parameters; nothing where its kind's own is enough."""
        return next((scope for name, scope in self.scope_with.items() if name in parameters), self.scope)


def parameters_and_inputs(job: Job) -> dict[str, Any]:
    """The default arguments of a model's method: the job's parameters, and each input opened, named by its role."""
    return {**job.parameters, **job.open_inputs()}


def no_effect(job: Job, result: dict[str, Any]) -> None:
    """The default effect of a success in the database: none."""


@dataclass(frozen=True)
class Kind:
    """A model type: `name` is its folder, URL segment, Celery queue and `Job.kind`; `model` the dotted path of its `InferenceModel`.

    `arguments` runs in the child before the model; `on_success` inside the transaction that completes the job, so that a worker that lost
    its lease has no effect. It finds in `job.effects` what the model returned under that key, which is stored nowhere; it may raise
    InvalidInput, which fails the job, or `Outdated`, which queues it again. `keep_inputs_seconds` 0 deletes inputs as soon as a job ends.
    A child whose memory exceeds `memory_limit_bytes` is killed, and its job charged with a crash; one that holds more than
    `memory_recycle_bytes` after a job is replaced (0: no limit). `job_routes` are added under `/jobs/<id>/`: the route, and the dotted path
    of its `JobAnswers` view. `scopes` are those that keys may have besides the kind's own; `retention` the dotted paths of housekeeping's
    steps: functions that do a batch and say whether there may be more.
    """

    name: str
    model: str
    operations: Mapping[str, Operation]
    keep_inputs_seconds: int
    model_version: str
    memory_limit_bytes: int = 0
    memory_recycle_bytes: int = 0
    arguments: Callable[[Job], dict[str, Any]] = parameters_and_inputs
    on_success: Callable[[Job, dict[str, Any]], None] = no_effect
    job_routes: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    retention: tuple[str, ...] = ()


@cache
def kinds() -> dict[str, Kind]:
    """All kinds of this installation by name. Raises ImproperlyConfigured or ImportError for a wrong dotted path."""
    found = [import_string(path) for path in settings.INFERENCE_KINDS]
    return {kind.name: kind for kind in found}


def scopes() -> list[str]:
    """What a key may be allowed: each kind, and what kinds ask for besides."""
    return [*kinds(), *(scope for kind in kinds().values() for scope in kind.scopes)]
