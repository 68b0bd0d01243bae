"""What a request about selfies may contain, and what its result is."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from tasks.fields import PictureField
from tasks.openapi.samples import PICTURE
from tasks.serializers import FlagField, SubmitSerializer

FOUND = {
    "picture": {"width": 720, "height": 1280, "rotation": 0},
    "faces": [{"x": 190, "y": 410, "width": 331, "height": 331, "score": 2.14}],
}


class ValidateSerializer(SubmitSerializer):
    selfie = PictureField()
    store = FlagField(required=False, help_text="True: keep a usable selfie, shrunk, as the job's file `selfie.jpg`.")
    example: ClassVar = {"selfie": PICTURE}


class VerifySerializer(SubmitSerializer):
    selfie = PictureField()
    reference = PictureField()
    example: ClassVar = {"selfie": PICTURE, "reference": PICTURE}


class FaceSerializer(serializers.Serializer[Any]):
    """A box in pixels of the picture as a viewer shows it (EXIF orientation applied); it may reach beyond the picture."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)
    score = serializers.FloatField(min_value=0, help_text="The detector's margin; 0.3 counts, a clear face has 1 to 3.")


class PictureSerializer(serializers.Serializer[Any]):
    width = serializers.IntegerField(min_value=1, help_text="Pixels, EXIF orientation applied.")
    height = serializers.IntegerField(min_value=1, help_text="Pixels, EXIF orientation applied.")
    rotation = serializers.ChoiceField(choices=[0, 90, 180, 270], help_text="Degrees clockwise that set the faces upright.")


class CheckSerializer(serializers.Serializer[Any]):
    """One judged measure. What cannot be computed is null, in `value` and in `pass`."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField()
    hint = serializers.CharField(allow_null=True, help_text="What the person should do; null where nothing failed.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With `pass`, which Python reserves."""
        return {**super().get_fields(), "pass": serializers.BooleanField(allow_null=True)}


class ResultSerializer(serializers.Serializer[Any]):
    landmarks = serializers.ChoiceField(choices=[5, 68], help_text="Points per face; with 5, yaw is coarser.")
    model_version = serializers.CharField()


class FoundSerializer(serializers.Serializer[Any]):
    """A picture and all its faces, the one that was judged first."""

    picture = PictureSerializer()
    faces = FaceSerializer(many=True)


class ValidateResultSerializer(FoundSerializer, ResultSerializer):
    verdict = serializers.ChoiceField(choices=["usable", "not_usable"])
    valid = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="One word per failed check, the first to be mended first.")
    checks = CheckSerializer(many=True)
    example: ClassVar = {
        "verdict": "not_usable",
        "valid": False,
        "reasons": ["too_dark"],
        "checks": [
            {"name": "one_face", "value": 1, "limit": 1, "pass": True, "hint": None},
            {"name": "brightness", "value": 31, "limit": 45, "pass": False, "hint": "Find more light; let it fall on your face."},
            {"name": "sharpness", "value": None, "limit": 20, "pass": None, "hint": None},
        ],
        **FOUND,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


class VerifyResultSerializer(ResultSerializer):
    verdict = serializers.ChoiceField(choices=["same", "different", "unsure"])
    distance = serializers.FloatField(min_value=0, help_text="Euclidean, of 128-d encodings: 0 for identical faces. Not a probability.")
    threshold = serializers.FloatField(help_text="Up to this distance: same.")
    unsure_margin = serializers.FloatField(help_text="Up to this much beyond the threshold: unsure.")
    selfie = FoundSerializer()
    reference = FoundSerializer()
    example: ClassVar = {
        "verdict": "same",
        "distance": 0.3127,
        "threshold": 0.55,
        "unsure_margin": 0.05,
        "selfie": FOUND,
        "reference": FOUND,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }
