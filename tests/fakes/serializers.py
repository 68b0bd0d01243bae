from __future__ import annotations

from rest_framework import serializers

from tasks.fields import FileInputField, PictureField, RecordingField
from tasks.serializers import StrictSerializer, SubmitSerializer
from tasks.uploads import Upload


class AnyFileField(FileInputField):
    """Bytes of any kind."""

    recognise = staticmethod(lambda file, size: Upload(file, size, "application/octet-stream"))
    most_bytes = 1_000_000


class FakeSerializer(SubmitSerializer):
    file = AnyFileField(required=False)
    image = PictureField(required=False)
    audio = RecordingField(required=False)
    text = serializers.CharField(required=False)
    seconds = serializers.FloatField(required=False)
    milliseconds = serializers.FloatField(required=False)
    signal_name = serializers.CharField(required=False)
    fault = serializers.CharField(required=False)
    megabytes = serializers.IntegerField(required=False)
    marker = serializers.CharField(required=False)


class RenameSerializer(StrictSerializer):
    speaker = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=40)
    loudness = serializers.FloatField(required=False)
