from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from tasks.views import SubmitView
from tests.fakes.serializers import FakeSerializer


class FakeView(SubmitView):
    kind = "fakes"
    serializer_class = FakeSerializer

    def post(self, request: Request, operation: str = "echo") -> Response:
        self.__dict__["operation"] = operation
        return super().post(request)
