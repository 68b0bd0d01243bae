"""What a submit may contain; an app's serializer says which files and parameters."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tasks.uploads import Upload


class SubmitSerializer(serializers.Serializer[Any]):
    """Files become the job's inputs, named by their field; all other fields its parameters. An unknown field is refused: a mistake."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self.refuse_unknown(data)
        return super().to_internal_value(data)

    def refuse_unknown(self, data: dict[str, Any]) -> None:
        known = ", ".join(self.fields)
        if unknown := [name for name in data if name not in self.fields]:
            raise serializers.ValidationError(dict.fromkeys(unknown, f"There is no such field; the fields are {known}."))

    def uploads(self) -> dict[str, Upload]:
        return {name: value for name, value in self.validated_data.items() if isinstance(value, Upload)}

    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in self.validated_data.items() if not isinstance(value, Upload) and value is not None}

    def units(self) -> float:
        """How much work this is, in the operation's unit."""
        return sum(upload.units for upload in self.uploads().values())
