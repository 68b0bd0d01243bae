"""What a row of the job table holds, and what can be read of it without changing it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import reduce
from typing import IO, Any, ClassVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.models import Q
from django.utils.module_loading import import_string

from tasks.clock import DatabaseNow
from tasks.errors import RETRYABLE
from tasks.kinds import Corrections, Kind, Operation, kinds
from tasks.models.files import SavedFile
from tasks.models.queue import JobQuerySet
from tasks.models.revisions import Revision, standing
from tasks.models.states import ENDED, UNUSUAL_ENDS, Priority, State, Stopping
from tasks.models.webhooks import WebhookEndpoint
from tasks.transitions import AHEAD, INPUTS, changed, rows

POSITION_CAP = 1000


class JobRow(models.Model):
    """The row of a job, and what can be read of it. `lease` belongs to the worker that runs it: whoever holds it may write its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    api_key = models.BigIntegerField(null=True)  # with which it was submitted: limits sit on the key
    kind = models.CharField(max_length=40)
    operation = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    units = models.FloatField(default=1.0)
    model_version = models.CharField(max_length=80)

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.INTERACTIVE)
    turn = models.BigIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    progress = models.FloatField(default=0.0)
    progress_step = models.CharField(max_length=80, default="", blank=True)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    warnings = models.JSONField(default=list)

    created_at = models.DateTimeField(db_default=DatabaseNow())
    expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deadline_seconds = models.FloatField()

    lease = models.CharField(max_length=32, null=True)  # noqa: DJ001 (no lease is not an empty lease)
    worker = models.CharField(max_length=120, default="", blank=True)
    life = models.CharField(max_length=32, default="", blank=True)
    pid = models.IntegerField(default=0)
    stopping = models.CharField(max_length=10, choices=Stopping.choices, default="", blank=True)
    fresh_child = models.BooleanField(default=True)
    attempts = models.PositiveIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0)

    checkpoint_step = models.IntegerField(default=0)
    checkpoint_file = models.CharField(max_length=200, default="", blank=True)
    resumed_step = models.IntegerField(default=0)  # the checkpoint that this attempt began from
    keep_input = models.BooleanField(default=True)  # what the caller wishes; false: not beyond the job's end, whatever its kind's rule
    inputs_kept = models.BooleanField(default=True)  # false: their files are gone, or about to go
    erased_at = models.DateTimeField(null=True)  # a tombstone: without data, answers 410
    retried_at = models.DateTimeField(null=True)  # it has waited since then, and not since it was made
    counted = models.BooleanField(default=False)  # its end is in the counters
    revision = models.PositiveIntegerField(default=0)  # the number of the last correction; 0: the result is the model's own
    # Who is told of its end. It may be deleted: then nobody is, and no row of a job has to be looked for and changed.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    objects: ClassVar = JobQuerySet.as_manager()
    claimed_inputs: dict[str, str] | None = None  # files of inputs by role, as the claim answered them
    effects: Any = None  # what the model hands to the kind's `on_success` besides its result

    class Meta:
        abstract = True
        indexes: ClassVar = [
            models.Index(  # the last column is for the age of the oldest alone
                fields=["kind", "priority", "turn", "created_at", "id", "retried_at"], condition=Q(state="queued"), name="job_queued"
            ),
            models.Index(fields=["owner", "kind", "priority", "turn"], condition=Q(state="queued"), name="job_queued_of_owner"),
            models.Index(fields=["life", "pid"], condition=Q(state="running"), name="job_running"),
            models.Index(fields=["owner", "-created_at", "-id"], name="job_of_owner"),
            models.Index(fields=["owner", "kind", "-created_at", "-id"], name="job_of_owner_and_kind"),
            models.Index(fields=["owner", "-created_at", "-id"], condition=~Q(state="succeeded"), name="job_of_owner_not_succeeded"),
            models.Index(fields=["api_key", "created_at"], name="job_of_key"),
            models.Index(fields=["api_key"], condition=Q(state="queued"), name="job_queued_of_key"),
            models.Index(fields=["expires_at"], condition=Q(state="queued", expires_at__isnull=False), name="job_expiring"),
            models.Index(fields=["kind", "finished_at"], condition=Q(inputs_kept=True, finished_at__isnull=False), name="job_inputs_kept"),
            models.Index(fields=["kind", "finished_at"], condition=Q(erased_at__isnull=True, finished_at__isnull=False), name="job_ended"),
            models.Index(fields=["erased_at"], condition=Q(erased_at__isnull=False), name="job_erased"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False, counted=False), name="job_not_counted"),
            models.Index(fields=["created_at"], name="job_newest"),
            *(models.Index(fields=["created_at"], condition=Q(state=state), name=f"job_{state}") for state in UNUSUAL_ENDS),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.operation} {self.id} {self.state}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def key(self) -> Any:
        """The id as this database wants it in a statement of ours."""
        return type(self)._meta.pk.get_db_prep_value(self.pk, connection)

    @property
    def facts(self) -> Kind:
        return kinds()[self.kind]

    @property
    def asked(self) -> Operation | None:
        """The facts of its operation; None if that was uninstalled."""
        kind = kinds().get(self.kind)
        return kind.operations.get(self.operation) if kind else None

    def open_inputs(self) -> dict[str, File[bytes]]:
        """Each input, open for reading, by its role; the caller closes them."""
        return {role: default_storage.open(name) for role, name in self.input_files().items()}

    def open_saved(self, name: str) -> IO[bytes]:
        """One of its saved files, private ones too, for the kind's own code; the caller closes it.

        Raises FileNotFoundError where the job has none of this name (any more), and Unreadable as `SavedFile.open`.
        """
        saved = SavedFile.objects.filter(job_id=self.pk, name=name).first()
        if saved is None:
            raise FileNotFoundError(name)
        return saved.open()

    def input_files(self) -> dict[str, str]:
        """The names of its inputs' files by role, also after they are gone."""
        return dict(rows(INPUTS, {"id": self.key})) if self.claimed_inputs is None else self.claimed_inputs

    def keeps_inputs(self, code: str = "") -> bool:
        """Whether inputs outlive an end with this code: by the kind's own rule, or because the job may be retried."""
        kind = kinds().get(self.kind)  # it may have been uninstalled
        return self.keep_input and (bool(kind and kind.keep_inputs_seconds) or code in RETRYABLE)

    @property
    def corrections(self) -> Corrections | None:
        """How its result may be corrected; None where it cannot be."""
        return self.asked.corrections if self.asked else None

    def history(self) -> list[Revision]:
        """The revisions up to the one that this row was read at: a later one may have been written since."""
        if not self.revision:
            return []
        return list(Revision.objects.filter(job_id=self.pk, number__lte=self.revision).select_related("author"))

    def corrected(self, history: Sequence[Revision]) -> dict[str, Any]:
        """The result of a job that has succeeded, with all corrections that count."""
        own: Any = self.result
        patches, how = standing(history), self.corrections
        result: dict[str, Any] = own
        if patches and how:
            result = reduce(import_string(how.apply), patches, own)
            result = import_string(how.follow)(result) if how.follow else result
        return result

    def queue_position(self) -> int | None:
        """How many jobs of this kind are served before it, plus one; None unless queued. Never counts past the cap."""
        if self.state != State.QUEUED:
            return None
        created_at = type(self)._meta.get_field("created_at").get_db_prep_value(self.created_at, connection)
        values = {"kind": self.kind, "priority": self.priority, "turn": self.turn, "created_at": created_at, "cap": POSITION_CAP + 1}
        [(ahead,)] = changed(AHEAD, values)
        return min(int(ahead), POSITION_CAP + 1) + 1
