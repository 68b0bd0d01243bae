"""A garment in other formats than JSON: its measurements as a table, its points as COCO keypoints."""

from __future__ import annotations

import json
from typing import Any

from keypoints.coco import dataset
from tasks.tables import csv_text

COLUMNS = ["name", "value_cm", "plus_minus_cm", "value_px", "quality", "definition", "approximate", "derived"]


def csv(result: dict[str, Any], job: str) -> str:
    return csv_text(COLUMNS, [[measured[column] for column in COLUMNS] for measured in result["measurements"]])


def coco(result: dict[str, Any], job: str) -> str:
    """COCO keypoints of this one garment; its picture is called as `manage.py export_corrections` calls it."""
    return json.dumps(dataset([(f"{job}.jpg", result)]))
