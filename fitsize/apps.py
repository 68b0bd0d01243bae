from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class FitSizeConfig(AppConfig):
    name = "fitsize"


class FitSizeAdminConfig(AdminConfig):
    default_site = "fitsize.admin_site.Site"
