"""Submitting photos of people, and looking at, changing and erasing people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from faces import changes, receipts, switches
from faces.closing import erase_gallery
from faces.effects import names
from faces.erasure import erase, finish
from faces.kind import READ, WRITE
from faces.models import DEFAULT_GALLERY, Change, Erased, Gallery, Part, Person, PersonJob, Read, Receipt, Rejection
from faces.people import descriptions as described
from faces.people.documents import (
    change_document,
    erased_document,
    gallery_document,
    person_document,
    reading_document,
    rejection_document,
    whole_person,
)
from faces.people.serializers import (
    BulkEnrolSerializer,
    EnrolSerializer,
    IdentifySerializer,
    MergeSerializer,
    PeopleFilterSerializer,
    PersonSerializer,
    ReceiptFilterSerializer,
    RejectSerializer,
    RenameSerializer,
    SplitSerializer,
)
from tasks.corrections import named
from tasks.errors import Code, Refused
from tasks.models import Job
from tasks.parsers import BoundedJSONParser
from tasks.problems import Problem
from tasks.serializers import PageSerializer, SubmitSerializer
from tasks.views import HasScope, JobPages, SubmitView, key_of, owner_id

Along = Callable[[Job], None]


# -- jobs about people
class EnrolView(SubmitView):
    """Enrol photos of one person, with their consent."""

    kind = "faces"
    operation = "enrol"
    codes = (Code.CONSENT_NEEDED, Code.NOT_FOUND)
    serializer_class = EnrolSerializer

    def along(self, form: SubmitSerializer) -> Along | None:
        return about(self.request, form.validated_data.get("person"))


class BulkEnrolView(SubmitView):
    """Enrol an archive of photos, a folder for each person."""

    kind = "faces"
    operation = "bulk_enrol"
    codes = (Code.CONSENT_NEEDED,)
    serializer_class = BulkEnrolSerializer


class IdentifyView(SubmitView):
    """Who of a gallery is in this picture?"""

    kind = "faces"
    operation = "identify"
    codes = (Code.IDENTIFY_OFF, Code.NOT_FOUND)
    serializer_class = IdentifySerializer

    def post(self, request: Request) -> HttpResponseBase:
        if not switches.identify():
            raise Problem(Code.IDENTIFY_OFF)
        return super().post(request)

    def along(self, form: SubmitSerializer) -> Along | None:
        name = form.parameters()["gallery"]
        if name != DEFAULT_GALLERY and not Gallery.objects.filter(owner_id=owner_id(self.request), name=name).exists():
            raise Refused(Code.NOT_FOUND, "There is no gallery of this name.")
        return None


def about(request: Request, person: UUID | None) -> Along | None:
    """For a submit that names a person of one's own. Raises Refused(`not_found`)."""
    return names(Person.objects.of_owner(owner_id(request), person).target()) if person else None


# -- people
class People(GenericAPIView[Person]):
    permission_classes = [IsAuthenticated, HasScope]
    parser_classes = [BoundedJSONParser]
    serializer_class: Any = PersonSerializer

    @property
    def scope(self) -> str:
        return READ if self.request.method in SAFE_METHODS else WRITE

    def person(self, pk: UUID) -> Person:
        return Person.objects.of_owner(owner_id(self.request), pk)

    def given(self, form: type[Any]) -> dict[str, Any]:
        read = form(data=self.request.data, context=self.get_serializer_context())
        read.is_valid(raise_exception=True)
        given: dict[str, Any] = read.validated_data
        return given

    def as_named(self, *people: Person) -> None:
        """Whoever is changed must be as the client last saw them: `If-Match` names the ETag of each.

        Raises Problem(`precondition_required`, `stale_revision`).
        """
        tags = named(self.request, "If-Match")
        if not tags or "*" in tags:
            raise Problem(Code.PRECONDITION_REQUIRED, "If-Match has to name the ETag of each person that is changed.")
        if not {person.tag for person in people} <= tags:
            raise Problem(Code.STALE_REVISION, "A person was changed since, or If-Match does not name each of them.")

    @property
    def by(self) -> int | None:
        return key_of(self.request).pk or None


class GalleriesView(People):
    descriptions: ClassVar = {"GET": described.GALLERIES}

    def get(self, request: Request) -> Response:
        own = Gallery.objects.filter(owner_id=owner_id(request), closed_at=None).order_by("name")
        counted = own.annotate(count=Count("people", filter=Q(people__merged_into=None)))
        return private({"results": [gallery_document(gallery, gallery.count) for gallery in counted]})


class GalleryView(People):
    descriptions: ClassVar = {"DELETE": described.ERASE_GALLERY}

    def delete(self, request: Request, name: str) -> Response:
        """Once and for all, with everybody in it."""
        gallery = get_object_or_404(Gallery, owner_id=owner_id(request), name=name, closed_at=None)
        erased = erase_gallery(gallery)
        there = Gallery.objects.filter(pk=gallery.pk).exists()
        return private(erased_document(gallery, erased, there), 202 if there else 200)


class PeopleView(People):
    descriptions: ClassVar = {"GET": described.PEOPLE}

    def get(self, request: Request) -> Response:
        form = PeopleFilterSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        wanted = {"gallery__name": form.validated_data.get("gallery"), "name": form.validated_data.get("name")}
        found = Person.objects.filter(gallery__owner_id=owner_id(request), **{name: value for name, value in wanted.items() if value})
        pages = JobPages()
        page = pages.paginate_queryset(found.select_related("gallery"), request, self) or []
        photos = dict(Person.objects.filter(pk__in=[person.pk for person in page]).values_list("pk").annotate(Count("templates")))
        response = pages.get_paginated_response([person_document(person, photos[person.pk]) for person in page])
        response["Cache-Control"] = "private, no-cache"
        return response


class PersonView(People):
    descriptions: ClassVar = {"GET": described.PERSON, "PATCH": described.RENAME, "DELETE": described.ERASE}

    def get(self, request: Request, pk: UUID) -> Response:
        return shown(self.person(pk))

    def patch(self, request: Request, pk: UUID) -> Response:
        return shown(changes.rename(self.person(pk), self.given(RenameSerializer)["name"], self.as_named))

    def delete(self, request: Request, pk: UUID) -> Response:
        """Once and for all; again, the same receipt."""
        erased = Erased.objects.filter(person=pk, receipt__owner_id=owner_id(request)).select_related("receipt").first()
        if erased is None:
            return receipt_answer(erase(self.person(pk), "request"))
        return receipt_answer(finish(erased.receipt))


class TemplateView(People):
    descriptions: ClassVar = {"DELETE": described.REMOVE_TEMPLATE}

    def delete(self, request: Request, pk: UUID, template: UUID) -> Response:
        """The person as they are then, whose next ETag it is."""
        return shown(changes.remove(self.person(pk), template, self.as_named))


class HistoryView(People):
    """Who read this person's templates, or the gallery's with theirs in it."""

    descriptions: ClassVar = {"GET": described.HISTORY}

    def get(self, request: Request, pk: UUID) -> Response:
        PageSerializer(data=request.query_params.dict()).is_valid(raise_exception=True)
        person = self.person(pk)
        pages = ReadingPages()
        page = pages.paginate_queryset(readings_of(person), request, self) or []
        response = pages.get_paginated_response([reading_document(read, read.answered) for read in page])
        response["Cache-Control"] = "private, no-cache"
        return response


class ReadingPages(JobPages):
    ordering = ("-at", "-id")


def readings_of(person: Person) -> QuerySet[Any]:
    records = person.all_records()
    of_gallery = Q(person=None, gallery=person.gallery, at__gte=person.created_at)
    answered = PersonJob.objects.filter(person__in=records, part=Part.ANSWERED, job_id=OuterRef("job"))
    return Read.objects.filter(Q(person__in=records) | of_gallery).annotate(answered=Exists(answered))


class MergeView(People):
    descriptions: ClassVar = {"POST": described.MERGE}

    def post(self, request: Request, pk: UUID) -> Response:
        """The person of this address stays; the other counts as them."""
        source = self.person(self.given(MergeSerializer)["person"])
        return shown(changes.merge(source, self.person(pk), self.by, self.as_named))


class SplitView(People):
    descriptions: ClassVar = {"POST": described.SPLIT}

    def post(self, request: Request, pk: UUID) -> Response:
        given = self.given(SplitSerializer)
        change = changes.split(self.person(pk), given["templates"], given["name"], given["consent"], self.by, self.as_named)
        return private(change_document(change), 201)


class UndoView(People):
    descriptions: ClassVar = {"POST": described.UNDO}

    def post(self, request: Request, pk: UUID) -> Response:
        change = get_object_or_404(Change, pk=pk, gallery__owner_id=owner_id(request))
        return private(change_document(changes.undo(change, self.as_named)))


class RejectionsView(People):
    """What was said not to be this person."""

    descriptions: ClassVar = {"GET": described.REJECTIONS, "POST": described.REJECT}

    def get(self, request: Request, pk: UUID) -> Response:
        found = Rejection.objects.filter(person__in=self.person(pk).all_records()).defer("sealed")
        return private({"results": [rejection_document(rejection) for rejection in found]})

    def post(self, request: Request, pk: UUID) -> Response:
        given, person = self.given(RejectSerializer), self.person(pk)
        job = Job.objects.of_owner(owner_id(request), given["job"])
        if job is None or job.erased_at:
            raise Problem(Code.NOTHING_TO_REJECT)
        return private(rejection_document(changes.reject(person, job.pk, given.get("face"))), 201)


class RejectionView(People):
    descriptions: ClassVar = {"DELETE": described.TAKE_BACK}

    def delete(self, request: Request, pk: UUID, rejection: UUID) -> Response:
        changes.take_back(get_object_or_404(Rejection, pk=rejection, person__in=self.person(pk).all_records()))
        return Response(status=204)


# -- receipts
class ReceiptsView(People):
    descriptions: ClassVar = {"GET": described.RECEIPTS}

    def get(self, request: Request) -> Response:
        form = ReceiptFilterSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        found = Receipt.objects.filter(owner_id=owner_id(request), number__isnull=False)
        if gallery := form.validated_data.get("gallery"):
            found = found.filter(facts__gallery=str(gallery))
        pages = ReceiptPages()
        page = pages.paginate_queryset(found, request, self) or []
        response = pages.get_paginated_response([receipt.document for receipt in page])
        response["Cache-Control"] = "private, no-cache"
        return response


class ReceiptPages(JobPages):
    ordering = ("-erased_at", "-id")


class ReceiptView(People):
    descriptions: ClassVar = {"GET": described.RECEIPT}

    def get(self, request: Request, pk: UUID) -> Response:
        return receipt_answer(finish(get_object_or_404(Receipt, pk=pk, owner_id=owner_id(request))))


class ReceiptKeyView(GenericAPIView[Person]):
    """The key that receipts are checked with; without an API key, since anybody may check."""

    authentication_classes = []
    permission_classes = []
    serializer_class = PersonSerializer
    descriptions: ClassVar = {"GET": described.RECEIPT_KEY}

    def get(self, request: Request) -> HttpResponseBase:
        return HttpResponse(receipts.public_key_pem(), content_type="application/x-pem-file")


def shown(person: Person) -> Response:
    person.refresh_from_db()
    response = private(whole_person(person))
    response["ETag"] = person.tag
    return response


def receipt_answer(receipt: Receipt) -> Response:
    return private(receipt.document)


def private(content: Any, status: int = 200) -> Response:
    return Response(content, status, headers={"Cache-Control": "private, no-cache"})
