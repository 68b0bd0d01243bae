from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class FitSizeConfig(AppConfig):
    name = "fitsize"

    def ready(self) -> None:
        from fitsize import checks  # noqa: F401  # they register themselves


class FitSizeAdminConfig(AdminConfig):
    default_site = "fitsize.admin_site.Site"
