"""The rules of the house that a program can check."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.errors import FACTS, Code
from tasks.kinds import kinds

ROOT = Path(__file__).resolve().parent.parent
MODEL_PACKAGES = ("torch", "torchaudio", "dlib", "cv2", "av", "pyannote", "face_recognition", "pillow_heif", "silero_vad", "numpy", "scipy")
PAGES = [path for path in sorted(ROOT.rglob("*.md")) if not re.search(r"/(var|node_modules|\.[^/]+)/", f"/{path.relative_to(ROOT)}")]
LOAD_WEB = """
import sys
from fitsize.asgi import application
from django.urls import get_resolver
assert get_resolver().url_patterns
print(*(name for name in {packages!r} if name in sys.modules))
"""


def test_the_web_process_imports_no_model_package(tmp_path: Path) -> None:
    code = LOAD_WEB.format(packages=MODEL_PACKAGES)
    environment = {"FITSIZE_DATA": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_engine_knows_no_kind_by_name() -> None:
    names = [name for name in kinds() if name != "fakes"]
    assert len(names) == 3
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "tasks").rglob("*.py")
        for name in names
        if re.search(rf"\b{name}[.:/]kind|[\"']{name}[\"']|(?:import|from) {name}\b", path.read_text())
    ]
    assert found == []


def test_a_fourth_kind_needs_one_line_in_settings_and_one_in_urls() -> None:
    settings = (ROOT / "tests/settings.py").read_text()
    urls = (ROOT / "tests/urls.py").read_text()
    assert settings.count("tests.fakes") == 1
    assert urls.count("tests.fakes") == 1
    assert "fakes" in kinds()


def test_every_code_has_its_facts_and_stands_in_the_docs() -> None:
    page = (ROOT / "docs/api.md").read_text()
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", page, re.MULTILINE))
    assert set(FACTS) == set(Code)
    assert {str(code) for code in Code} <= listed


def test_every_setting_from_the_environment_stands_in_the_docs() -> None:
    names = re.findall(r"env\.\w+\(\"([A-Z_]+)\"", (ROOT / "fitsize/settings.py").read_text())
    page = (ROOT / "docs/operations.md").read_text()
    assert [name for name in sorted(set(names)) if f"`{name}`" not in page] == []


def plain(pattern: str) -> str:
    """`api/v1/jobs/{}` of a pattern with converters or regular expressions."""
    pattern = re.sub(r"\(\?P<\w+>.*?\)(?=/|\$$)", "{}", pattern)
    return re.sub(r"<\w+:\w+>", "{}", pattern).replace("^", "").removesuffix("$")


def test_every_address_stands_in_the_docs() -> None:
    from django.urls import URLPattern, get_resolver

    page = (ROOT / "docs/api.md").read_text()

    def patterns(entries: Sequence[object], before: str = "") -> list[str]:
        found: list[str] = []
        for entry in entries:
            if getattr(entry, "namespace", "") == "admin":  # its pages are Django's
                continue
            text = before + str(entry.pattern)  # type: ignore[attr-defined]  # patterns and resolvers share no public base
            found += [text] if isinstance(entry, URLPattern) else patterns(entry.url_patterns, text)  # type: ignore[attr-defined]  # as above
        return found

    raw = [text for text in patterns(get_resolver().url_patterns) if not {"fakes", "shout"} & set(re.findall(r"\w+", text))]
    addresses = ["/" + plain(text) for text in raw]
    page = re.sub(r"\{\w+\}", "{}", page)
    assert [address for address in addresses if address not in page] == []


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_links_inside_the_docs_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
