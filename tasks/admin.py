"""The engine's rows in Django's admin: to be looked at, and changed only by what the engine itself can do.

Each page has to open on a million rows: nothing is counted beyond a cap, sorted or searched without an index.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tasks.errors import Refused
from tasks.kinds import kinds
from tasks.models import Delivery, IdempotencyKey, Input, Job, Maintenance, Quarantine, SavedFile, State, WebhookEndpoint, Worker

COUNTED = 1000
PER_PAGE = 50
AT_ONCE = 200  # jobs that one action takes
TOLD = 20  # refusals that are told one by one


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # Django's own takes none
    @cached_property
    def count(self) -> int:
        """Up to a cap: there are no pages beyond, one filters."""
        found: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin's is one
        return found.order_by()[:COUNTED].count()


class Bounded(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """A list that costs the same however long its table is. `id_field` is what is searched for by an id, `owner_field` by a name."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = PER_PAGE
    list_max_show_all = PER_PAGE
    sortable_by: ClassVar[tuple[str, ...]] = ()
    search_help_text = "The whole id of a job, or the whole name of an owner."
    search_fields: ClassVar[tuple[str, ...]] = ("pk",)  # there is a search field; what it finds says `get_search_results`
    id_field = "pk"
    owner_field = "owner_id"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if pk := uuid_of(term):
            return queryset.filter(**{self.id_field: pk}), False
        owner = get_user_model()._default_manager.filter(username=term).values_list("pk", flat=True).first()
        return queryset.filter(**{self.owner_field: owner}) if self.owner_field and owner else queryset.none(), False


class ReadOnly(Bounded):
    """Nothing is added, changed or deleted by hand. `operate_right` is what somebody needs for its actions."""

    operate_right = ""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(self.operate_right) and request.user.has_perm(self.operate_right)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]  # as above
    extra = 0
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class InputsOfJob(ReadOnlyInline):
    """What is known of the files. Photos and voices of people are not shown."""

    model = Input
    fields = ("role", "kept", "content_type", "size", "created_at")
    readonly_fields = ("kept",)


class FilesOfJob(ReadOnlyInline):
    model = SavedFile
    fields = ("name", "content_type", "size", "private", "sealed")


class DeliveriesOfJob(ReadOnlyInline):
    model = Delivery
    fields = ("event", "state", "created_at", "next_attempt_at", "attempts")


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class KindFilter(admin.SimpleListFilter):
    title = parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state), str(state)) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ("short_id", "asked", "state", "code", "owner", "created_at", "attempts", "waited", "ran", "erased")
    list_filter = (KindFilter, StateFilter, "created_at")
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    inlines = [InputsOfJob, FilesOfJob, DeliveriesOfJob]
    actions = ["retry", "cancel", "erase"]
    operate_right = "tasks.change_job"
    fieldsets = [
        (None, {"fields": ("id", "owner", "kind", "operation", "model_version", "priority", "state", "cancel_requested", "erased_at")}),
        ("What became of it", {"fields": ("told_error", "warnings", "progress", "progress_step")}),
        ("Times", {"fields": ("created_at", "expires_at", "retried_at", "started_at", "finished_at", "waited", "ran", "deadline_seconds")}),
        ("Attempts", {"fields": ("attempts", "crashes", "losses", "worker", "pid", "stopping", "checkpoint_step", "resumed_step")}),
        ("What was asked", {"fields": ("parameters", "units", "api_key", "keep_input", "inputs_kept")}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Documents are read only for the page of one job."""
        return super().get_queryset(request).defer("result", "parameters", "warnings")

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        """A result says what somebody looks or sounds like: for superusers alone."""
        result = [("Result", {"fields": ("told_result",), "classes": ("collapse",)})] if request.user.is_superuser else []
        return [*self.fieldsets, *result]

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> Any:
        return ("told_error", "told_result", "waited", "ran")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tasks.delete_job")

    @admin.display(description="id")
    def short_id(self, job: Job) -> str:
        return str(job.pk)[:8]

    @admin.display(description="asked for")
    def asked(self, job: Job) -> str:
        return f"{job.kind}/{job.operation}"

    @admin.display(boolean=True)
    def erased(self, job: Job) -> bool:
        return job.erased_at is not None

    @admin.display(description="code")
    def code(self, job: Job) -> str:
        return str((job.error or {}).get("code", ""))

    @admin.display(description="waited (s)")
    def waited(self, job: Job) -> float | None:
        since = job.retried_at or job.created_at
        return round((job.started_at - since).total_seconds(), 2) if job.started_at else None

    @admin.display(description="ran (s)")
    def ran(self, job: Job) -> float | None:
        return round((job.finished_at - job.started_at).total_seconds(), 2) if job.started_at and job.finished_at else None

    @admin.display(description="error")
    def told_error(self, job: Job) -> SafeString | str:
        return pretty(job.error)

    @admin.display(description="result")
    def told_result(self, job: Job) -> SafeString | str:
        return pretty(job.result)

    # -- what the engine can do
    @admin.action(description="Run again", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self.each(request, queryset, "retried", lambda job: job.retry() if job.kind in kinds() else "its kind is not installed")

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self.each(request, queryset, "canceled", lambda job: "it has ended" if job.ended else job.cancel())

    @admin.action(description="Erase for good ...", permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[Job]) -> TemplateResponse | None:
        if request.POST.get("confirmed") != "yes":
            context = {**self.admin_site.each_context(request), "title": "Erase jobs", "opts": self.opts, "jobs": queryset[:AT_ONCE]}
            return TemplateResponse(request, "admin/tasks/job/erase.html", context)
        self.each(request, queryset, "erased", lambda job: "it is erased" if job.erased_at else job.erase())
        return None

    def each(self, request: HttpRequest, jobs: QuerySet[Job], done: str, do: Callable[[Job], str | None]) -> None:
        """Do it to each; `do` answers why not, or raises Refused. What was done is in the history of each job."""
        count, refusals = 0, []
        for job in jobs.defer(None)[:AT_ONCE]:
            try:
                refusal = do(job)
            except Refused as refused:
                refusal = refused.detail
            if refusal:
                refusals.append(f"job {job.pk}: {refusal}")
            else:
                count += 1
                self.log_change(request, job, done)
        if count:
            self.message_user(request, f"{done}: {count}", messages.SUCCESS)
        for line in refusals[:TOLD]:
            self.message_user(request, line, messages.WARNING)
        if len(refusals) > TOLD:
            self.message_user(request, f"and {len(refusals) - TOLD} more were refused", messages.WARNING)


def pretty(document: Any) -> SafeString | str:
    return "" if document is None else format_html("<pre>{}</pre>", json.dumps(document, indent=1, ensure_ascii=False))


@admin.register(Input)
class InputAdmin(ReadOnly):
    list_display = fields = ("id", "job_id", "owner", "role", "kept", "content_type", "size", "created_at")
    readonly_fields = ("kept",)
    list_select_related = ("owner", "job")
    ordering = ("-pk",)  # in no order, but by an index
    search_help_text = "The whole id of an input or of its job."
    owner_field = ""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Its own id, or that of its job."""
        if pk := uuid_of(search_term.strip()):
            return queryset.filter(pk=pk) | queryset.filter(job_id=pk), False
        return super().get_search_results(request, queryset, search_term)


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    list_display = ("name", "kind", "state", "detail", "memory_bytes", "started_at", "seen_at")
    fields = (*list_display, "pid", "life")
    list_filter = (KindFilter,)
    ordering = ("name",)
    search_fields = ()


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnly):
    list_display = fields = ("job_id", "owner", "kind", "operation", "created_at", "until")
    list_select_related = ("owner",)
    list_filter = (KindFilter,)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ["release"]
    id_field = "job_id"
    operate_right = "tasks.delete_quarantine"

    @admin.action(description="Release: accept these inputs again", permissions=["operate"])
    def release(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        released = Quarantine.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        self.log_deletions(request, released)
        self.message_user(request, f"released: {released.release()}", messages.SUCCESS)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnly):
    """Secrets are their owner's: they are not shown here."""

    list_display = fields = ("url", "owner", "created_at", "disabled_at", "disabled_reason")
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    actions = ["enable", "disable"]
    operate_right = "tasks.change_webhookendpoint"

    @admin.action(description="Enable", permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoint.enable()
            self.log_change(request, endpoint, "enabled")

    @admin.action(description="Disable: nothing is sent there, what waits is canceled", permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoint.disable("An operator disabled it.")
            self.log_change(request, endpoint, "disabled")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("id", "job_id", "event", "state", "created_at", "next_attempt_at", "tries_left")
    fields = (*list_display, "endpoint", "attempts")
    list_select_related = ("endpoint",)
    ordering = ("-created_at",)
    actions = ["replay"]
    id_field = "job_id"
    owner_field = "endpoint__owner_id"
    operate_right = "tasks.change_delivery"

    @admin.action(description="Replay: deliver it again, now", permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset[:AT_ONCE]:
            try:
                delivery.replay()
                self.log_change(request, delivery, "replayed")
            except Refused as refused:
                self.message_user(request, f"{delivery.pk}: {refused.detail}", messages.WARNING)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly):
    list_display = fields = ("key", "route", "owner", "job_id", "created_at")
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    id_field = "job_id"


@admin.register(Maintenance)
class MaintenanceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """It is switched on by adding its only row, and off by deleting it."""

    list_display = fields = ("reason", "since")
    readonly_fields = ("since",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Maintenance.objects.exists()
