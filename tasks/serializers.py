"""What a submit may contain; an app's serializer says which files and parameters."""

from __future__ import annotations

from copy import copy, deepcopy
from itertools import islice
from typing import Any, ClassVar

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from rest_framework import serializers

from tasks.fields import FileInputField, FilesField, of_files
from tasks.languages import sentence, translated
from tasks.models import Priority, State
from tasks.uploads import Upload
from tasks.webhooks.serializers import WebhookUrlField

LONGEST_EXPIRY_SECONDS = 7 * 86_400
AROUND_FILES_BYTES = 1_000_000
MOST_JOBS = 200  # in a page of a list
NAME = r"^[a-z0-9_]{1,40}$"  # of a kind or an operation
MOST_NAMED = 5  # unknown fields that an answer names: a request may hold a hundred thousand


def printable(name: str) -> str:
    return name[:80].encode(errors="replace").decode()


def nests(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    return hasattr(field, "child") or isinstance(field, serializers.BaseSerializer)


def holds_files(value: Any) -> bool:
    return isinstance(value, Upload) or (isinstance(value, list) and bool(value) and isinstance(value[0], Upload))


class FlagField(serializers.BooleanField):
    """A form without it means its default too: to DRF that is an unticked box."""

    default_empty_html = serializers.empty


def mistyped(field: serializers.Field[Any, Any, Any, Any], value: Any) -> bool:
    """Whether JSON has no such value for this field. DRF takes a form's words for numbers and truth from anybody."""
    if isinstance(field, serializers.BooleanField):
        return not isinstance(value, bool)
    if isinstance(field, serializers.CharField):
        return not isinstance(value, str)
    return isinstance(field, serializers.IntegerField | serializers.FloatField) and isinstance(value, str | bool)


class StrictSerializer(serializers.Serializer[Any]):
    """An unknown field is refused: a mistake."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """DRF makes each declared field anew, a tenth of a submit's cost; a field without fields of its own needs a copy only."""
        return {name: deepcopy(field) if nests(field) else copy(field) for name, field in self._declared_fields.items()}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self.check_names(data)
        return super().to_internal_value(data)

    def check_names(self, data: dict[str, Any]) -> None:
        self.refuse_unknown(data)

    def refuse_unknown(self, data: dict[str, Any]) -> None:
        unknown = islice((name for name in data if name not in self.fields), MOST_NAMED)
        known = ", ".join(self.fields)
        if named := [printable(name) for name in unknown]:
            raise serializers.ValidationError(dict.fromkeys(named, translated(self.refusal(known))))

    def refuse_mistyped(self, data: dict[str, Any]) -> None:
        if wrong := [name for name, value in data.items() if value is not None and mistyped(self.fields[name], value)]:
            raise serializers.ValidationError({name: self.fields[name].error_messages["invalid"] for name in wrong})

    def refusal(self, known: str) -> str:
        return sentence("There is no such field; the fields are %(known)s.", known=known)


class SubmitSerializer(StrictSerializer):
    """Files become the job's inputs, named by their field; all other fields its parameters, except the options that every job has. In JSON
    a number is a number, and true is true."""

    expires_in = serializers.IntegerField(
        required=False, min_value=1, max_value=LONGEST_EXPIRY_SECONDS, help_text="Seconds in which the job must start, or it expires."
    )
    priority = serializers.ChoiceField(
        choices=[str(priority.label).lower() for priority in Priority],
        required=False,
        help_text="`batch` is served only while nothing interactive waits. Default: interactive.",
    )
    keep_input = FlagField(
        required=False, default=True, help_text="False: the files that were sent are deleted when the job ends, whatever its kind's rule."
    )

    callback_url = WebhookUrlField(required=False, help_text="The address of a webhook that is told of the job's end.")

    def check_names(self, data: dict[str, Any]) -> None:
        super().check_names(data)
        self.refuse_misplaced(data)
        if isinstance(data, MultiValueDict):
            self.refuse_repeated(data)
        else:
            self.refuse_mistyped(data)

    def refuse_misplaced(self, data: dict[str, Any]) -> None:
        """A file where a word is expected would count by its name."""
        plain = [name for name, field in self.fields.items() if not of_files(field)]
        if misplaced := [name for name in plain if hasattr(data.get(name), "chunks")]:
            raise serializers.ValidationError(dict.fromkeys(misplaced, gettext("This field is not a file.")))

    def refuse_repeated(self, form: MultiValueDict[str, Any]) -> None:
        """Of several only the last would count."""
        single = [name for name, field in self.fields.items() if not isinstance(field, FilesField)]
        if repeated := [name for name in single if len(form.getlist(name)) > 1]:
            raise serializers.ValidationError(dict.fromkeys(repeated, gettext("Send this field once.")))

    def uploads(self) -> dict[str, Upload]:
        """By role: the name of a field, with a number where it took several."""
        found: dict[str, Upload] = {}
        for name, value in self.validated_data.items():
            if isinstance(value, Upload):
                found[name] = value
            elif holds_files(value):
                found |= {f"{name}_{number}": upload for number, upload in enumerate(value, 1)}
        return found

    def parameters(self) -> dict[str, Any]:
        sent = {name: value for name, value in self.validated_data.items() if name not in SubmitSerializer._declared_fields}
        return {name: value for name, value in sent.items() if not holds_files(value) and value is not None}

    def options(self) -> dict[str, Any]:
        """What `Job.objects.submit` wants to know besides."""
        given = self.validated_data
        priority = Priority[given.get("priority", "interactive").upper()]
        return {
            "expires_in": given.get("expires_in"),
            "keep_input": given["keep_input"],
            "priority": priority,
            "callback_url": given.get("callback_url", ""),
        }

    def most_bytes(self) -> int:
        """Of a multipart body: its largest files, and what stands around them."""
        return (
            sum(field.most_bytes for field in self.fields.values() if isinstance(field, FileInputField | FilesField)) + AROUND_FILES_BYTES
        )

    def units(self) -> float:
        """How much work this is, in the operation's unit."""
        return sum(upload.units for upload in self.uploads().values())


class StatesField(serializers.Field[list[str], str, Any, Any]):
    """States, separated by commas."""

    def to_internal_value(self, data: str) -> list[str]:
        named = data.split(",")
        if unknown := [printable(name) for name in named if name not in State.values][:MOST_NAMED]:
            names, known = ", ".join(unknown), ", ".join(State.values)
            said = sentence("There is no state %(unknown)s; the states are %(known)s.", unknown=names, known=known)
            raise serializers.ValidationError(translated(said))
        return named


class PageSerializer(StrictSerializer):
    """Which part of a list is asked for. A filter that is misspelt would show everything: it is refused."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_JOBS, help_text="Entries of a page; 50 unless told.")
    cursor = serializers.RegexField(r"^[A-Za-z0-9+/=]+$", required=False, help_text="Out of a page's `next`.")

    def refusal(self, known: str) -> str:
        return sentence("There is no such filter; there are %(known)s.", known=known)


class JobFilterSerializer(PageSerializer):
    """Which of one's jobs a list shows; what is not given does not count."""

    kind = serializers.RegexField(NAME, required=False)
    operation = serializers.RegexField(NAME, required=False)
    state = StatesField(required=False, help_text="One or several, separated by commas.")
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)

    LOOKUPS: ClassVar = {"state": "state__in", "created_after": "created_at__gt", "created_before": "created_at__lt"}

    def conditions(self) -> Q:
        """As a query set wants them. Without the succeeded, in the words of an index that leaves those out: who has a million of them
        finds the five that failed at once."""
        given = {name: value for name, value in self.validated_data.items() if name not in ("limit", "cursor")}
        wanted = Q(**{self.LOOKUPS.get(name, name): value for name, value in given.items()})
        return wanted if State.SUCCEEDED in given.get("state", [State.SUCCEEDED]) else wanted & ~Q(state=State.SUCCEEDED)
