from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


@pytest.fixture
def page() -> str:
    return Client().get("/api/docs").content.decode()


def test_the_page_holds_no_script_or_style_of_its_own(page: str) -> None:
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page) == []


def test_what_the_page_needs_is_served_from_here(page: str) -> None:
    needed = re.findall(r"(?:href|src)=\"([^\"]+)\"", page)
    assert len(needed) == 5
    assert all(finders.find(address.removeprefix("/static/")) for address in needed)
    assert "schema" in page


def test_the_page_may_run_scripts_of_this_machine_alone() -> None:
    policy = Client().get("/api/docs")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
