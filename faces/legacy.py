"""Two old clients that send one picture and wait for one answer.

The selfie app is told, in French, whether a picture is usable: by the old service's rules, on what the face model measured. The workload
generator of the elastic face recognition is told who somebody is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext, override
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from faces.people.views import IdentifyView
from tasks.errors import Code
from tasks.fields import PictureField
from tasks.legacy import NOTHING, WaitedForSerializer, WaitingView
from tasks.models import Job
from tasks.parsers import WholeMultiPartParser
from tasks.uploads import Upload

SELFIE_APP, WORKLOAD = "selfie-app", "workload-generator"
SELFIE_BYTES = 15_000_000
DEFAULTS: dict[str, float] = {
    "second_face_share": 0.35,  # of the main face's area: from there on a second one counts
    "second_face_overlap": 0.20,  # intersection over union: two boxes that share more are one face
    "face_px2": 5000.0,
    "face_share": 0.008,  # of the picture's area; the larger of both counts
    "face_side_px": 44.0,
    "sharpness": 18.0,
    "far_face_share": 0.012,  # of the picture's area: below it a face has to be sharper
    "far_sharpness": 25.0,
}
"""Those of contracts/legacy-clients.md, section 3."""
UNKNOWN = "unknown"
LONGEST_STEM = 150  # characters
SURE = 0.3  # the score from which a face counts
Box = Mapping[str, float]


def limits_with(given: Mapping[str, str]) -> dict[str, float]:
    """The defaults with what an installation has set. Raises ImproperlyConfigured."""
    try:
        numbers = {name: float(value) for name, value in given.items()}
    except ValueError as error:
        raise ImproperlyConfigured(f"SELFIE_APP_LIMITS: {error}") from None
    if strangers := ", ".join(sorted(numbers.keys() - DEFAULTS.keys())):
        raise ImproperlyConfigured(f"SELFIE_APP_LIMITS: {strangers} is none of {', '.join(DEFAULTS)}")
    return DEFAULTS | numbers


LIMITS = limits_with(settings.SELFIE_APP_LIMITS)


class SelfieField(PictureField):
    @property
    def most_bytes(self) -> int:
        return min(super().most_bytes, SELFIE_BYTES)


class SelfieSerializer(WaitedForSerializer):
    """`debug` needs no field: what was measured is always told."""

    file = SelfieField()

    def uploads(self) -> dict[str, Upload]:
        return {"selfie": self.validated_data["file"]}


class ValidateSelfieView(WaitingView):
    client = SELFIE_APP
    kind = "faces"
    operation = "validate"
    serializer_class = SelfieSerializer

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Its users read French, whatever their phones say."""
        with override("fr"):
            return super().dispatch(request, *args, **kwargs)

    def result(self, job: Job) -> HttpResponseBase:
        result: dict[str, Any] = job.result  # type: ignore[assignment]  # a job that has succeeded has one
        reason = next(reasons(result), "")
        if reason:
            return Response({"detail": reason}, 400, headers={"Content-Language": "fr"})
        return Response({"valid": True, "debug": {name: result[name] for name in ("picture", "faces", "checks")}})

    def handle_exception(self, exc: Exception) -> Response:
        """Whatever is wrong with the request or the picture is a 400: the app knows no other refusal, and reads `detail` alone."""
        response = super().handle_exception(exc)
        response.data, response.content_type = {"detail": response.data["detail"]}, None
        response["Content-Language"] = "fr"
        if response.status_code in (413, 415, 422):
            response.status_code = 400
        return response


def reasons(result: Mapping[str, Any], limits: Mapping[str, float] = LIMITS) -> Iterator[str]:
    """Why the old service would have refused the picture, in the language that is active."""
    faces = sorted((face for face in result["faces"] if face["score"] >= SURE), key=area, reverse=True)
    if not faces:
        yield gettext("No face was found. Hold the camera at the height of your eyes and look into it.")
        return
    main, *others = faces
    if any(second(main, other, limits) for other in others):
        yield gettext("Several faces were found. Be alone in the picture.")
    pixels = result["picture"]["width"] * result["picture"]["height"]
    if too_small(main, pixels, limits):
        yield gettext("Your face is too small. Come closer to the camera.")
    sharpness = measured(result, "Sharpness")
    wanted = limits["far_sharpness" if area(main) < limits["far_face_share"] * pixels else "sharpness"]
    if sharpness is not None and sharpness < wanted:
        yield gettext("The picture is blurred. Hold the camera still and clean its lens.")


def area(face: Box) -> float:
    return face["width"] * face["height"]


def second(main: Box, other: Box, limits: Mapping[str, float]) -> bool:
    return area(other) >= limits["second_face_share"] * area(main) and overlap(main, other) < limits["second_face_overlap"]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    height = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (area(one) + area(other) - shared)


def too_small(face: Box, pixels: float, limits: Mapping[str, float]) -> bool:
    least = max(limits["face_px2"], limits["face_share"] * pixels)
    return area(face) < least or min(face["width"], face["height"]) < limits["face_side_px"]


def measured(result: Mapping[str, Any], name: str) -> float | None:
    """A check's value; None where it could not be computed."""
    return next((check["value"] for check in result["checks"] if check["name"] == name), None)


class RecogniseSerializer(WaitedForSerializer):
    inputFile = PictureField()  # the old client's name

    def uploads(self) -> dict[str, Upload]:
        return {"photo": self.validated_data["inputFile"]}

    def parameters(self) -> dict[str, Any]:
        """The stem goes with the job, as the answer repeats it: nothing is ever found by it."""
        return {"gallery": settings.LEGACY_GALLERY, "stem": stem_of(str(getattr(self.initial_data["inputFile"], "name", "")))}


class RecogniseView(WaitingView, IdentifyView):
    """`POST /` as the elastic face recognition answered it. What else is asked of `/` finds nothing, as without this client."""

    client = WORKLOAD
    serializer_class = RecogniseSerializer  # type: ignore[assignment]  # mypy takes IdentifyView's for the only one there may be
    parser_classes = (WholeMultiPartParser,)

    def result(self, job: Job) -> HttpResponseBase:
        result: dict[str, Any] = job.result  # type: ignore[assignment]  # a job that has succeeded has one
        return said(job, name_of(result))

    def failure(self, job: Job) -> HttpResponseBase:
        return said(job, UNKNOWN) if job.error and job.error["code"] == Code.NO_FACE else super().failure(job)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise NotFound(NOTHING)


def said(job: Job, name: str) -> HttpResponse:
    return HttpResponse(f"{job.parameters['stem']}:{name}", content_type="text/plain; charset=utf-8")


def name_of(result: Mapping[str, Any]) -> str:
    """Who the main face is, if that is sure."""
    main = result["faces"][0]
    return plain(main["candidates"][0]["name"]) if main["verdict"] == "match" else UNKNOWN


def stem_of(file: str) -> str:
    return plain(PurePath(file).stem)


def plain(text: str) -> str:
    """In one line and without a colon: the answer has exactly one."""
    return "".join(" " if character == ":" or not character.isprintable() else character for character in text)[:LONGEST_STEM].strip()


urlpatterns = [
    path("api/validate-selfie", ValidateSelfieView.as_view()),
    path("", RecogniseView.as_view()),
]
