"""`manage.py import_faces FOLDER --user NAME --consent-file FILE`."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from rest_framework.exceptions import ValidationError

from faces.archives import left_by_a_system
from faces.effects import names
from faces.models import DEFAULT_GALLERY, Person, Template
from faces.people.serializers import CONSENT, MOST_PHOTOS, ConsentSerializer, consent_in
from faces.photos import mark
from tasks.errors import InvalidInput
from tasks.kinds import kinds
from tasks.models import Job, Priority, State
from tasks.uploads import Upload, picture

POLL_SECONDS = 0.2
Line = tuple[Path, str, str]  # a file, whose it is, and what speaks against it


@dataclass
class Group:
    """The photos of one person, who gets `person` with the first that is taken."""

    name: str
    files: list[Path]
    person: UUID | None = None


class Command(BaseCommand):
    help = (
        "Enrol a folder of photos, each folder in it a person, with the running service. A line for each file; what was imported before is "
        "skipped, so it may be stopped and started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--user", default="owner", help="whose gallery it is")
        parser.add_argument("--gallery", default=DEFAULT_GALLERY)
        parser.add_argument("--consent-file", type=Path, required=True, help="JSON: text, version, purpose, given_at")
        parser.add_argument("--at-once", type=int, default=8, help="people that are worked on at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = get_user_model()._default_manager.filter(username=options["user"]).first()
        if owner is None:
            raise CommandError(f"there is no user {options['user']!r}")
        self.owner_id, self.gallery, self.consent = owner.pk, options["gallery"], consent_of(options["consent_file"])
        waiting = [self.imported(group) for group in groups(options["folder"])]
        if not waiting:
            raise CommandError("the folder holds no files")
        count = self.work(waiting, options["at_once"])
        self.stdout.write(f"enrolled: {count['']}; refused: {count.total() - count[''] - count['failed']}; failed: {count['failed']}")
        if count["failed"]:
            raise CommandError("some jobs failed: import the folder again")

    def work(self, waiting: list[Iterator[list[Line] | None]], at_once: int) -> Counter[str]:
        """Some people at a time, each until their photos are through."""
        count: Counter[str] = Counter()
        running: list[Iterator[list[Line] | None]] = []
        while waiting or running:
            running += [waiting.pop(0) for _ in range(min(at_once - len(running), len(waiting)))]
            moved = False
            for group in list(running):
                try:
                    lines = next(group)
                except StopIteration:
                    running.remove(group)
                    moved = True
                    continue
                for path, person, against in lines or ():
                    count["failed" if against.startswith("job ") else against] += 1
                    self.stdout.write(f"{path}\t{'refused' if against else 'enrolled'}\t{against}\t{person}")
                moved = moved or lines is not None
            if not moved:
                time.sleep(POLL_SECONDS)
        return count

    def imported(self, group: Group) -> Iterator[list[Line] | None]:
        """Jobs of at most ten photos, one after another; None while one is waited for."""
        new: list[Path] = []
        for path in group.files:
            refused = self.refusal(group, path)
            if refused:
                yield [refused]
            else:
                new.append(path)
        for start in range(0, len(new), MOST_PHOTOS):
            part = new[start : start + MOST_PHOTOS]
            job = self.submitted(group, part)
            while not job.ended:
                yield None
                job.refresh_from_db()
            yield self.report(group, part, job)

    def refusal(self, group: Group, path: Path) -> Line | None:
        """What needs no model: no picture, or here already."""
        try:
            with path.open("rb") as file:
                upload = picture(file, path.stat().st_size)
                photo = mark(upload.sha256)
        except InvalidInput as refused:
            return path, "", str(refused.code)
        of_gallery = Template.objects.filter(person__gallery__owner_id=self.owner_id, person__gallery__name=self.gallery)
        known = of_gallery.filter(photo=photo).select_related("person").first()
        if known is None:
            return None
        group.person = known.person.target().pk
        return path, str(group.person), "already_enrolled"

    def submitted(self, group: Group, paths: list[Path]) -> Job:
        person = Person.objects.filter(pk=group.person).first() if group.person else None
        new = {"name": group.name, "gallery": self.gallery, "consent": self.consent}
        return Job.objects.submit(
            owner_id=self.owner_id,
            kind=kinds()["faces"],
            operation="enrol",
            parameters={"person": str(person.pk)} if person else new,
            uploads={f"photos_{number}": opened(path) for number, path in enumerate(paths, 1)},
            units=float(len(paths)),
            priority=Priority.BATCH,
            along=names(person) if person else None,
        )

    def report(self, group: Group, paths: list[Path], job: Job) -> list[Line]:
        if job.state != State.SUCCEEDED or not job.result:
            return [(path, "", f"job {job.pk} {job.state} {(job.error or {}).get('code', '')}") for path in paths]
        if job.result["person"]:
            group.person = UUID(job.result["person"]["id"])
        photos = zip(paths, job.result["photos"], strict=True)
        return [(path, str(group.person or ""), " ".join(photo["reasons"])) for path, photo in photos]


def opened(path: Path) -> Upload:
    """To be copied by the storage, never moved: these are somebody's originals."""
    upload = picture(path.open("rb"), path.stat().st_size)
    upload.file = File(upload.file)
    return upload


def groups(folder: Path) -> list[Group]:
    """Each folder's files, and each file beside the folders."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not left_by_a_system(str(path.relative_to(folder))):
            found[path if path.parent == folder else path.parent].append(path)
    return [Group(place.stem if place.is_file() else place.name, files) for place, files in found.items()]


def consent_of(file: Path) -> dict[str, Any]:
    """As a request's. Raises CommandError."""
    try:
        said = json.loads(file.read_text())
        form = ConsentSerializer(data={name: said.get(name.removeprefix("consent_")) for name in CONSENT})
        form.is_valid(raise_exception=True)
        consent = consent_in(form.validated_data, needed=True)
    except (OSError, ValueError, AttributeError) as error:
        raise CommandError(f"the consent file cannot be read: {error}") from None
    except ValidationError as error:
        raise CommandError(f"the consent file is not whole: {error.detail}") from None
    assert consent is not None  # noqa: S101 (one was needed)
    return consent
