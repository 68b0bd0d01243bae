from __future__ import annotations

from django.urls import path

from tests.fakes.views import FakeView

urlpatterns = [path("fakes/<str:operation>", FakeView.as_view(), name="fakes")]
