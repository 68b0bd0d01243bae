from __future__ import annotations

from django.urls import path

from keypoints.views import PredictView, SheetView

urlpatterns = [
    path("keypoints", PredictView.as_view(), name="keypoints-predict"),
    path("keypoints/sheet", SheetView.as_view(), name="keypoints-sheet"),
]
