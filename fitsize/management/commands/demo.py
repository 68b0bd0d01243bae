"""`manage.py demo`: start the service, run all three models on real input, print what they say, stay up."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from fitsize.management.commands import up
from fitsize.models import ApiKey, User
from fitsize.supervisor import Supervisor
from tasks.kinds import kinds


class Command(up.Command):
    help = "Start FitSize and show all three models on a garment photo, a selfie and a recording."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="end after the results; exit code 0 only if all three jobs succeeded")
        parser.add_argument("--garment", default="", help="a photo of a laid-out garment; default: one is rendered, with a scale sheet")
        parser.add_argument("--clothing", default="", help="what the garment is; default: the model says")
        parser.add_argument("--selfie", default="", help="a portrait; default: the astronaut out of scikit-image")
        parser.add_argument("--audio", default="", help="a recording; default: the sample out of pyannote.audio")

    def supervisor(self, options: dict[str, Any]) -> Supervisor:
        files = {name: self.existing(options[name]) for name in ("garment", "selfie", "audio")}
        visitor = [sys.executable, "-m", "fitsize.demo_visit", str(Path(settings.DATA) / "demo"), "--clothing", options["clothing"]]
        for name, path in files.items():
            visitor += [f"--{name}", path] if path else []
        return DemoSupervisor(self.say, options["bind"], visitor, options["once"], options["accelerator"])

    def existing(self, path: str) -> str:
        if path and not Path(path).is_file():
            raise CommandError(f"there is no file {path}")
        return str(Path(path).resolve()) if path else ""


class DemoSupervisor(Supervisor):
    """Lets the old clients in, and makes a key for its visitor once the database is there."""

    def start_rest(self) -> None:
        self.environment["LEGACY_CLIENTS"] = ",".join(sorted(settings.KNOWN_LEGACY_CLIENTS))
        self.visitor_environment["FITSIZE_KEY"] = demo_key()
        super().start_rest()


def demo_key() -> str:
    """A new key for the user `demo`; the one of the last demo is revoked: nobody can read it any more."""
    owner, _ = User.objects.get_or_create(username="demo")
    ApiKey.objects.filter(owner=owner, name="demo", revoked_at=None).update(revoked_at=timezone.now())
    _, secret = ApiKey.objects.issue(owner, "demo", list(kinds()))
    return secret
