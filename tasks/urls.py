from __future__ import annotations

from django.urls import URLPattern, path

from tasks.kinds import kinds
from tasks.views import CancelView, FileView, JobListView, JobView

urlpatterns: list[URLPattern] = [
    path("jobs", JobListView.as_view(), name="jobs"),
    path("jobs/<uuid:pk>", JobView.as_view(), name="job"),
    path("jobs/<uuid:pk>/cancel", CancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:pk>/files/<str:name>", FileView.as_view(), name="job-file"),
]
for kind in kinds().values():
    urlpatterns += kind.job_routes
