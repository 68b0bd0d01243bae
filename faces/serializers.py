"""What a request about selfies may contain, and what its result is."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers

from tasks.fields import PictureField
from tasks.openapi.samples import PICTURE
from tasks.serializers import FlagField, SubmitSerializer

FOUND = {
    "picture": {"width": 720, "height": 1280, "rotation": 0},
    "faces": [{"x": 190, "y": 410, "width": 331, "height": 331, "score": 2.14}],
}

THRESHOLD = {
    "value": 0.572,
    "unsure_to": 0.6,
    "fmr": 0.001,
    "fpir": 0.001,
    "gallery_size": 1,
    "measured_on": "celebrities-2026-11: 0.55 to 0.6: 379 000 pairs of crops of 24 celebrities (findings, section 3)",
}


class ValidateSerializer(SubmitSerializer):
    selfie = PictureField()
    store = FlagField(required=False, help_text="True: keep a usable selfie, shrunk, as the job's file `selfie.jpg`.")
    example: ClassVar = {"selfie": PICTURE}


class VerifySerializer(SubmitSerializer):
    selfie = PictureField()
    reference = PictureField(required=False, help_text="A second photo; or send `person`.")
    person = serializers.UUIDField(
        required=False, help_text="Somebody who was enrolled, instead of `reference`: all their templates count."
    )
    example: ClassVar = {"selfie": PICTURE, "reference": PICTURE}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("reference" in attrs) == ("person" in attrs):
            raise serializers.ValidationError({"reference": gettext("Send either a reference or a person.")})
        return attrs

    def parameters(self) -> dict[str, Any]:
        return {name: str(value) for name, value in super().parameters().items()}


class ChallengeSerializer(SubmitSerializer):
    before = PictureField()
    after = PictureField()
    direction = serializers.ChoiceField(choices=["left", "right"], help_text="Of the pictures as they are seen, not the person's own.")
    example: ClassVar = {"before": PICTURE, "after": PICTURE, "direction": "left"}


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
    """One judged measure. What cannot be computed is null, in `score`, `value` and `pass`."""

    name = serializers.CharField(help_text="Of ISO/IEC 29794-5 where it has one (SingleFacePresent), else ours (face_size).")
    score = serializers.IntegerField(min_value=0, max_value=100, allow_null=True, help_text="100: good, 50: at the limit, less fails.")
    value = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField()
    hint = serializers.CharField(allow_null=True, help_text="What the person should do; null where nothing failed.")
    indicative = serializers.BooleanField(help_text="It never decides: it is right often enough to say, not to refuse somebody.")

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
    reasons = serializers.ListField(child=serializers.CharField(), help_text="One word per thing to mend, the first to be mended first.")
    next_step = serializers.CharField(allow_null=True, help_text="The one instruction to follow now; null if the picture is usable.")
    checks = CheckSerializer(many=True)
    example: ClassVar = {
        "verdict": "not_usable",
        "valid": False,
        "reasons": ["too_dark"],
        "next_step": "Find more light; let it fall on your face.",
        "checks": [
            {"name": "SingleFacePresent", "score": 100, "value": 1, "limit": 1, "pass": True, "hint": None, "indicative": False},
            {
                "name": "LuminanceMean",
                "score": 34,
                "value": 31,
                "limit": 45,
                "pass": False,
                "hint": "Find more light; let it fall on your face.",
                "indicative": False,
            },
            {"name": "Sharpness", "score": None, "value": None, "limit": 20, "pass": None, "hint": None, "indicative": False},
            {"name": "EyesOpen", "score": None, "value": None, "limit": 0.12, "pass": None, "hint": None, "indicative": True},
        ],
        **FOUND,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


class ThresholdSerializer(serializers.Serializer[Any]):
    """What was applied, and what it stands for by the calibration; nothing here is the probability that this answer is wrong."""

    value = serializers.FloatField(min_value=0, help_text="Up to this distance: match.")
    unsure_to = serializers.FloatField(min_value=0, help_text="Up to this distance: unsure.")
    fmr = serializers.FloatField(help_text="Of comparisons of two different people, the share that `value` takes for one.")
    fpir = serializers.FloatField(help_text="Of searches for strangers among `gallery_size` people, the share that finds a person.")
    gallery_size = serializers.IntegerField(min_value=1)
    measured_on = serializers.CharField(help_text="Whose pictures these shares come from.")


class ComparedPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    photos = serializers.IntegerField(min_value=1, help_text="Templates whose mean was compared with.")


class VerifyResultSerializer(ResultSerializer):
    verdict = serializers.ChoiceField(choices=["match", "unsure", "no_match"])
    distance = serializers.FloatField(min_value=0, help_text="Euclidean, of 128-d encodings: 0 for identical faces. Not a probability.")
    threshold = ThresholdSerializer()
    selfie = FoundSerializer()
    reference = FoundSerializer(allow_null=True, help_text="Null where a person was compared with.")
    person = ComparedPersonSerializer(allow_null=True, help_text="Null where a photo was compared with.")
    example: ClassVar = {
        "verdict": "match",
        "distance": 0.3127,
        "threshold": THRESHOLD,
        "selfie": FOUND,
        "reference": FOUND,
        "person": None,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


class ChallengeResultSerializer(ResultSerializer):
    """Both are turns of the head in degrees, above 0 towards the right of the picture: `yaw_before` and `yaw_after`."""

    verdict = serializers.ChoiceField(choices=["passed", "not_passed"])
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=["other_person", "wrong_direction", "turned_too_little"]))
    next_step = serializers.CharField(allow_null=True, help_text="What the person should do; null if it passed.")
    direction = serializers.ChoiceField(choices=["left", "right"])
    yaw_before = serializers.FloatField()
    yaw_after = serializers.FloatField()
    least_turn = serializers.FloatField(help_text="Degrees in the asked direction that pass.")
    distance = serializers.FloatField(min_value=0, help_text="Between the two faces, as in `verify`.")
    farthest = serializers.FloatField(help_text="Up to this distance they are one person's here.")
    stops = serializers.ListField(child=serializers.CharField(), help_text="What a challenge that passed rules out.")
    does_not_stop = serializers.ListField(child=serializers.CharField(), help_text="What passes all the same.")
    before = FoundSerializer()
    after = FoundSerializer()
    example: ClassVar = {
        "verdict": "passed",
        "reasons": [],
        "next_step": None,
        "direction": "left",
        "yaw_before": 2.1,
        "yaw_after": -24.6,
        "least_turn": 15.0,
        "distance": 0.2764,
        "farthest": 0.55,
        "stops": ["One still, flat photo before the camera, tilted or not."],
        "does_not_stop": ["A photo that is bent."],
        "before": FOUND,
        "after": FOUND,
        "landmarks": 68,
        "model_version": "dlib-hog-resnet-v1",
    }
