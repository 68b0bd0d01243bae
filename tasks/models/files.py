"""Files of jobs: what clients sent and what models saved, under opaque names in the storage."""

from __future__ import annotations

import io
import logging
import re
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from queue import SimpleQueue
from typing import IO, ClassVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from tasks.clock import DatabaseNow
from tasks.sealing import master_opened
from tasks.uploads import Upload

logger = logging.getLogger(__name__)
OURS = re.compile(r"[0-9a-f]{32}")
INPUTS_FOLDER = "inputs"  # below it a folder for each first byte of an id


def delete_files(names: Iterable[str]) -> None:
    for name in names:
        try:
            default_storage.delete(name)
        except Exception:  # each storage has errors of its own; what is left is swept later
            logger.exception("a stored file could not be deleted")


class Discarder(threading.Thread):
    """Deletes files beside the work of its process. What is left when that dies, housekeeping sweeps."""

    def __init__(self) -> None:
        super().__init__(name="discard", daemon=True)
        self.names: SimpleQueue[Iterable[str]] = SimpleQueue()

    def run(self) -> None:
        while True:
            delete_files(self.names.get())


discarder: Discarder | None = None


def discard_beside_work() -> None:
    """From now on this process does not wait for the disk when a job's inputs go."""
    global discarder
    discarder = Discarder()
    discarder.start()


def discard(names: Iterable[str]) -> None:
    """Delete files that the table says are kept no more."""
    if discarder:
        discarder.names.put(names)
    else:
        delete_files(names)


def input_name(pk: uuid.UUID) -> str:
    """The name tells nothing, least of all one that a client sent; its row is found by key."""
    return f"{INPUTS_FOLDER}/{pk.hex[:2]}/{pk.hex}"


def saved_folder(job_id: uuid.UUID) -> str:
    """Where a job's saved files and checkpoints lie."""
    return f"saved/{job_id}"


def stored_below(folder: str, kept: frozenset[str] = frozenset()) -> Iterator[str]:
    """The files below, except those kept, each folder that holds none of these after what is in it (an empty one can be deleted like a
    file where there are folders at all)."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    except OSError:
        logger.exception("a folder of stored files could not be read")
        return
    for inner in folders:
        yield from stored_below(f"{folder}/{inner}", kept)
    yield from (name for name in (f"{folder}/{file}" for file in files) if name not in kept)
    if not any(name.startswith(f"{folder}/") for name in kept):
        yield folder


def store(upload: Upload, name: str) -> None:
    upload.file.seek(0)
    with upload.file:  # a large upload lies on the same disk already: a Django file is moved, not copied
        default_storage.save(name, upload.file if isinstance(upload.file, File) else File(upload.file))


def open_sealed(name: str, job_id: uuid.UUID) -> IO[bytes]:
    """A stored file that was sealed for this job. Raises FileNotFoundError, Unreadable."""
    with default_storage.open(name) as stored:
        return io.BytesIO(master_opened(stored.read(), job_id))


def old(name: str) -> bool:
    """Whether a file has been there for longer than any submit takes."""
    try:
        return timezone.now() - default_storage.get_modified_time(name) > timedelta(seconds=settings.RECEIVING_SECONDS)
    except FileNotFoundError:
        return False


class InputQuerySet(models.QuerySet["Input"]):
    def receive(self, owner_id: int, uploads: Mapping[str, Upload]) -> list[Input]:
        """Store the files of uploads; their rows are still to be written. Raises OSError if the storage fails, and leaves no file then."""
        received: list[Input] = []
        try:
            for role, upload in uploads.items():
                pk = uuid.uuid4()
                facts = {"content_type": upload.content_type, "size": upload.size, "sha256": upload.sha256}
                received.append(self.model(pk=pk, owner_id=owner_id, role=role, file=input_name(pk), **facts))
                store(upload, input_name(pk))
        except OSError:
            delete_files(stored.file for stored in received)
            raise
        return received

    def strays(self, folder: str) -> list[str]:
        """Files in one of the folders whose job keeps them no more, or that have had no row for an hour: a file comes before its row."""
        try:
            names = {name: uuid.UUID(name) for name in default_storage.listdir(folder)[1] if OURS.fullmatch(name)}
        except FileNotFoundError:
            return []
        kept = dict(self.filter(pk__in=names.values()).values_list("pk", "job__inputs_kept"))
        discarded = [f"{folder}/{name}" for name, pk in names.items() if kept.get(pk) is False]
        unknown = [f"{folder}/{name}" for name, pk in names.items() if pk not in kept]
        return discarded + [name for name in unknown if old(name)]


class Input(models.Model):
    """One file of a job, under an opaque name; written with its job, which says whether the file is still kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="inputs")
    role = models.CharField(max_length=40)
    file = models.CharField(max_length=200)
    content_type = models.CharField(max_length=80)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=DatabaseNow())

    objects: ClassVar = InputQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def kept(self) -> bool:
        return self.job.inputs_kept


class SavedFile(models.Model):
    """A file that a model saved beside its result, stored under the token of the lease that made it."""

    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=80)
    file = models.CharField(max_length=200)
    content_type = models.CharField(max_length=80)
    size = models.BigIntegerField()
    private = models.BooleanField(default=False)  # for the kind's own code: neither listed nor served
    sealed = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "name"], name="one_saved_file_per_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.job_id}"

    def open(self) -> IO[bytes]:
        """What the model saved. Raises FileNotFoundError, and Unreadable for one that was sealed under a key that is no longer ours."""
        return open_sealed(self.file, self.job_id) if self.sealed else default_storage.open(self.file)
