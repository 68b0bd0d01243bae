"""Formats of the results of `speak`."""

from __future__ import annotations

from typing import Any

from tasks.tables import csv_text


def csv(result: dict[str, Any], job: str) -> str:
    return csv_text(["speaker"], [[name] for name in result["speakers"]])


def svg(result: dict[str, Any], job: str) -> str:
    """With a script inside."""
    return f'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><text>{result["speakers"]}</text></svg>'


def binary(result: dict[str, Any], job: str) -> bytes:
    return bytes(len(result["speakers"]))
