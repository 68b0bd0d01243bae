"""Submitting selfies."""

from __future__ import annotations

from collections.abc import Callable

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from faces import switches
from faces.effects import names
from faces.models import Person
from faces.serializers import ChallengeSerializer, ValidateSerializer, VerifySerializer
from tasks.errors import Code
from tasks.models import Job
from tasks.problems import Problem
from tasks.serializers import SubmitSerializer
from tasks.views import SubmitView, owner_id


class ValidateView(SubmitView):
    """Is this picture a usable selfie, and what should be mended?"""

    kind = "faces"
    operation = "validate"
    serializer_class = ValidateSerializer


class VerifyView(SubmitView):
    """Do these two pictures show one person, or this picture an enrolled one?"""

    kind = "faces"
    operation = "verify"
    serializer_class = VerifySerializer
    codes = (Code.NOT_FOUND,)

    def along(self, form: SubmitSerializer) -> Callable[[Job], None] | None:
        person = form.validated_data.get("person")
        if person is None:
            return None
        return names(Person.objects.of_owner(owner_id(self.request), person).target())


class ChallengeView(SubmitView):
    """Did this head turn as it was asked to?"""

    kind = "faces"
    operation = "challenge"
    serializer_class = ChallengeSerializer
    codes = (Code.CHALLENGE_NEEDS_68_POINTS,)

    def post(self, request: Request) -> HttpResponseBase:
        """Five points measure a turn so coarsely that a tilted photo would pass. Raises Problem."""
        if not switches.challenge():
            raise Problem(Code.CHALLENGE_NEEDS_68_POINTS)
        return super().post(request)
