"""What a request for speaker diarization may contain, what its result contains, and how people correct that."""

from __future__ import annotations

import re
import unicodedata
from typing import IO, Any, ClassVar

from django.utils.translation import gettext, gettext_lazy
from rest_framework import serializers

from tasks.errors import Code, InvalidInput
from tasks.fields import FileInputField, RecordingField
from tasks.openapi.samples import RECORDING
from tasks.serializers import StrictSerializer, SubmitSerializer
from tasks.uploads import Upload

MOST_SPEAKERS = 20
MOST_REFERENCE_BYTES = 1_000_000
LONGEST_NAME = 80
MOST_MOVED = 10_000  # turns of one correction
MIX, SEPARATE = "mix", "separate"
SPEAKER_LINE = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*SPEAKER[ \t]", re.MULTILINE)
JOINERS = "\u200c\u200d"  # not printable by themselves, and needed in names of several scripts


def rttm(file: IO[bytes], size: int) -> Upload:
    """A text with a line for a speaker; the worker reads it closely. It is no work: a job's units are its recording's.

    Raises InvalidInput("invalid_reference").
    """
    file.seek(0)
    content = file.read()
    try:
        content.decode()
    except UnicodeDecodeError:
        content = b""
    if b"\0" in content or not SPEAKER_LINE.search(content):
        raise InvalidInput(Code.INVALID_REFERENCE)
    return Upload(file, size, "text/x-rttm", units=0.0)


class ReferenceField(FileInputField):
    """Who really spoke when, as NIST's RTTM."""

    recognise = staticmethod(rttm)
    codes = (*FileInputField.codes, Code.INVALID_REFERENCE)
    media_type = "text/x-rttm"
    most_bytes = MOST_REFERENCE_BYTES


def speaker_count(help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MOST_SPEAKERS, help_text=help_text)


class CountedSerializer(SubmitSerializer):
    """What is known of the number of speakers: exactly, or within bounds, or nothing."""

    num_speakers = speaker_count("The exact number of people who speak, where it is known.")
    min_speakers = speaker_count("At least so many people speak.")
    max_speakers = speaker_count("At most so many people speak.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        least, most = attrs.get("min_speakers"), attrs.get("max_speakers")
        if attrs.get("num_speakers") and (least or most):
            raise serializers.ValidationError({"num_speakers": gettext("Send either num_speakers, or min_speakers and max_speakers.")})
        if least and most and least > most:
            raise serializers.ValidationError({"min_speakers": gettext("min_speakers must not be greater than max_speakers.")})
        return attrs


class PredictSerializer(CountedSerializer):
    """A recording, and what is known of it."""

    audio = RecordingField()
    channels = serializers.ChoiceField(
        choices=[MIX, SEPARATE],
        required=False,
        help_text="`separate`: each channel of the recording is one speaker, as in calls that were recorded on two. Default: mix.",
    )
    reference = ReferenceField(
        required=False, help_text="Who really spoke when, as RTTM: then `score` says how far the result is from it. It does not change it."
    )
    example: ClassVar = {"audio": RECORDING, "num_speakers": 2}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        counted = [name for name in ("num_speakers", "min_speakers", "max_speakers") if attrs.get(name)]
        if attrs.get("channels") == SEPARATE and counted:
            raise serializers.ValidationError(dict.fromkeys(counted, gettext("With separate channels each channel is one speaker.")))
        return attrs


class ReclusterSerializer(CountedSerializer):
    """Another number of speakers for a recording that was heard before."""

    example: ClassVar = {"num_speakers": 3}

    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "reclustered_from": self.context["heard_by"]}

    def units(self) -> float:
        return 1.0


class TurnSerializer(serializers.Serializer[dict[str, Any]]):
    """One stretch of speech of one speaker."""

    start = serializers.FloatField(min_value=0, help_text="Seconds from the beginning of the recording.")
    end = serializers.FloatField(min_value=0, help_text="Seconds from the beginning of the recording.")
    speaker = serializers.CharField()
    confidence = serializers.FloatField(min_value=0, max_value=1, allow_null=True, help_text="That it is this speaker; null where unknown.")


class ExclusiveTurnSerializer(serializers.Serializer[dict[str, Any]]):
    """One stretch in which one speaker is the one to be heard."""

    start = serializers.FloatField(min_value=0)
    end = serializers.FloatField(min_value=0)
    speaker = serializers.CharField()


class SpeakerSerializer(serializers.Serializer[dict[str, Any]]):
    """One speaker's part in all turns."""

    name = serializers.CharField()
    seconds = serializers.FloatField(min_value=0, help_text="In which they speak, alone or not.")
    overlap_seconds = serializers.FloatField(min_value=0, help_text="Of these, in which somebody else speaks too.")
    turns = serializers.IntegerField(min_value=1)
    confidence = serializers.FloatField(min_value=0, max_value=1, allow_null=True, help_text="The mean of their turns', by length.")


class AskedSerializer(serializers.Serializer[dict[str, Any]]):
    """The numbers of speakers of the request; null where none was sent."""

    num_speakers = serializers.IntegerField(allow_null=True)
    min_speakers = serializers.IntegerField(allow_null=True)
    max_speakers = serializers.IntegerField(allow_null=True)


class FallbackSerializer(serializers.Serializer[dict[str, Any]]):
    """What answered in place of what was to answer, and why."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With `from`, which Python reserves."""
        named = {"from": serializers.CharField(), "to": serializers.CharField(), "reason": serializers.CharField()}
        return {**named, "tries": serializers.ListField(help_text="What was tried before, in its order.")}


class PartsSerializer(serializers.Serializer[dict[str, Any]]):
    """Milliseconds of the work's parts."""

    decoding = serializers.FloatField(min_value=0, required=False)
    speech = serializers.FloatField(min_value=0, required=False)
    voices = serializers.FloatField(min_value=0, required=False)
    speakers = serializers.FloatField(min_value=0, required=False)


class ErrorRatesSerializer(serializers.Serializer[dict[str, Any]]):
    """In percent of the speech of the reference; null where a collar leaves none of it."""

    der = serializers.FloatField(
        min_value=0, allow_null=True, help_text="Diarization error rate: the sum of the others. It may exceed 100."
    )
    miss = serializers.FloatField(min_value=0, allow_null=True)
    false_alarm = serializers.FloatField(min_value=0, allow_null=True)
    confusion = serializers.FloatField(min_value=0, allow_null=True)


class ScoreSerializer(serializers.Serializer[dict[str, Any]]):
    """How far the result is from the reference that was sent."""

    strict = ErrorRatesSerializer()
    collar = ErrorRatesSerializer(help_text="Without the time around each boundary of the reference.")
    collar_seconds = serializers.FloatField(min_value=0, help_text="Before and after each boundary.")
    overlap = serializers.ChoiceField(choices=["scored"], help_text="Where several speak at once.")
    reference_seconds = serializers.FloatField(min_value=0, help_text="Of speech, by speaker, in the reference.")


class PredictResultSerializer(serializers.Serializer[dict[str, Any]]):
    """Who spoke when."""

    duration_seconds = serializers.FloatField(min_value=0, help_text="Length of the decoded sound.")
    turns = TurnSerializer(many=True, help_text="In the order of their start. They overlap where people talk at once.")
    exclusive: Any = ExclusiveTurnSerializer(many=True, help_text="For transcripts: in the order of their start, and never two at once.")
    speakers = SpeakerSerializer(many=True, help_text="In the order of their first turns.")
    num_speakers_found = serializers.IntegerField(min_value=0)
    speech_seconds = serializers.FloatField(min_value=0, help_text="In which anybody speaks.")
    speech_ratio = serializers.FloatField(min_value=0, max_value=1, help_text="`speech_seconds` of the recording's length.")
    overlap_seconds = serializers.FloatField(min_value=0, help_text="In which several speak.")
    asked = AskedSerializer()
    channels = serializers.ChoiceField(choices=[MIX, SEPARATE])
    pipeline = serializers.CharField(help_text="The pipeline that made this result: `offline` or `pyannote`.")
    model_version = serializers.CharField()
    device = serializers.CharField(help_text="`cpu`, `cuda` or `mps`.")
    fallback = FallbackSerializer(allow_null=True, help_text="Null where pipeline and device are those that were to answer.")
    timings_ms = PartsSerializer()
    score = ScoreSerializer(allow_null=True, help_text="Null without a reference, and once people have moved turns to other speakers.")
    reclustered_from = serializers.CharField(allow_null=True, help_text="The id of the job that heard the recording, if that is another.")
    example: ClassVar = {
        "duration_seconds": 7.42,
        "turns": [
            {"start": 0.4, "end": 3.5, "speaker": "SPEAKER_00", "confidence": 0.93},
            {"start": 3.3, "end": 6.5, "speaker": "SPEAKER_01", "confidence": 0.88},
        ],
        "exclusive": [
            {"start": 0.4, "end": 3.4, "speaker": "SPEAKER_00"},
            {"start": 3.4, "end": 6.5, "speaker": "SPEAKER_01"},
        ],
        "speakers": [
            {"name": "SPEAKER_00", "seconds": 3.1, "overlap_seconds": 0.2, "turns": 1, "confidence": 0.93},
            {"name": "SPEAKER_01", "seconds": 3.2, "overlap_seconds": 0.2, "turns": 1, "confidence": 0.88},
        ],
        "num_speakers_found": 2,
        "speech_seconds": 6.1,
        "speech_ratio": 0.8221,
        "overlap_seconds": 0.2,
        "asked": {"num_speakers": 2, "min_speakers": None, "max_speakers": None},
        "channels": "mix",
        "pipeline": "offline",
        "model_version": "offline-3",
        "device": "cpu",
        "fallback": None,
        "timings_ms": {"decoding": 4.1, "speech": 21.0, "voices": 52.3, "speakers": 3.2},
        "score": None,
        "reclustered_from": None,
    }


class NameField(serializers.CharField):
    """What people call a speaker; what looks alike is one name (Unicode's NFC)."""

    default_error_messages: ClassVar = {"unprintable": gettext_lazy("A name has no control characters.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_NAME, **options)

    def to_internal_value(self, data: Any) -> str:
        name = unicodedata.normalize("NFC", super().to_internal_value(data))
        if not all(character.isprintable() or character in JOINERS for character in name):
            self.fail("unprintable")
        return name


class SpokenNameField(serializers.CharField):
    """A speaker of the result, as it is called now."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_NAME, trim_whitespace=False, **options)


class PatchPartSerializer(StrictSerializer):
    """JSON's strings and numbers are what they are."""

    def check_names(self, data: dict[str, Any]) -> None:
        super().check_names(data)
        self.refuse_mistyped(data)


class NamesField(serializers.DictField):
    """New names by those that the speakers have now."""

    child = NameField()

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty=False, **options)


class MergeSerializer(PatchPartSerializer):
    """Several speakers are one."""

    speakers: Any = serializers.ListField(child=SpokenNameField(), min_length=2, max_length=MOST_SPEAKERS)
    into = NameField(help_text="Their name: that of one of them, or a new one.")

    def validate_speakers(self, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise serializers.ValidationError(gettext("A speaker is named twice."))
        return names


class SplitSerializer(PatchPartSerializer):
    """Some turns of a speaker are somebody else's."""

    speaker = SpokenNameField()
    turns: Any = serializers.ListField(
        child=serializers.IntegerField(min_value=0),
        min_length=1,
        max_length=MOST_MOVED,
        help_text="Their places in the list `turns` of the result that is corrected; the first is 0.",
    )
    into = NameField(help_text="Whose they are: a new name, or another speaker.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["into"] == attrs["speaker"]:
            raise serializers.ValidationError({"into": gettext("These turns are this speaker's already.")})
        return attrs


class CorrectionSerializer(StrictSerializer):
    """One change: speakers get other names, several become one, or turns become another's."""

    rename = NamesField(required=False, help_text="New names by the names that speakers have now.")
    merge = MergeSerializer(required=False)
    split = SplitSerializer(required=False)
    example: ClassVar = {"rename": {"SPEAKER_00": "Anna", "SPEAKER_01": "Ben"}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(gettext("Send one of rename, merge and split."))
        return attrs
