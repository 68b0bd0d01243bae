"""What a garment request may contain, and what its result looks like."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers

from keypoints.landmarks import CATEGORY, CLOTHING, POINTS
from tasks.fields import PictureField
from tasks.languages import sentence, translated_lazy
from tasks.openapi.samples import PICTURE
from tasks.serializers import StrictSerializer, SubmitSerializer


class PredictSerializer(SubmitSerializer):
    image = PictureField(help_text="One garment, laid flat or hanging: JPEG, PNG, WebP or HEIC.")
    clothing = serializers.ChoiceField(
        choices=list(CLOTHING),
        error_messages={
            "invalid_choice": translated_lazy(
                sentence("There is no such clothing; the choices are %(known)s.", known=", ".join(CLOTHING)),
            )
        },
        help_text="What the picture shows: a category, or another word for one.",
    )
    example: ClassVar = {"image": PICTURE, "clothing": "short_sleeve_top"}


class PictureSerializer(serializers.Serializer[Any]):
    """Pixels of the picture as sent, turned upright."""

    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)


class PointSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=list(POINTS))
    x = serializers.FloatField(help_text="Pixels from the left edge of the upright picture.")
    y = serializers.FloatField(help_text="Pixels from its upper edge.")
    confidence = serializers.FloatField(min_value=0, max_value=1)
    estimated = serializers.BooleanField(help_text="True where the confidence is below 0.7.")
    moved = serializers.BooleanField(required=False, help_text="Of a corrected result: a person put it there.")


class MeasurementSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    px = serializers.FloatField(min_value=0)
    cm = serializers.FloatField(min_value=0, allow_null=True, help_text="Null without a scale sheet.")
    plus_minus_cm = serializers.FloatField(min_value=0, allow_null=True, help_text="About nine of ten lengths are within it.")
    approximate = serializers.BooleanField(help_text="True where no seam or edge marks the ends.")
    estimated = serializers.BooleanField(help_text="True where one of its points is.")


class HomographyField(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        row = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)
        super().__init__(child=row, min_length=3, max_length=3, **options)


class ScaleSerializer(serializers.Serializer[Any]):
    reference = serializers.ChoiceField(choices=["aruco_sheet"], allow_null=True)
    px_per_cm = serializers.FloatField(min_value=0, allow_null=True, help_text="At the middle of the garment.")
    homography = HomographyField(allow_null=True, help_text="Rows of the matrix from pixels of the picture to centimetres on the ground.")
    alternatives = serializers.CharField(
        allow_blank=True,
        help_text="Other homographies that the reference allows: their spread is part of ±. Base64 of 32-bit floats, nine each.",
    )
    markers = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the sheet's markers that were seen.")


class PredictResultSerializer(serializers.Serializer[Any]):
    clothing = serializers.ChoiceField(choices=list(CLOTHING))
    category = serializers.ChoiceField(choices=list(CATEGORY))
    picture = PictureSerializer()
    points = PointSerializer(many=True)
    measurements = MeasurementSerializer(many=True)
    scale = ScaleSerializer()
    model_version = serializers.CharField()
    example: ClassVar = {
        "clothing": "short_sleeve_top",
        "category": "short_sleeve_top",
        "picture": {"width": 1200, "height": 1600},
        "points": [
            {"name": "armpit_left", "x": 331.5, "y": 702.0, "confidence": 0.941, "estimated": False},
            {"name": "armpit_right", "x": 824.0, "y": 698.5, "confidence": 0.928, "estimated": False},
        ],
        "measurements": [
            {"name": "chest_width", "px": 492.5, "cm": 51.3, "plus_minus_cm": 1.9, "approximate": False, "estimated": False},
        ],
        "scale": {
            "reference": "aruco_sheet",
            "px_per_cm": 9.6,
            "homography": [[0.1042, 0.0, -3.1], [0.0, 0.1042, -5.2], [0.0, 0.0, 1.0]],
            "alternatives": "",
            "markers": [10, 11, 12, 13],
        },
        "model_version": "garments-1",
    }


class PlaceSerializer(StrictSerializer):
    name = serializers.ChoiceField(choices=list(POINTS))
    x = serializers.FloatField(help_text="Pixels from the left edge of the upright picture.")
    y = serializers.FloatField(help_text="Pixels from its upper edge.")

    def check_names(self, data: dict[str, Any]) -> None:
        super().check_names(data)
        self.refuse_mistyped(data)


class MoveSerializer(StrictSerializer):
    """Where points belong; the others stay."""

    points: Any = serializers.ListSerializer(child=PlaceSerializer(), min_length=1)
    example: ClassVar = {"points": [{"name": "armpit_left", "x": 329.0, "y": 700.5}]}

    def validate_points(self, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({point["name"] for point in points}) < len(points):
            raise serializers.ValidationError(gettext("A point is named twice."))
        return points
