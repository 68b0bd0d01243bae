"""The Celery application. A message says only "there is work of this kind"; the job table says what."""

from __future__ import annotations

import os
from typing import Any

import kombu
from celery import Celery
from celery.app.amqp import AMQP

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
RECONNECT = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 3.0}  # seconds; kombu's own are 2, 2 and 30: jobs would wait


class PromptConnection(kombu.Connection):
    """A worker's: it asks again soon after a broker that was away."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(*args, **{**RECONNECT, **kwargs})  # type: ignore[no-untyped-call]


class PromptAMQP(AMQP):  # type: ignore[misc]  # published without types
    Connection = PromptConnection


app = Celery("fitsize", amqp=PromptAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
