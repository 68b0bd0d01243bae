"""FitSize, the project: settings, urls, users and keys, the Celery application, and `manage.py up`."""

from fitsize.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
