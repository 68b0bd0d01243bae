"""Merging and splitting people, and taking it back: each in one transaction that holds the rows of everybody concerned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from faces.effects import speaks_of
from faces.keys import change_key
from faces.models import Change, Consent, Part, Person, Rejection, Template
from faces.photos import mark
from faces.probes import probe_of
from faces.vault import Vault
from tasks.clock import DatabaseNow
from tasks.errors import Code, Refused
from tasks.models import Input, Job, SavedFile
from tasks.sealing import Unreadable, opened

Check = Callable[..., None]
"""What a caller wants to be true of the people once nobody else can change them; it raises what it answers if it is not."""


def held(pks: Sequence[UUID], check: Check) -> list[Person]:
    """In the order of `pks`. Raises Refused(`not_found`) where one is gone."""
    there = Person.objects.held(pks)
    if set(there) != set(pks):
        raise Refused(Code.NOT_FOUND)
    people = [there[pk] for pk in pks]
    check(*people)
    return people


def rename(person: Person, name: str, check: Check) -> Person:
    with transaction.atomic():
        [person] = held([person.pk], check)
        Person.objects.filter(pk=person.pk).update(name=name)
        person.name = name
        person.changed(version=person.gallery.advance())
    return person


def merge(source: Person, target: Person, by: int | None, check: Check) -> Person:
    """From now on `source` counts as `target`. Raises Refused(`not_mergeable`)."""
    if source.pk == target.pk:
        raise Refused(Code.NOT_MERGEABLE, "A person cannot be merged with themselves.")
    with transaction.atomic():
        target, source = held([target.pk, source.pk], check)
        if target.gallery_id != source.gallery_id:
            raise Refused(Code.NOT_MERGEABLE, "They are in two galleries.")
        if target.merged_into_id or source.merged_into_id:
            raise Refused(Code.NOT_MERGEABLE, "One of them was merged into somebody already.")
        Person.objects.filter(pk=source.pk).update(merged_into=target)
        Change.objects.create(gallery=target.gallery, what=Change.What.MERGE, source=source, target=target, by=by)
        changed(source, target)
    return target


def changed(*people: Person) -> None:
    version = people[0].gallery.advance()
    for person in people:
        person.changed(version=version)


def split(person: Person, templates: Sequence[UUID], name: str, consent: dict[str, Any], by: int | None, check: Check) -> Change:
    """Templates of this person are of somebody else, who is made. Raises Refused(`not_splittable`)."""
    key = Vault().make()  # before the transaction, as files are slow; what is refused leaves a key that opens nothing
    with transaction.atomic():
        return split_off(person, templates, name, consent, by, check, key)


def split_off(
    person: Person, templates: Sequence[UUID], name: str, consent: dict[str, Any], by: int | None, check: Check, key: UUID
) -> Change:
    [person] = held([person.pk], check)
    rows = list(Template.objects.filter(person=person, pk__in=set(templates)))
    if len(rows) != len(set(templates)):
        raise Refused(Code.NOT_SPLITTABLE, "Not all of these are templates of this very record.")
    if len(rows) == Template.objects.filter(person=person).count():
        raise Refused(Code.NOT_SPLITTABLE, "Nothing would be left of the person.")
    version = person.gallery.advance()
    other = Person.objects.create(gallery=person.gallery, name=name, key=key, version=version)
    Consent.objects.create(person=other, recorded_by=by, **{**consent, "given_at": parse_datetime(consent["given_at"])})
    move(rows, other, version)
    ids = sorted(str(row.pk) for row in rows)
    change = Change.objects.create(gallery=person.gallery, what=Change.What.SPLIT, source=person, target=other, templates=ids, by=by)
    for job in Job.objects.filter(pk__in={row.job for row in rows}).only("pk"):
        speaks_of(job, [other.pk], Part.ENROLLED)  # it shows both
    person.changed(version=version)
    return change


def move(rows: Sequence[Template], to: Person, version: int) -> None:
    """Sealed anew, under the key of whoever they are of now. Raises Refused(`no_template`) for what cannot be read."""
    vault = Vault()
    try:
        encodings = [row.encoding(vault.key(row.key)) for row in rows]
        key = vault.key(to.key)
    except Unreadable:
        raise Refused(Code.NO_TEMPLATE) from None
    for row, encoding in zip(rows, encodings, strict=True):
        row.person, row.version = to, version
        row.seal(key, encoding)
        row.save(update_fields=["person", "version", "key", "sealed"])


def remove(person: Person, template: UUID, check: Check) -> Person:
    """A template goes for good, and so does what is stored of its photo. What stays gets another key, so that no copy of the database
    opens what is gone. Raises Refused: `not_found`, `no_template` where the others cannot be read."""
    key = Vault().make()  # as for a split
    with transaction.atomic():
        forget_photo(person, template)
        [person] = held([person.pk], check)
        if not Template.objects.filter(pk=template, person=person).delete()[0]:
            raise Refused(Code.NOT_FOUND)
        try:
            change_key(person, key)
        except Unreadable:
            raise Refused(Code.NO_TEMPLATE) from None
        person.changed(version=person.gallery.advance(removed=True))
    return person


def forget_photo(person: Person, template: UUID) -> None:
    """The selfie that was stored of it; what was sent is not kept. Before the person is held: whoever erases them begins with jobs too."""
    row = Template.objects.filter(pk=template, person=person).first()
    job = Job.objects.filter(pk=row.job).first() if row else None
    if row is None or job is None:
        return
    sent = Input.objects.filter(job=job).values_list("role", "sha256")
    SavedFile.objects.filter(job=job, name__in=[f"{role}.jpg" for role, sha256 in sent if mark(sha256) == row.photo]).delete()
    job.sweep_saved()


def undo(change: Change, check: Check) -> Change:
    """Raises Refused(`not_undoable`) where it was undone, or what came after it stands in the way."""
    with transaction.atomic():
        source, target = held([change.source_id, change.target_id], check)
        if not Change.objects.filter(pk=change.pk, undone_at=None).update(undone_at=DatabaseNow()):
            raise Refused(Code.NOT_UNDOABLE)
        if change.what == Change.What.MERGE:
            undo_merge(source, target)
        else:
            undo_split(change, source, target)
    change.refresh_from_db()
    return change


def undo_merge(source: Person, target: Person) -> None:
    if not Person.objects.filter(pk=source.pk, merged_into=target).update(merged_into=None):
        raise Refused(Code.NOT_UNDOABLE)
    changed(source, target)


def undo_split(change: Change, source: Person, target: Person) -> None:
    """The templates go back. Whoever was made by the split stays, as somebody without templates if nothing else is left of them: their
    consent and their jobs are still to be erased."""
    rows = list(Template.objects.filter(person=target, pk__in=change.templates))
    if not rows:
        raise Refused(Code.NOT_UNDOABLE)
    version = source.gallery.advance()
    move(rows, source, version)
    for person in (source, target):
        person.changed(version=version)


def reject(person: Person, job: UUID, face: int | None) -> Rejection:
    """Not this person: whatever is nearer to what the job saw than to the person is not answered with them any more.

    Raises Refused(`nothing_to_reject`) where the job did not answer with them, is kept no more, or is older than the person's key.
    """
    for record in person.all_records():
        if seen := probe_of(job, record.pk, face):
            number, sealed = seen
            with transaction.atomic():
                require_kept(job)
                [record] = held([record.pk], lambda *_: None)
                require_readable(record, sealed, job)
                made, _ = Rejection.objects.get_or_create(person=record, job=job, face=number, defaults={"sealed": sealed})
                changed(record)
            return made
    raise Refused(Code.NOTHING_TO_REJECT)


def require_kept(job: UUID) -> None:
    """It is not erased before this transaction ends: what it saw may be the face of somebody who is being erased. Its row first, and then
    people's, as wherever a job ends. Raises Refused(`nothing_to_reject`)."""
    if not Job.objects.select_for_update().filter(pk=job, erased_at=None).values_list("pk"):
        raise Refused(Code.NOTHING_TO_REJECT)


def require_readable(person: Person, sealed: bytes, job: UUID) -> None:
    """What cannot be opened would reject nothing, and be in the way of the person's next key. Raises Refused(`nothing_to_reject`)."""
    try:
        opened(Vault().key(person.key), sealed, person.pk, job)
    except Unreadable:
        raise Refused(Code.NOTHING_TO_REJECT) from None


def take_back(rejection: Rejection) -> None:
    with transaction.atomic():
        [person] = held([rejection.person_id], lambda *_: None)
        rejection.delete()
        changed(person)
