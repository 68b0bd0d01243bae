"""Submitting selfies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.request import Request

from faces.serializers import ChallengeSerializer, ValidateSerializer, VerifySerializer
from tasks.errors import Code
from tasks.problems import Problem
from tasks.views import SubmitView


class ValidateView(SubmitView):
    """Is this picture a usable selfie, and what should be mended?"""

    kind = "faces"
    operation = "validate"
    serializer_class = ValidateSerializer


class VerifyView(SubmitView):
    """Do these two pictures show one person?"""

    kind = "faces"
    operation = "verify"
    serializer_class = VerifySerializer


class ChallengeView(SubmitView):
    """Did this head turn as it was asked to?"""

    kind = "faces"
    operation = "challenge"
    serializer_class = ChallengeSerializer
    codes = (Code.CHALLENGE_NEEDS_68_POINTS,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Five points measure a turn so coarsely that a tilted photo would pass. Raises Problem."""
        super().initial(request, *args, **kwargs)
        if settings.FACE_LANDMARKS != 68:
            raise Problem(Code.CHALLENGE_NEEDS_68_POINTS)
