"""A correction of `speak`: a speaker gets another name."""

from __future__ import annotations

from typing import Any

from tasks.errors import Code, InvalidInput


def rename(result: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Raises InvalidInput for a speaker who does not speak."""
    if patch["speaker"] not in result["speakers"]:
        raise InvalidInput(Code.INVALID_REQUEST, "Nobody of this name speaks.")
    return {**result, "speakers": [patch["name"] if name == patch["speaker"] else name for name in result["speakers"]]}
