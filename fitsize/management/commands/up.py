"""`manage.py up`: the whole service on one machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fitsize.supervisor import CannotStart, Supervisor
from tasks.devices import CUDA, MPS
from tasks.kinds import kinds


def accelerator(text: str) -> tuple[str, str]:
    """`diarization`, `cuda` of `diarization=cuda`. Raises ArgumentTypeError."""
    kind, _, device = text.partition("=")
    if kind not in kinds() or device not in (CUDA, MPS):
        raise ArgumentTypeError(f"{text} is not KIND=DEVICE: one of {', '.join(kinds())}, and {CUDA} or {MPS}")
    return kind, device


class Command(BaseCommand):
    help = "Start broker, web, a worker for each kind, and housekeeping, and keep them running until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="", help="HOST:PORT of the web server; default: BIND, or a free port if that is taken")
        said = "one more worker of a kind, on an accelerator: diarization=cuda, diarization=mps; may be given several times"
        parser.add_argument("--accelerator", action="append", default=[], type=accelerator, metavar="KIND=DEVICE", help=said)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.supervisor(options).run()
        except CannotStart as error:
            raise CommandError(str(error)) from None
        sys.exit(code)

    def supervisor(self, options: dict[str, Any]) -> Supervisor:
        return Supervisor(self.say, options["bind"], accelerators=options["accelerator"])

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
