"""Addresses of the diarization API, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from diarization.views import PredictView

urlpatterns = [path("diarization", PredictView.as_view(), name="diarization-predict")]
