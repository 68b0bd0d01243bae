"""What becomes of a job's answer in the database: it is written in the transaction that completes the job, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

from faces.models import Consent, Gallery, Part, Person, PersonJob, Template
from tasks.errors import Code, InvalidInput, Outdated, Refused
from tasks.models import Job


@dataclass(frozen=True)
class NewTemplate:
    """An encoding, sealed under the key of the person it is for before the transaction began."""

    pk: UUID
    sealed: bytes
    encoder: str
    face_pixels: float
    photo: str


@dataclass(frozen=True)
class Enrolled:
    """Templates of one person; `name` is set for a person who is new."""

    person: UUID
    key: UUID
    templates: list[NewTemplate]
    name: str | None = None


@dataclass(frozen=True)
class Effects:
    """What a model hands over: who was enrolled, whom the answer names, and who was met in person."""

    enrolled: list[Enrolled] = field(default_factory=list)
    answered: frozenset[UUID] = frozenset()
    met: frozenset[UUID] = frozenset()


def on_success(job: Job, result: dict[str, Any]) -> None:
    """Raises Outdated where people were erased or merged, or had new keys or these very photos, while the model worked;
    InvalidInput(`person_gone`) where the very person that the job is about was erased."""
    effects: Effects | None = job.effects
    if effects is None:
        return
    answer_with(job, effects)
    if effects.enrolled:
        enrol(job, effects.enrolled)


def answer_with(job: Job, effects: Effects) -> None:
    """Whoever the result names must still be there when it is written: it would name somebody who was erased."""
    there = Person.objects.held(effects.answered)
    if set(there) != effects.answered or any(person.merged_into_id for person in there.values()):
        raise Outdated
    speaks_of(job, effects.answered, Part.ANSWERED)
    Person.objects.touch(effects.met)


def enrol(job: Job, enrolled: list[Enrolled]) -> None:
    """New people get their rows here: a worker that lost its lease, or whose job was canceled, never comes this far and leaves nobody."""
    there = Person.objects.held(item.person for item in enrolled if item.name is None)
    gallery = next(iter(there.values())).gallery if there else gallery_of(job)
    version = gallery.advance()
    for item in enrolled:
        person = there.get(item.person) if item.name is None else made(item, gallery, version)
        if person is None:
            raise InvalidInput(Code.PERSON_GONE)
        photos = [template.photo for template in item.templates]
        others = Template.objects.filter(person=person, photo__in=photos).exclude(job=job.pk)
        if person.merged_into_id or person.key != item.key or others.exists():
            raise Outdated
        Template.objects.bulk_create(row(job, person, template, version) for template in item.templates)
        person.changed()
        consent_of(job, person)
    people = [item.person for item in enrolled]
    speaks_of(job, people, Part.ENROLLED)
    Person.objects.touch(people)


def gallery_of(job: Job) -> Gallery:
    """Held, so that it is not erased between here and the end of this transaction."""
    return Gallery.objects.select_for_update().get_or_create(owner_id=job.owner_id, name=job.parameters["gallery"])[0]


def made(item: Enrolled, gallery: Gallery, version: int) -> Person:
    return Person.objects.create(pk=item.person, gallery=gallery, name=item.name or "", key=item.key, version=version)


def row(job: Job, person: Person, new: NewTemplate, version: int) -> Template:
    facts = {"sealed": new.sealed, "encoder": new.encoder, "face_pixels": new.face_pixels, "photo": new.photo}
    return Template(pk=new.pk, person=person, key=person.key, job=job.pk, version=version, **facts)


def consent_of(job: Job, person: Person) -> None:
    said = job.parameters.get("consent")
    if said:
        facts = {**said, "given_at": parse_datetime(said["given_at"])}
        Consent.objects.create(person=person, recorded_by=said_by(job), **facts)


def said_by(job: Job) -> int | None:
    """The key that a job came with. A claim does not read it, so it is asked for."""
    return Job.objects.filter(pk=job.pk).values_list("api_key", flat=True).first()


def speaks_of(job: Job, people: Iterable[UUID], part: Part) -> None:
    PersonJob.objects.bulk_create((PersonJob(person_id=pk, job=job, part=part) for pk in people), ignore_conflicts=True)


def names(person: Person) -> Callable[[Job], None]:
    """For a submit: the job is about this person, who must still be there when it is made."""

    def along(job: Job) -> None:
        there = Person.objects.held([person.pk])
        if not there:
            raise Refused(Code.NOT_FOUND)
        PersonJob.objects.create(person=person, job=job, part=Part.NAMED)

    return along
