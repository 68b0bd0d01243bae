"""Jobs, their files, and the workers that run them."""

from tasks.models.counters import Counter
from tasks.models.files import Input, SavedFile, delete_files, discard_beside_work
from tasks.models.idempotency import IdempotencyKey
from tasks.models.jobs import Job
from tasks.models.maintenance import Maintenance
from tasks.models.quarantine import Quarantine
from tasks.models.revisions import Revision
from tasks.models.states import ENDED, Claimant, Priority, State, Stopping
from tasks.models.webhooks import Delivery, WebhookEndpoint
from tasks.models.workers import Worker, WorkerState, kind_states

__all__ = [
    "ENDED",
    "Claimant",
    "Counter",
    "Delivery",
    "IdempotencyKey",
    "Input",
    "Job",
    "Maintenance",
    "Priority",
    "Quarantine",
    "Revision",
    "SavedFile",
    "State",
    "Stopping",
    "WebhookEndpoint",
    "Worker",
    "WorkerState",
    "delete_files",
    "discard_beside_work",
    "kind_states",
]
