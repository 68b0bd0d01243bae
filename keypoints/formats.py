"""A garment's measurements as a table."""

from __future__ import annotations

from typing import Any

from tasks.tables import csv_text

COLUMNS = ["name", "value_cm", "plus_minus_cm", "value_px", "quality", "definition", "approximate", "derived"]


def csv(result: dict[str, Any], job: str) -> str:
    return csv_text(COLUMNS, [[measured[column] for column in COLUMNS] for measured in result["measurements"]])
