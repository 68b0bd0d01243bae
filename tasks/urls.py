from __future__ import annotations

from django.urls import URLPattern, path, re_path
from django.utils.module_loading import import_string

from tasks.capabilities import CapabilitiesView
from tasks.corrections import CorrectionsView, UndoView
from tasks.kinds import kinds
from tasks.views import CancelView, FileView, JobListView, JobView, RetryView
from tasks.webhooks.views import DeliveriesView, EnableView, ReplayView, RotateView, WebhookListView, WebhookView

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

urlpatterns: list[URLPattern] = [
    path("", CapabilitiesView.as_view(), name="capabilities"),
    path("jobs", JobListView.as_view(), name="jobs"),
    path("jobs/<uuid:pk>", JobView.as_view(), name="job"),
    path("jobs/<uuid:pk>/cancel", CancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:pk>/retry", RetryView.as_view(), name="job-retry"),
    path("jobs/<uuid:pk>/corrections", CorrectionsView.as_view(), name="job-corrections"),
    path("jobs/<uuid:pk>/corrections/undo", UndoView.as_view(), name="job-corrections-undo"),
    path("jobs/<uuid:pk>/deliveries", DeliveriesView.as_view(), name="job-deliveries"),
    path("jobs/<uuid:pk>/deliveries/<uuid:delivery>/replay", ReplayView.as_view(), name="job-replay"),
    path("webhooks", WebhookListView.as_view(), name="webhooks"),
    path("webhooks/<uuid:pk>", WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:pk>/rotate", RotateView.as_view(), name="webhook-rotate"),
    path("webhooks/<uuid:pk>/enable", EnableView.as_view(), name="webhook-enable"),
    re_path(rf"^jobs/(?P<pk>{UUID})/files/(?P<name>[\w.-]{{1,80}})$", FileView.as_view(), name="job-file"),
]
for kind in kinds().values():
    for route, view in kind.job_routes.items():
        urlpatterns.append(path(f"jobs/<uuid:pk>/{route}", import_string(view).as_view(kind=kind.name), name=f"job-{route}"))
