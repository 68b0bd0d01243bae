from __future__ import annotations

from django.urls import include, path

from faces.views import ChallengeView, ValidateView, VerifyView

urlpatterns = [
    path("faces/validate", ValidateView.as_view(), name="faces-validate"),
    path("faces/verify", VerifyView.as_view(), name="faces-verify"),
    path("faces/challenge", ChallengeView.as_view(), name="faces-challenge"),
    path("", include("faces.people.urls")),
]
