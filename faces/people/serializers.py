"""What requests about people may contain, and what is answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import serializers

from faces.archives import archive
from faces.models import DEFAULT_GALLERY
from faces.models.galleries import NAME
from faces.serializers import FOUND, THRESHOLD, CheckSerializer, FaceSerializer, PictureSerializer, ResultSerializer, ThresholdSerializer
from tasks.clock import timestamp
from tasks.errors import Code
from tasks.fields import FileInputField, FilesField, PictureField
from tasks.openapi.samples import ARCHIVE, PICTURE
from tasks.serializers import FlagField, PageSerializer, StrictSerializer, SubmitSerializer

MOST_PHOTOS = 10
SKEW = timedelta(minutes=5)  # between a client's clock and ours
CONSENT = ("consent_text", "consent_version", "consent_purpose", "consent_given_at")
PERSON = "6f0c1a52-3d2b-4b39-9a55-1f6f0f7c2d11"
CONSENT_EXAMPLE = {
    "consent_text": "I agree that my photo is turned into a face template to open the studio's door.",
    "consent_version": "2026-11",
    "consent_purpose": "access to the studio",
    "consent_given_at": "2026-11-21T09:30:00Z",
}


class ArchiveField(FileInputField):
    """A zip of photos."""

    recognise = staticmethod(archive)
    codes = (*FileInputField.codes, Code.INVALID_ARCHIVE)
    media_type = "application/zip"

    @property
    def most_bytes(self) -> int:
        return int(settings.MAX_ARCHIVE_BYTES)


class ConsentSerializer(serializers.Serializer[Any]):
    """The fields of a consent; a whole one or none."""

    consent_text = serializers.CharField(required=False, max_length=20_000, help_text="The words that the person agreed to.")
    consent_version = serializers.CharField(required=False, max_length=80, help_text="Of these words.")
    consent_purpose = serializers.CharField(required=False, max_length=400, help_text="What the person is enrolled for.")
    consent_given_at = serializers.DateTimeField(required=False, help_text="When the person agreed.")


def consent_in(given: dict[str, Any], *, needed: bool) -> dict[str, Any] | None:
    """The consent among the fields of a request, as it is stored. Raises ValidationError(`consent_needed`) for less than a whole one, and
    for none where one is needed."""
    missing = [name for name in CONSENT if given.get(name) is None]
    if len(missing) == len(CONSENT) and not needed:
        return None
    if missing:
        refused = serializers.ErrorDetail(gettext("Say what the person has agreed to."), code=Code.CONSENT_NEEDED)
        raise serializers.ValidationError({name: [refused] for name in missing})
    if given["consent_given_at"] > timezone.now() + SKEW:
        raise serializers.ValidationError({"consent_given_at": gettext("This time is still to come.")})
    return {
        "text": given["consent_text"],
        "version": given["consent_version"],
        "purpose": given["consent_purpose"],
        "given_at": timestamp(given["consent_given_at"]),
    }


def without_consent(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in CONSENT}


def gallery_field() -> serializers.RegexField:
    return serializers.RegexField(
        NAME, required=False, help_text=f"Its name; `{DEFAULT_GALLERY}` unless told. It is made when it is needed."
    )


class EnrolSerializer(SubmitSerializer, ConsentSerializer):
    photos = FilesField(child=PictureField(), min_length=1, max_length=MOST_PHOTOS, help_text="Of one person; three are better than one.")
    name = serializers.CharField(required=False, max_length=200, help_text="Of somebody new. It may be your own reference.")
    person = serializers.UUIDField(required=False, help_text="Somebody who is enrolled already, for further photos.")
    gallery = gallery_field()
    store = FlagField(required=False, help_text="True: keep the photos that were taken, shrunk, as the job's files.")
    example: ClassVar = {"photos": [PICTURE], "name": "member-4711", **CONSENT_EXAMPLE}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("name" in attrs) == ("person" in attrs):
            raise serializers.ValidationError({"name": gettext("Send either the name of somebody new or a person.")})
        if "person" in attrs and "gallery" in attrs:
            raise serializers.ValidationError({"gallery": gettext("A person stays in their gallery.")})
        attrs["consent"] = consent_in(attrs, needed="name" in attrs)
        return attrs

    def parameters(self) -> dict[str, Any]:
        given = without_consent(super().parameters())
        if "person" in given:
            return {**given, "person": str(given["person"])}
        return {"gallery": DEFAULT_GALLERY, **given}


class BulkEnrolSerializer(SubmitSerializer, ConsentSerializer):
    archive = ArchiveField(help_text="A folder for each person, or a file for each; its name is the person's.")
    gallery = gallery_field()
    example: ClassVar = {"archive": ARCHIVE, **CONSENT_EXAMPLE}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["consent"] = consent_in(attrs, needed=True)
        return attrs

    def parameters(self) -> dict[str, Any]:
        return {"gallery": DEFAULT_GALLERY, **without_consent(super().parameters())}


class IdentifySerializer(SubmitSerializer):
    photo = PictureField()
    gallery = gallery_field()
    purpose = serializers.CharField(required=False, max_length=400, help_text="What for; the installation's purpose unless told.")
    example: ClassVar = {"photo": PICTURE}

    def parameters(self) -> dict[str, Any]:
        return {"gallery": DEFAULT_GALLERY, **super().parameters()}


# -- results
class PersonRefSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)


REASONS = (
    "Those of `validate`; `other_person`, `already_enrolled`; or why the file is no picture, such as `truncated_image`. Empty if accepted."
)


class ShotSerializer(serializers.Serializer[Any]):
    accepted = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text=REASONS)
    distance = serializers.FloatField(
        min_value=0, allow_null=True, help_text="From the person as known, or from the middlemost of several photos of somebody new."
    )


class PhotoSerializer(ShotSerializer):
    photo = serializers.CharField(help_text="`photos_1` is the first.")
    next_step = serializers.CharField(allow_null=True, help_text="What the person should do, where a check failed.")
    checks = CheckSerializer(many=True)
    picture = PictureSerializer(allow_null=True)
    faces = FaceSerializer(many=True)


class EnrolResultSerializer(ResultSerializer):
    verdict = serializers.ChoiceField(choices=["enrolled", "refused"], help_text="Refused: no photo passed; nothing was kept.")
    person = PersonRefSerializer(allow_null=True)
    gallery = serializers.CharField()
    photos = PhotoSerializer(many=True)
    enrolled = serializers.IntegerField(min_value=0, help_text="Templates that were added.")
    templates = serializers.IntegerField(min_value=0, help_text="That the person has now.")
    example: ClassVar = {
        "verdict": "enrolled",
        "person": {"id": PERSON, "name": "member-4711"},
        "gallery": DEFAULT_GALLERY,
        "photos": [{"photo": "photos_1", "accepted": True, "reasons": [], "distance": None, "next_step": None, "checks": [], **FOUND}],
        "enrolled": 1,
        "templates": 1,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


class PackedSerializer(ShotSerializer):
    file = serializers.CharField(help_text="As the archive calls it.")
    person = serializers.UUIDField(allow_null=True)


class BulkPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    new = serializers.BooleanField()
    enrolled = serializers.IntegerField(min_value=1)


class BulkEnrolResultSerializer(ResultSerializer):
    gallery = serializers.CharField()
    people = BulkPersonSerializer(many=True)
    files = PackedSerializer(many=True)
    enrolled = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    example: ClassVar = {
        "gallery": DEFAULT_GALLERY,
        "people": [{"id": PERSON, "new": True, "enrolled": 1}],
        "files": [
            {"file": "Ann/1.jpg", "person": PERSON, "accepted": True, "reasons": [], "distance": None},
            {"file": "Ann/2.jpg", "person": PERSON, "accepted": False, "reasons": ["too_blurry"], "distance": None},
        ],
        "enrolled": 1,
        "refused": 1,
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


class CandidateSerializer(serializers.Serializer[Any]):
    person = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    distance = serializers.FloatField(min_value=0)
    verdict = serializers.ChoiceField(choices=["match", "unsure"])


class SoughtSerializer(FaceSerializer):
    """A face that was sought. Whoever is farther than `unsure` is not named."""

    verdict = serializers.ChoiceField(choices=["match", "unsure", "no_match"])
    distance = serializers.FloatField(min_value=0, allow_null=True, help_text="Of the nearest; null in an empty gallery.")
    margin = serializers.FloatField(allow_null=True, help_text="By how much the second nearest is farther; null where there is none.")
    threshold = ThresholdSerializer(help_text="For the nearest person's number of photos, in a gallery of this size.")
    candidates = CandidateSerializer(many=True)


class IdentifyResultSerializer(ResultSerializer):
    verdict = serializers.ChoiceField(choices=["match", "unsure", "no_match"], help_text="Of the first face, which is the main one.")
    gallery = serializers.CharField()
    gallery_size = serializers.IntegerField(min_value=0, help_text="People in it.")
    purpose = serializers.CharField()
    picture = PictureSerializer()
    faces = SoughtSerializer(many=True)
    example: ClassVar = {
        "verdict": "match",
        "gallery": DEFAULT_GALLERY,
        "gallery_size": 24,
        "purpose": "access to the studio",
        "picture": FOUND["picture"],
        "faces": [
            {
                **{name: value for face in [FOUND["faces"]] for name, value in dict(face[0]).items()},  # type: ignore[index]  # a list
                "verdict": "match",
                "distance": 0.3821,
                "margin": 0.2711,
                "threshold": {**THRESHOLD, "gallery_size": 24},
                "candidates": [{"person": PERSON, "name": "member-4711", "distance": 0.3821, "verdict": "match"}],
            }
        ],
        "landmarks": 5,
        "model_version": "dlib-hog-resnet-v1",
    }


# -- people
class PeopleFilterSerializer(PageSerializer):
    gallery = serializers.RegexField(NAME, required=False, help_text="Its name; all galleries unless told.")
    name = serializers.CharField(required=False, max_length=200, help_text="Exactly.")


class BodySerializer(StrictSerializer):
    """Of JSON, where a number is a number and a text a text."""

    def check_names(self, data: dict[str, Any]) -> None:
        super().check_names(data)
        self.refuse_mistyped(data)


class ReceiptFilterSerializer(PageSerializer):
    gallery = serializers.UUIDField(required=False, help_text="As receipts name it.")


class RenameSerializer(BodySerializer):
    name = serializers.CharField(max_length=200)


class MergeSerializer(BodySerializer):
    person = serializers.UUIDField(help_text="Who turned out to be this person. `If-Match` names the ETags of both.")


class SplitSerializer(BodySerializer, ConsentSerializer):
    templates = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)
    name = serializers.CharField(max_length=200, help_text="Of whoever they are of.")
    example: ClassVar = {"templates": [PERSON], "name": "member-4712", **CONSENT_EXAMPLE}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["consent"] = consent_in(attrs, needed=True)
        return attrs


class RejectSerializer(BodySerializer):
    job = serializers.UUIDField(help_text="Of yours, that answered with this person.")
    face = serializers.IntegerField(required=False, min_value=0, max_value=1000, help_text="Which of the result's `faces`; the first is 0.")


class GallerySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    people = serializers.IntegerField(min_value=0)
    created_at = serializers.DateTimeField()


class GalleriesSerializer(serializers.Serializer[Any]):
    results: Any = GallerySerializer(many=True)


class ErasedLinksSerializer(serializers.Serializer[Any]):
    receipts = serializers.CharField()


class ErasedGallerySerializer(serializers.Serializer[Any]):
    gallery = serializers.UUIDField(help_text="As receipts name it.")
    name = serializers.CharField()
    receipts = serializers.ListField(child=serializers.UUIDField(), help_text="One for each person who is erased already.")
    more = serializers.BooleanField(help_text="Whether somebody is left, whom the service erases by itself.")
    links = ErasedLinksSerializer()


class PersonLinksSerializer(serializers.Serializer[Any]):
    self = serializers.CharField()
    history = serializers.CharField()
    merge = serializers.CharField()
    split = serializers.CharField()
    rejections = serializers.CharField()


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    gallery = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    merged_into = serializers.UUIDField(allow_null=True, help_text="Whom this record counts as.")
    photos = serializers.IntegerField(min_value=0, help_text="Templates of this record.")
    created_at = serializers.DateTimeField()
    last_contact_at = serializers.DateTimeField(help_text="From here retention counts.")
    etag = serializers.CharField(help_text="For `If-Match`.")
    links = PersonLinksSerializer()


class TemplateSerializer(serializers.Serializer[Any]):
    """That there is one; what it holds is told to nobody."""

    id = serializers.UUIDField()
    job = serializers.UUIDField()
    face_pixels = serializers.FloatField(min_value=0)
    created_at = serializers.DateTimeField()


class ConsentDocumentSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    version = serializers.CharField()
    purpose = serializers.CharField()
    given_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()


class ChangeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    what = serializers.ChoiceField(choices=["merge", "split"])
    source = serializers.UUIDField(  # type: ignore[assignment]  # a field of this name
        help_text="Who was merged into the other, or whom templates were split from."
    )
    target = serializers.UUIDField()
    templates = serializers.ListField(child=serializers.UUIDField(), help_text="Of a split.")
    at = serializers.DateTimeField()
    undone_at = serializers.DateTimeField(allow_null=True)
    undo = serializers.CharField()


class RejectionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    job = serializers.UUIDField()
    face = serializers.IntegerField(min_value=0)
    at = serializers.DateTimeField()


class RejectionsSerializer(serializers.Serializer[Any]):
    results: Any = RejectionSerializer(many=True)


class WholePersonSerializer(PersonSerializer):
    templates = TemplateSerializer(many=True)
    consents = ConsentDocumentSerializer(many=True)
    changes = ChangeSerializer(many=True)


class PeoplePageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")
    previous = serializers.CharField(allow_null=True)
    results: Any = PersonSerializer(many=True)


class ReadingSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    operation = serializers.ChoiceField(choices=["verify", "identify", "enrol", "bulk_enrol"])
    scope = serializers.ChoiceField(choices=["person", "gallery"], help_text="Whose templates were read.")
    purpose = serializers.CharField(allow_blank=True)
    job = serializers.UUIDField()
    key = serializers.IntegerField(allow_null=True, help_text="The number of the API key; null for a person at a page.")
    answered = serializers.BooleanField(help_text="Whether the answer named this person.")


class ReadingsSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")
    previous = serializers.CharField(allow_null=True)
    results: Any = ReadingSerializer(many=True)


class CountsSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(min_value=1)
    templates = serializers.IntegerField(min_value=0)
    consents = serializers.IntegerField(min_value=0)
    rejections = serializers.IntegerField(min_value=0)
    readings = serializers.IntegerField(min_value=0)
    jobs = serializers.IntegerField(min_value=0)
    files = serializers.IntegerField(min_value=0)
    keys = serializers.IntegerField(min_value=1)


class BackupsSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=0)
    gone_by = serializers.DateTimeField()
    templates_readable = serializers.BooleanField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """What was erased, and nothing of whom. `signature` is Ed25519 over the rest as JSON: keys sorted, no spaces, UTF-8."""

    receipt = serializers.UUIDField()
    number = serializers.IntegerField(min_value=1)
    previous = serializers.CharField(help_text="SHA-256 of the receipt before, signed part alone; zeros for the first.")
    erased_at = serializers.DateTimeField()
    what = serializers.CharField()
    reason = serializers.ChoiceField(choices=["request", "retention", "gallery"])
    gallery = serializers.UUIDField()
    people = serializers.ListField(child=serializers.UUIDField())
    jobs = serializers.ListField(child=serializers.UUIDField())
    counts = CountsSerializer()
    backups = BackupsSerializer(help_text="Of the database: templates in them can be read no more, names until they are gone.")
    signature = serializers.CharField()


class ReceiptPageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")
    previous = serializers.CharField(allow_null=True)
    results: Any = ReceiptSerializer(many=True)
