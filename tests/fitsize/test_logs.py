from __future__ import annotations

import json
import logging
import sys

import pytest

from fitsize.logs import formatter


def record(**extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "tasks.models.jobs", "levelname": "INFO", "levelno": logging.INFO, "msg": "succeeded"})
    made.__dict__.update(extra)
    return made


def test_a_line_begins_with_time_level_logger_and_event_and_names_every_fact() -> None:
    line = formatter("logfmt").format(record(job="abc", cause="the memory limit"))
    assert line.startswith("timestamp=")
    assert line.endswith('level=info logger=tasks.models.jobs event=succeeded job=abc cause="the memory limit"')


def test_the_same_facts_as_json() -> None:
    line = json.loads(formatter("json").format(record(job="abc", attempt=2)))
    assert (line["event"], line["level"], line["job"], line["attempt"]) == ("succeeded", "info", "abc", 2)


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_traceback_stays_in_its_line(form: str) -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        line = formatter(form).format(record(exc_info=sys.exc_info()))
    assert "\n" not in line
    assert "RuntimeError: broken" in line


def test_what_is_to_be_silent_has_a_handler_that_says_nothing() -> None:
    """Without any Python writes it to stderr, traceback and all: for anybody who sends a host name that is none."""
    handlers = logging.getLogger("django.security.DisallowedHost").handlers
    assert logging.NullHandler in [type(handler) for handler in handlers]
