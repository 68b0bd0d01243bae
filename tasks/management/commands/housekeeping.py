"""`manage.py housekeeping`: mends what died without a word, every two seconds, and sends webhooks beside that."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tasks.housekeeping import Housekeeping
from tasks.webhooks.sender import Sender


class Command(BaseCommand):
    help = "Release jobs of dead workers, send lost wake-ups and webhooks, sweep strays, until it is stopped. Several copies are safe."

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        sender = Sender()
        sender.start()
        housekeeping = Housekeeping()
        while not stopped.wait(settings.HOUSEKEEPING_TICK_SECONDS):
            housekeeping.tick()
        sender.end()
