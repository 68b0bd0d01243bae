"""Galleries and people in the admin: to be looked at. They are changed and erased by the API alone, with a receipt; what a template
holds is shown to nobody."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from faces.models import Consent, Gallery, Person, Template
from tasks.admin import ReadOnly, ReadOnlyInline


def number_of(rows: QuerySet[Any], of: str) -> Subquery:
    """How many there are of each row that is shown: a join would group the whole table before it shows fifty."""
    return Subquery(rows.filter(**{of: OuterRef("pk")}).order_by().values(of).annotate(number=Count("pk")).values("number"))


@admin.register(Gallery)
class GalleryAdmin(ReadOnly):
    list_display = fields = ("name", "owner", "people", "created_at", "closed_at")
    readonly_fields = ("people",)
    list_select_related = ("owner",)
    ordering = ("-pk",)
    search_help_text = "The whole id of a gallery, or the whole name of an owner."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(count=number_of(Person.objects.filter(merged_into=None), "gallery"))
        return counted

    @admin.display
    def people(self, gallery: Any) -> int:
        return int(gallery.count or 0)


class ConsentsOfPerson(ReadOnlyInline):
    model = Consent
    fields = ("purpose", "version", "text", "given_at", "recorded_at")


@admin.register(Person)
class PersonAdmin(ReadOnly):
    list_display = ("id", "name", "gallery", "owner", "templates", "purpose", "created_at", "last_contact_at", "merged_into")
    fields = ("id", "name", "gallery", "owner", "templates", "created_at", "last_contact_at", "merged_into")
    readonly_fields = ("owner", "templates")
    list_select_related = ("gallery__owner", "merged_into")
    ordering = ("-pk",)
    inlines = [ConsentsOfPerson]
    search_help_text = "The whole id of a person, or the whole name of an owner."
    owner_field = "gallery__owner_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.prefetch_related("consents").annotate(count=number_of(Template.objects.all(), "person"))
        return counted

    @admin.display
    def owner(self, person: Person) -> str:
        return person.gallery.owner.get_username()

    @admin.display
    def templates(self, person: Any) -> int:
        return int(person.count or 0)

    @admin.display(description="agreed to")
    def purpose(self, person: Person) -> str:
        return ", ".join(sorted({consent.purpose for consent in person.consents.all()}))
