"""`manage.py quarantine list|release`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from tasks.models import Quarantine


class Command(BaseCommand):
    help = "List and release inputs that are refused because they crashed a model's process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="list what is refused, and until when")
        release = actions.add_parser("release", help="accept an input again")
        release.add_argument("job", type=UUID, help="the job that was convicted, as 'list' shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(options)

    def list(self, options: dict[str, Any]) -> None:
        for held in Quarantine.objects.active().select_related("owner").order_by("created_at"):
            what = f"{held.kind}/{held.operation}"
            self.stdout.write(f"{held.job_id}  {held.owner.username}  {what}  until {held.until:%Y-%m-%d %H:%M}")

    def release(self, options: dict[str, Any]) -> None:
        if not Quarantine.objects.filter(job_id=options["job"]).release():
            raise CommandError("no input of this job is refused; see 'quarantine list'")
        self.stdout.write("released")
