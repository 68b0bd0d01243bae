from __future__ import annotations

from django.apps import AppConfig


class FitSizeConfig(AppConfig):
    name = "fitsize"
