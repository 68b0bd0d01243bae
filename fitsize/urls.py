"""All addresses. Each kind brings its own under /api/v1/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from tasks.health import LiveView, MetricsView, ReadyView
from tasks.kinds import kinds
from tasks.openapi.views import DocsView, SchemaView

handler400 = "tasks.handlers.bad_request"
handler403 = "tasks.handlers.permission_denied"
handler404 = "tasks.handlers.page_not_found"
handler500 = "tasks.handlers.server_error"

urlpatterns = [
    path("api/v1/", include("tasks.urls")),
    path("api/v1/", include("fitsize.users")),
    *(path("api/v1/", include(f"{name}.urls")) for name in ("keypoints", "faces", "diarization") if name in kinds()),
    *(path("", include(f"{name}.legacy")) for name in ("keypoints", "faces", "diarization") if name in kinds()),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("livez", LiveView.as_view(), name="livez"),
    path("readyz", ReadyView.as_view(), name="readyz"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("metrics", MetricsView.as_view(), name="metrics"),
]
