from __future__ import annotations

from django.apps import AppConfig


class FacesConfig(AppConfig):
    name = "faces"

    def ready(self) -> None:
        from faces import system_checks  # noqa: F401 (registers itself)
