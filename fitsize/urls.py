"""All addresses. Each kind brings its own under /api/v1/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from tasks.health import MetricsView, livez, readyz

handler400 = "tasks.handlers.bad_request"
handler403 = "tasks.handlers.permission_denied"
handler404 = "tasks.handlers.page_not_found"
handler500 = "tasks.handlers.server_error"

urlpatterns = [
    path("api/v1/", include("tasks.urls")),
    path("api/v1/", include("keypoints.urls")),
    path("api/v1/", include("faces.urls")),
    path("api/v1/", include("diarization.urls")),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("metrics", MetricsView.as_view(), name="metrics"),
]
