"""Settings of the web server: `gunicorn -c python:fitsize.gunicorn fitsize.asgi`."""

from __future__ import annotations

import os
import resource

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
django.setup()

from django.conf import settings  # noqa: E402

worker_class = "uvicorn_worker.UvicornWorker"
workers = settings.GUNICORN_WORKERS
bind = settings.BIND
keepalive = 75
graceful_timeout = 20
control_socket_disable = True

# A waiter is a file: the usual soft limit of 1024 would be the limit of waiters.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
