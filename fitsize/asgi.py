"""The web application: the front, which holds waiting clients, around Django in a few threads."""

from __future__ import annotations

from django.conf import settings
from django.db import close_old_connections

from fitsize.wsgi import application as django
from tasks.front.bridge import Bridge
from tasks.front.endings import Endings
from tasks.front.front import Front
from tasks.models import Job
from tasks.wakeups import redis_url


def ended_among(jobs: list[str]) -> list[str]:
    """Outside of a request: a broken connection is dropped here, or every later read would fail."""
    close_old_connections()
    return Job.objects.ended_among(jobs)


bridge = Bridge(django, threads=settings.WEB_THREADS, folder=settings.FILE_UPLOAD_TEMP_DIR)
application = Front(bridge, Endings(redis_url(settings.BROKER_URL), ended_among))
