"""`manage.py export_corrections DIR`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from keypoints.coco import dataset
from keypoints.kind import KIND
from tasks.models import Job, State
from tasks.models.revisions import standing

LONGEST_SIDE = 1_000_000
"""No picture is shrunk: points are in pixels as sent."""
QUALITY = 95


class Command(BaseCommand):
    help = "Write the garments that people corrected, and whose photos are still kept, as a data set of COCO keypoints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="gets annotations.json and a JPEG for each job")
        parser.add_argument("--owner", help="jobs of this user alone")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            garments = list(self.garments(folder, options["owner"]))
            (folder / "annotations.json").write_text(json.dumps(dataset(garments)) + "\n")
        except OSError as error:
            raise CommandError(f"{folder}: {error.strerror or error}") from None
        self.stdout.write(f"{len(garments)} corrected garments written to {folder}")

    def garments(self, folder: Path, owner: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name of each photo, which is written, and its corrected result."""
        jobs = Job.objects.filter(kind=KIND.name, state=State.SUCCEEDED, revision__gt=0, inputs_kept=True).order_by("created_at", "pk")
        for job in jobs.filter(owner__username=owner) if owner else jobs:
            history = job.history()
            if not standing(history):
                continue
            if not self.write_photo(job, folder / f"{job.pk}.jpg"):
                self.stderr.write(f"{job.pk}: its photo is no longer kept")
                continue
            yield f"{job.pk}.jpg", job.corrected(history)

    def write_photo(self, job: Job, file: Path) -> bool:
        """The photo upright, so that no reader has to know of EXIF; False where it is gone."""
        from tasks.inference.pictures import open_picture  # here, as `manage.py help` runs without a model's packages

        try:
            with job.open_inputs()["image"] as sent:
                open_picture(sent, LONGEST_SIDE).image.save(file, "JPEG", quality=QUALITY)
        except (KeyError, FileNotFoundError):
            return False
        return True
