"""How people read to those who may look at them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse

from faces.models import Change, Consent, Gallery, Person, Read, Receipt, Rejection, Template
from tasks.clock import timestamp


def gallery_document(gallery: Gallery, people: int) -> dict[str, Any]:
    return {"name": gallery.name, "people": people, "created_at": timestamp(gallery.created_at)}


def erased_document(gallery: Gallery, erased: list[Receipt], more: bool) -> dict[str, Any]:
    receipts = f"{reverse('faces-receipts')}?gallery={gallery.pk}"
    ids = [str(receipt.pk) for receipt in erased]
    return {"gallery": str(gallery.pk), "name": gallery.name, "receipts": ids, "more": more, "links": {"receipts": receipts}}


def person_document(person: Person, photos: int) -> dict[str, Any]:
    url = reverse("faces-person", args=[person.pk])
    return {
        "id": str(person.pk),
        "gallery": person.gallery.name,
        "name": person.name,
        "merged_into": str(person.merged_into_id) if person.merged_into_id else None,
        "photos": photos,
        "created_at": timestamp(person.created_at),
        "last_contact_at": timestamp(person.last_contact_at),
        "etag": person.tag,
        "links": {"self": url} | {name: f"{url}/{name}" for name in ("history", "merge", "split", "rejections")},
    }


def whole_person(person: Person) -> dict[str, Any]:
    templates = list(Template.objects.filter(person=person).defer("sealed"))
    changes = Change.objects.filter(Q(source=person) | Q(target=person))
    return {
        **person_document(person, len(templates)),
        "templates": [template_document(template) for template in templates],
        "consents": [consent_document(consent) for consent in person.consents.all()],
        "changes": [change_document(change) for change in changes],
    }


def template_document(template: Template) -> dict[str, Any]:
    facts = {"job": str(template.job), "face_pixels": round(template.face_pixels, 1), "created_at": timestamp(template.created_at)}
    return {"id": str(template.pk), **facts}


def consent_document(consent: Consent) -> dict[str, Any]:
    facts = {"text": consent.text, "version": consent.version, "purpose": consent.purpose}
    return {**facts, "given_at": timestamp(consent.given_at), "recorded_at": timestamp(consent.recorded_at)}


def change_document(change: Change) -> dict[str, Any]:
    return {
        "id": str(change.pk),
        "what": change.what,
        "source": str(change.source_id),
        "target": str(change.target_id),
        "templates": change.templates,
        "at": timestamp(change.at),
        "undone_at": timestamp(change.undone_at),
        "undo": reverse("faces-undo", args=[change.pk]),
    }


def rejection_document(rejection: Rejection) -> dict[str, Any]:
    return {"id": str(rejection.pk), "job": str(rejection.job), "face": rejection.face, "at": timestamp(rejection.at)}


def reading_document(read: Read, answered: bool) -> dict[str, Any]:
    return {
        "at": timestamp(read.at),
        "operation": read.operation,
        "scope": "person" if read.person_id else "gallery",
        "purpose": read.purpose,
        "job": str(read.job),
        "key": read.by,
        "answered": answered,
    }
