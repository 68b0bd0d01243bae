"""What a request for speaker diarization may contain, and what its result contains."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from tasks.fields import RecordingField
from tasks.openapi.samples import RECORDING
from tasks.serializers import SubmitSerializer

MOST_SPEAKERS = 20


def speaker_count(help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MOST_SPEAKERS, help_text=help_text)


class PredictSerializer(SubmitSerializer):
    """A recording, and what is known of the number of speakers: exactly, or within bounds, or nothing."""

    audio = RecordingField()
    num_speakers = speaker_count("The exact number of people who speak, where it is known.")
    min_speakers = speaker_count("At least so many people speak.")
    max_speakers = speaker_count("At most so many people speak.")
    example: ClassVar = {"audio": RECORDING, "num_speakers": 2}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        least, most = attrs.get("min_speakers"), attrs.get("max_speakers")
        if attrs.get("num_speakers") and (least or most):
            raise serializers.ValidationError({"num_speakers": "Send either num_speakers, or min_speakers and max_speakers."})
        if least and most and least > most:
            raise serializers.ValidationError({"min_speakers": "min_speakers must not be greater than max_speakers."})
        return attrs


class TurnSerializer(serializers.Serializer[dict[str, Any]]):
    """One stretch of speech of one speaker."""

    start = serializers.FloatField(min_value=0, help_text="Seconds from the beginning of the recording.")
    end = serializers.FloatField(min_value=0, help_text="Seconds from the beginning of the recording.")
    speaker = serializers.CharField()


class AskedSerializer(serializers.Serializer[dict[str, Any]]):
    """The numbers of speakers of the request; null where none was sent."""

    num_speakers = serializers.IntegerField(allow_null=True)
    min_speakers = serializers.IntegerField(allow_null=True)
    max_speakers = serializers.IntegerField(allow_null=True)


class PredictResultSerializer(serializers.Serializer[dict[str, Any]]):
    """Who spoke when. Turns are in the order of their start and do not overlap."""

    duration_seconds = serializers.FloatField(min_value=0, help_text="Length of the decoded sound.")
    speakers = serializers.ListField(
        child=serializers.CharField(), help_text="SPEAKER_00, SPEAKER_01, ... in the order of their first turns."
    )
    num_speakers_found = serializers.IntegerField(min_value=0)
    speaking_seconds = serializers.DictField(child=serializers.FloatField(min_value=0), help_text="Seconds of speech by speaker.")
    turns = TurnSerializer(many=True)
    asked = AskedSerializer()
    pipeline = serializers.CharField(help_text="The pipeline that made this result.")
    device = serializers.CharField()
    model_version = serializers.CharField()
    example: ClassVar = {
        "duration_seconds": 7.42,
        "speakers": ["SPEAKER_00", "SPEAKER_01"],
        "num_speakers_found": 2,
        "speaking_seconds": {"SPEAKER_00": 3.1, "SPEAKER_01": 2.6},
        "turns": [
            {"start": 0.4, "end": 3.5, "speaker": "SPEAKER_00"},
            {"start": 3.9, "end": 6.5, "speaker": "SPEAKER_01"},
        ],
        "asked": {"num_speakers": 2, "min_speakers": None, "max_speakers": None},
        "pipeline": "offline",
        "device": "cpu",
        "model_version": "offline-2",
    }
