"""The Celery application. A message says only "there is work of this kind"; the job table says what."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
app = Celery("fitsize")
app.config_from_object("django.conf:settings", namespace="CELERY")
