"""A worker of one kind: `celery -A celery_worker worker -Q faces -n faces@%h -c 1 --pool=prefork`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two torch threads are up to 15 times slower on a busy machine (findings/diarization.md)

import django

django.setup()

import click  # noqa: E402
from billiard import pool  # noqa: E402
from celery.concurrency import asynpool  # noqa: E402

from fitsize.celery import app  # noqa: E402
from tasks import runs, worker  # noqa: E402 (the task, and the handlers of Celery's signals)
from tasks.devices import DEVICES  # noqa: E402
from tasks.worker.memory import resident_bytes  # noqa: E402

__all__ = ["app", "runs", "worker"]

device = click.Option(["--device"], type=click.Choice(DEVICES), help="What its model computes on; default: FITSIZE_DEVICE.")
app.user_options["worker"].add(device)

if hasattr(asynpool.AsynPool, "maintain_pool"):  # a dead child is noticed after 0.25 s instead of 5 s; private API of celery 5.7
    asynpool.AsynPool.timers = property(lambda self: {self.maintain_pool: 0.25})
if hasattr(pool, "mem_rss"):  # a child is replaced for what it holds, not for the most it ever held; private API of billiard 4.3
    pool.mem_rss = lambda: (resident_bytes(os.getpid()) - worker.this_child.shared.device_bytes) // 1024
if hasattr(pool, "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT"):  # tenths of a second that a child waits for its parent when it ends
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20  # 300 is longer than `up` waits, and what a drain answers is worth nothing
