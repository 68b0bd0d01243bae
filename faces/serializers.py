"""What a request about selfies may contain, and what its result is."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tasks.fields import PictureField
from tasks.serializers import SubmitSerializer


class ValidateSerializer(SubmitSerializer):
    selfie = PictureField()


class VerifySerializer(SubmitSerializer):
    selfie = PictureField()
    reference = PictureField()


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


class VerifyResultSerializer(ResultSerializer):
    verdict = serializers.ChoiceField(choices=["same", "different", "unsure"])
    distance = serializers.FloatField(min_value=0, help_text="Euclidean, of 128-d encodings: 0 for identical faces. Not a probability.")
    threshold = serializers.FloatField(help_text="Up to this distance: same.")
    unsure_margin = serializers.FloatField(help_text="Up to this much beyond the threshold: unsure.")
    selfie = FoundSerializer()
    reference = FoundSerializer()
