from __future__ import annotations

from django.apps import AppConfig


class KeypointsConfig(AppConfig):
    name = "keypoints"
