from __future__ import annotations

from django.urls import path

from keypoints.views import PredictView

urlpatterns = [path("keypoints", PredictView.as_view(), name="keypoints-predict")]
