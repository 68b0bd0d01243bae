"""What is said of selfies, in the reader's language; results are stored in English."""

from __future__ import annotations

from typing import Any

from tasks.languages import translated


def judged(result: dict[str, Any]) -> dict[str, Any]:
    """A result of `validate`."""
    checks = [{**check, "hint": check["hint"] and translated(check["hint"])} for check in result["checks"]]
    return {**result, "next_step": result["next_step"] and translated(result["next_step"]), "checks": checks}


def challenged(result: dict[str, Any]) -> dict[str, Any]:
    """A result of `challenge`."""
    lists = {name: [translated(text) for text in result[name]] for name in ("stops", "does_not_stop")}
    return {**result, "next_step": result["next_step"] and translated(result["next_step"]), **lists}


def enrolled(result: dict[str, Any]) -> dict[str, Any]:
    """A result of `enrol`."""
    return {**result, "photos": [judged(photo) for photo in result["photos"]]}
