"""A garment's measurements as a table."""

from __future__ import annotations

from typing import Any

from tasks.tables import csv_text

COLUMNS = ["name", "cm", "plus_minus_cm", "px", "approximate", "estimated"]


def csv(result: dict[str, Any], job: str) -> str:
    return csv_text(COLUMNS, [[measured[column] for column in COLUMNS] for measured in result["measurements"]])
