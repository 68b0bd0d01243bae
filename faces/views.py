"""Submitting selfies."""

from __future__ import annotations

from faces.serializers import ValidateSerializer, VerifySerializer
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
