"""How a line of the log reads: `logfmt` or JSON, the same facts in both."""

from __future__ import annotations

import logging

import structlog
from structlog.types import Processor

FIRST = ("timestamp", "level", "logger", "event")


def formatter(form: str) -> logging.Formatter:
    """For the standard library's records: what a call gave as `extra` become fields. Raises KeyError for another form."""
    renderers: dict[str, Processor] = {
        "logfmt": structlog.processors.LogfmtRenderer(key_order=FIRST, drop_missing=True, bool_as_flag=False),
        "json": structlog.processors.JSONRenderer(),
    }
    facts: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=facts, processors=[*last, renderers[form]])
