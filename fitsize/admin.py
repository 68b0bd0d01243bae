"""Users, API keys and logins in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from fitsize.models import OPERATOR, ApiKey, LoginToken, User
from tasks.admin import Bounded, CappedPaginator, ReadOnly
from tasks.kinds import scopes


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own takes none
    scopes = forms.MultipleChoiceField(
        choices=lambda: [(scope, scope) for scope in [*scopes(), OPERATOR]], widget=forms.CheckboxSelectMultiple
    )
    rate = forms.IntegerField(min_value=0, initial=settings.KEY_RATE, help_text="Submits a minute; 0 for any number.")
    queued = forms.IntegerField(min_value=0, initial=settings.KEY_QUEUED, help_text="Jobs that may wait at a time; 0 for any number.")

    class Meta:
        model = ApiKey
        fields = ("owner", "name", "scopes", "rate", "queued")


@admin.register(ApiKey)
class ApiKeyAdmin(Bounded):
    form = ApiKeyForm
    list_display = ("start", "name", "owner", "scopes", "rate", "queued", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("owner",)
    raw_id_fields = ("owner",)
    ordering = ("-pk",)
    actions = ["revoke"]
    search_help_text = "How a key begins, or the whole name of an owner."

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(start=term) | queryset.filter(owner__username=term) if term else queryset), False

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        shown = ("start", "created_at", "last_used_at", "revoked_at") if obj else ()
        return ("owner", "name", "scopes", "rate", "queued", *shown)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return ("owner", "name", "start", "created_at", "last_used_at", "revoked_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A revoked key stays: its jobs remember its number."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("fitsize.change_apikey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["scopes", "rate", "queued"])
            return
        issued, obj.secret = ApiKey.objects.issue(obj.owner, obj.name, obj.scopes, obj.rate, obj.queued)
        obj.pk, obj.start = issued.pk, issued.start

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The secret goes into this answer alone: not into a message, which would lie in a cookie or a session."""
        context = {**self.admin_site.each_context(request), "title": "A new key", "opts": self.opts, "key": obj, "secret": obj.secret}
        return TemplateResponse(request, "admin/fitsize/apikey/issued.html", context)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        active = list(queryset.filter(revoked_at=None))
        for key in active:
            self.log_change(request, key, "revoked")
        revoked = ApiKey.objects.filter(pk__in=[key.pk for key in active], revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"revoked: {revoked}", messages.SUCCESS)


@admin.register(LoginToken)
class LoginTokenAdmin(ReadOnly):
    """Who is logged in. Deleting a row logs it out."""

    list_display = ("owner", "created_at", "expires_at")
    list_select_related = ("key__owner",)
    ordering = ("-pk",)
    search_help_text = "The whole name of an owner."

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(key__owner__username=term) if term else queryset), False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("fitsize.delete_logintoken")

    @admin.display
    def owner(self, token: LoginToken) -> str:
        return token.key.owner.get_username()


@admin.register(User)
class OwnerAdmin(UserAdmin):  # type: ignore[type-arg]  # as above
    """Nobody is deleted, for jobs have owners: whoever is not active cannot log in, and has no living key."""

    paginator = CappedPaginator
    show_full_result_count = False
    search_fields = ("username__exact", "email__exact")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a superuser changes one."""
        return super().has_change_permission(request, obj) and (request.user.is_superuser or not (obj and obj.is_superuser))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """And only a superuser gives rights: else whoever may change users could make himself one."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*super().get_readonly_fields(request, obj), *rights)
