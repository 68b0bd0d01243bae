from __future__ import annotations

from django.urls import include, path

from fitsize.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns = [*urlpatterns, path("api/v1/", include("tests.fakes.urls"))]
