"""What the model is given for a job: people are read out of the database and the vault in the child, just before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from faces import switches
from faces.inference.archive import groups
from faces.inference.gallery import Crowd, Known, crowd_of, known
from faces.inference.people import Subject
from faces.models import Gallery, Person, Read, Template
from faces.photos import mark
from tasks.errors import Code, InvalidInput
from tasks.kinds import parameters_and_inputs
from tasks.models import Input, Job


def arguments(job: Job) -> dict[str, Any]:
    """Raises InvalidInput(`person_gone`, `no_template`, `identify_off`, `invalid_archive`)."""
    if job.operation == "verify" and "person" not in job.parameters:
        return parameters_and_inputs(job)
    return ARGUMENTS.get(job.operation, parameters_and_inputs)(job)


def for_verify(job: Job) -> dict[str, Any]:
    person = named(job)
    log_reading(job, person.gallery, person)
    found = known(person)
    if found is None:
        raise InvalidInput(Code.NO_TEMPLATE)
    return {"person": found, "binding": job.pk, **job.open_inputs()}


def for_identify(job: Job) -> dict[str, Any]:
    if not switches.identify():
        raise InvalidInput(Code.IDENTIFY_OFF)
    name, purpose = job.parameters["gallery"], job.parameters.get("purpose") or settings.FACES_IDENTIFY_PURPOSE
    gallery = Gallery.objects.filter(owner_id=job.owner_id, name=name).first()
    if gallery:
        log_reading(job, gallery, purpose=purpose)
    crowd = crowd_of(gallery) if gallery else Crowd()
    return {"crowd": crowd, "gallery": name, "purpose": purpose, "binding": job.pk, **job.open_inputs()}


def for_enrol(job: Job) -> dict[str, Any]:
    marks = {role: mark(sha256) for role, sha256 in Input.objects.filter(job=job).values_list("role", "sha256")}
    files = dict(sorted(job.open_inputs().items(), key=lambda item: number_of(item[0])))
    how = {"marks": marks, "store": bool(job.parameters.get("store"))}
    if "person" in job.parameters:
        person = named(job)
        return {"subject": somebody_there(job, person), "gallery": person.gallery.name, **how, **files}
    return {"subject": Subject(uuid4(), job.parameters["name"]), "gallery": job.parameters["gallery"], **how, **files}


def for_bulk_enrol(job: Job) -> dict[str, Any]:
    """Each group of photos with its person: whoever has one of them already, else somebody new of the folder's name."""
    files = job.open_inputs()
    gallery = Gallery.objects.filter(owner_id=job.owner_id, name=job.parameters["gallery"]).first()
    found = groups(files["archive"])
    people = [(subject_of(job, gallery, name, {photo.mark for photo in photos if photo.mark}), photos) for name, photos in found]
    return {"groups": people, "gallery": job.parameters["gallery"], **files}


def subject_of(job: Job, gallery: Gallery | None, name: str, marks: set[str]) -> Subject:
    has = Template.objects.filter(person__gallery=gallery, photo__in=marks).select_related("person").first() if gallery else None
    return somebody_there(job, has.person.target()) if has else Subject(uuid4(), name)


def named(job: Job) -> Person:
    """The person that the request names, or whoever they were merged into since."""
    person = Person.objects.filter(pk=UUID(job.parameters["person"]), gallery__owner_id=job.owner_id).select_related("gallery").first()
    if person is None:
        raise InvalidInput(Code.PERSON_GONE)
    return person.target()


def somebody_there(job: Job, person: Person) -> Subject:
    log_reading(job, person.gallery, person)
    templates = Template.objects.filter(person__in=person.all_records())
    found: Known | None = known(person)
    marks = frozenset(templates.values_list("photo", flat=True))
    return Subject(person.pk, person.name, person.key, found, marks, templates.count())


def number_of(role: str) -> int:
    return int(role.rpartition("_")[2])


def log_reading(job: Job, gallery: Gallery, person: Person | None = None, purpose: str = "") -> None:
    """Before anything is read: what dies meanwhile has read all the same."""
    by = Job.objects.filter(pk=job.pk).values_list("api_key", flat=True).first()
    Read.objects.create(gallery=gallery, person=person, job=job.pk, operation=job.operation, purpose=purpose, by=by)


ARGUMENTS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "verify": for_verify,
    "identify": for_identify,
    "enrol": for_enrol,
    "bulk_enrol": for_bulk_enrol,
}
