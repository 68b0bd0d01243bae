"""`manage.py maintenance on|off`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tasks.languages import sentence
from tasks.models import Maintenance


class Command(BaseCommand):
    help = "Accept nothing new (503 with Retry-After); what was accepted is run and can be read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("switch", choices=["on", "off"])
        parser.add_argument("--reason", default=sentence("The service is being maintained."), help="what callers read")

    def handle(self, *args: Any, **options: Any) -> None:
        Maintenance.objects.all().delete()
        if options["switch"] == "on":
            Maintenance.objects.create(reason=options["reason"])
        self.stdout.write(f"maintenance is {options['switch']}")
