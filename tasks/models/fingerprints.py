"""What was asked, as one word that tells nothing: HMACs under the installation's secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from django.utils.crypto import salted_hmac

from tasks.kinds import Kind


class Hashed(Protocol):
    """A file whose content is known by its hash: an upload, or a stored input."""

    @property
    def sha256(self) -> str: ...


def of_input(kind: Kind, operation: str, parameters: dict[str, Any], files: Mapping[str, Hashed]) -> str:
    """What a model of this version was given."""
    return _hmac("tasks.quarantine", [kind.name, operation, kind.model_version, parameters, _contents(files)])


def of_request(parameters: dict[str, Any], options: dict[str, Any], files: Mapping[str, Hashed]) -> str:
    """What a client asked for, whatever the model."""
    return _hmac("tasks.idempotency", [parameters, options, _contents(files)])


def _contents(files: Mapping[str, Hashed]) -> dict[str, str]:
    return {role: file.sha256 for role, file in files.items()}


def _hmac(salt: str, said: list[Any]) -> str:
    return salted_hmac(salt, json.dumps(said, sort_keys=True), algorithm="sha256").hexdigest()
