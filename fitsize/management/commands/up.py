"""`manage.py up`: the whole service on one machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fitsize.supervisor import CannotStart, Supervisor


class Command(BaseCommand):
    help = "Start broker, web, a worker for each kind, and housekeeping, and keep them running until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="", help="HOST:PORT of the web server; default: BIND, or a free port if that is taken")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.supervisor(options).run()
        except CannotStart as error:
            raise CommandError(str(error)) from None
        sys.exit(code)

    def supervisor(self, options: dict[str, Any]) -> Supervisor:
        return Supervisor(self.say, options["bind"])

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
