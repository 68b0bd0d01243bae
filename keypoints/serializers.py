"""What a garment request may contain, and what its result looks like."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers

from keypoints.landmarks import CATEGORY, CLOTHING, KINDS, POINTS, Visibility
from keypoints.printing import MEDIA_TYPES
from keypoints.references import CORNERS, NONE, PARAMETERS, REFERENCES, read_corners
from keypoints.sheet import SHEETS
from tasks.fields import PictureField
from tasks.languages import sentence, translated_lazy
from tasks.openapi.samples import PICTURE
from tasks.serializers import FlagField, StrictSerializer, SubmitSerializer


class FiniteField(serializers.FloatField):
    """A form may say `nan`, which no bound keeps out."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class PredictSerializer(SubmitSerializer):
    image = PictureField(help_text="One garment, laid flat or hanging: JPEG, PNG, WebP or HEIC.")
    clothing = serializers.ChoiceField(
        choices=list(CLOTHING),
        required=False,
        error_messages={
            "invalid_choice": translated_lazy(
                sentence("There is no such clothing; the choices are %(known)s.", known=", ".join(CLOTHING)),
            )
        },
        help_text="What the picture shows: a category, or another word for one or several of them. Default: what it looks like.",
    )
    reference = serializers.ChoiceField(
        choices=list(PARAMETERS),
        required=False,
        help_text="What gives the scale. The printed `sheet` is looked for always; `marker`, `checkerboard`, `corners` and `px_per_cm` need"
        " fields of their own. `none`: nothing is looked for, and all lengths are in pixels. Default: sheet.",
    )
    marker_cm = FiniteField(
        required=False, min_value=0.5, max_value=100, help_text="Side of the black square of a single ArUco marker (4x4_50)."
    )
    square_cm = FiniteField(required=False, min_value=0.2, max_value=50, help_text="Side of one square of a 5 x 5 checkerboard.")
    corners = serializers.RegexField(
        CORNERS,
        required=False,
        max_length=200,
        help_text="Four corners of a flat rectangle, around it, in pixels of the upright picture: `102,80 930,95 945,1240 88,1225`.",
    )
    width_cm = FiniteField(required=False, min_value=1, max_value=500, help_text="From the first of the `corners` to the second.")
    height_cm = FiniteField(required=False, min_value=1, max_value=500, help_text="From the second of the `corners` to the third.")
    px_per_cm = FiniteField(required=False, min_value=0.1, max_value=1000, help_text="Pixels of the picture per centimetre, in its middle.")
    require_scale = FlagField(required=False, default=False, help_text="True: without a scale the job fails (`no_scale`).")
    example: ClassVar = {"image": PICTURE, "clothing": "short_sleeve_top"}

    def validate_corners(self, value: str) -> str:
        try:
            read_corners(value)
        except ValueError:
            raise serializers.ValidationError(gettext("These are not the four corners of a rectangle, one after the other.")) from None
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A reference comes with its own fields, and with no other's."""
        named = attrs.get("reference", "sheet")
        if missing := [name for name in PARAMETERS[named] if attrs.get(name) is None]:
            raise serializers.ValidationError(dict.fromkeys(missing, gettext("This reference needs this field.")))
        others = {name for names in PARAMETERS.values() for name in names} - set(PARAMETERS[named])
        if odd := sorted(name for name in others if attrs.get(name) is not None):
            raise serializers.ValidationError(dict.fromkeys(odd, gettext("This field belongs to another reference.")))
        if named == NONE and attrs["require_scale"]:
            raise serializers.ValidationError({"require_scale": gettext("Without a reference there is no scale.")})
        return attrs


class SheetSerializer(StrictSerializer):
    """Which scale sheet."""

    paper = serializers.ChoiceField(choices=list(SHEETS), default="a4")
    format = serializers.ChoiceField(choices=list(MEDIA_TYPES), default="pdf")
    lang = serializers.ChoiceField(
        choices=["en", "fr"], required=False, help_text="Of what stands on it. Default: what `Accept-Language` likes best."
    )


class PictureSerializer(serializers.Serializer[Any]):
    """Pixels of the picture as sent, turned upright."""

    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)


class PointSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=list(POINTS))
    x = serializers.FloatField(allow_null=True, help_text="Pixels from the left edge of the upright picture. Null where it is absent.")
    y = serializers.FloatField(allow_null=True, help_text="Pixels from its upper edge.")
    confidence = serializers.FloatField(min_value=0, max_value=1)
    visibility = serializers.ChoiceField(
        choices=[str(one) for one in Visibility],
        help_text="`hidden`: in the picture, but under or behind something. `absent`: beyond the frame, or the garment has none.",
    )
    estimated = serializers.BooleanField(help_text="True where the confidence is below 0.7.")
    moved = serializers.BooleanField(required=False, help_text="Of a corrected result: a person put it there.")


class MeasurementSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value_cm = serializers.FloatField(min_value=0, allow_null=True, help_text="Flat, not around. Null without a scale.")
    plus_minus_cm = serializers.FloatField(min_value=0, allow_null=True, help_text="About nine of ten lengths are within it.")
    value_px = serializers.FloatField(min_value=0, allow_null=True, help_text="Null where one of its points is absent.")
    quality = serializers.ChoiceField(
        choices=["ok", "check", "rejected"], help_text="`check`: look at its points. `rejected`: do not use it."
    )
    definition = serializers.CharField(help_text="Where it is taken; compare only what has the same definition.")
    approximate = serializers.BooleanField(help_text="True where no seam or edge marks the ends.")
    derived = serializers.BooleanField(help_text="True of a girth: twice the flat width, not measured around.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With `from`, which Python reserves."""
        points = serializers.ListField(
            child=serializers.ChoiceField(choices=list(POINTS)), help_text="The points that it is taken between."
        )
        return {**super().get_fields(), "from": points}


class HomographyField(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        row = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)
        super().__init__(child=row, min_length=3, max_length=3, **options)


class ScaleSerializer(serializers.Serializer[Any]):
    reference = serializers.ChoiceField(choices=REFERENCES)
    px_per_cm = serializers.FloatField(min_value=0, help_text="At the middle of the garment.")
    perspective = serializers.ChoiceField(
        choices=["measured", "assumed"],
        help_text="`assumed`: the reference is too small to show it; the camera is taken to be held about flat.",
    )
    tilt_degrees = serializers.FloatField(min_value=0, allow_null=True, help_text="Of the camera; null where it cannot be told.")
    outline = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        min_length=4,
        max_length=4,
        help_text="The reference's corners in pixels of the picture.",
    )
    markers = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the markers that were seen.")
    homography = HomographyField(help_text="Rows of the matrix from pixels of the picture to centimetres on the ground.")
    alternatives = serializers.CharField(
        allow_blank=True,
        help_text="Other homographies that the reference allows: their spread is part of ±. Base64 of 32-bit floats, nine each.",
    )


class SeenSerializer(serializers.Serializer[Any]):
    """What the picture as a whole looks like, whatever `clothing` says."""

    category = serializers.ChoiceField(choices=KINDS, help_text="The likeliest.")
    probability = serializers.FloatField(min_value=0, max_value=1, help_text="Of this category.")
    asked = serializers.FloatField(min_value=0, max_value=1, help_text="The probability of all that `clothing` may mean.")
    worn = serializers.FloatField(min_value=0, max_value=1, help_text="The probability that the garment is on a body.")


class PredictResultSerializer(serializers.Serializer[Any]):
    clothing = serializers.ChoiceField(choices=list(CLOTHING), allow_null=True, help_text="As asked for; null where it was left out.")
    category = serializers.ChoiceField(choices=list(CATEGORY), help_text="As which it was measured.")
    seen = SeenSerializer(allow_null=True, help_text="Null from weights that cannot tell.")
    picture = PictureSerializer()
    points = PointSerializer(many=True)
    measurements = MeasurementSerializer(many=True)
    scale = ScaleSerializer(allow_null=True, help_text="Null without a reference that can be used.")
    model_version = serializers.CharField()
    example: ClassVar = {
        "clothing": "short_sleeve_top",
        "category": "short_sleeve_top",
        "seen": {"category": "short_sleeve_top", "probability": 0.981, "asked": 0.981, "worn": 0.004},
        "picture": {"width": 1200, "height": 1600},
        "points": [
            {"name": "armpit_left", "x": 331.5, "y": 702.0, "confidence": 0.941, "visibility": "visible", "estimated": False},
            {"name": "armpit_right", "x": 824.0, "y": 698.5, "confidence": 0.928, "visibility": "visible", "estimated": False},
        ],
        "measurements": [
            {
                "name": "chest_width",
                "value_cm": 51.3,
                "plus_minus_cm": 2.9,
                "value_px": 492.5,
                "quality": "ok",
                "definition": "armpit_to_armpit",
                "from": ["armpit_left", "armpit_right"],
                "approximate": False,
                "derived": False,
            },
        ],
        "scale": {
            "reference": "aruco_sheet",
            "px_per_cm": 9.6,
            "homography": [[0.1042, 0.0, -3.1], [0.0, 0.1042, -5.2], [0.0, 0.0, 1.0]],
            "alternatives": "",
            "perspective": "measured",
            "tilt_degrees": 4.1,
            "outline": [[880.0, 910.5], [1081.0, 912.0], [1079.5, 1196.0], [878.0, 1194.5]],
            "markers": [10, 11, 12, 13],
        },
        "model_version": "garments-3",
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
