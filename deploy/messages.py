"""Gather every sentence that a client may read into fitsize/locale/*/LC_MESSAGES/django.po, and compile: `make messages`.

A sentence stands in the code as the first text of one of the calls below; one that is put together there (an f-string) is an error, since
no catalogue can hold it. Translations that are there stay; what is new is empty, and a test says so.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CODE = ["tasks", "keypoints", "faces", "diarization", "fitsize"]
LOCALES = ROOT / "fitsize/locale"
LANGUAGES = ["fr"]
BEGIN = datetime(2026, 11, 21, tzinfo=UTC)  # one date for ever: two runs write the same file
TEXT_AT = {"sentence": 0, "gettext": 0, "gettext_lazy": 0, "CodeFacts": 1, "InvalidInput": 1, "Problem": 1, "Refused": 1, "warning": 1}
TEXT_AT |= {"answer": 1, "fail": 1, "document": 1, "refusal": 2, "TooLarge": 0, "NotFound": 0, "ParseError": 0, "ValidationError": 0}
TEXT_AT |= {"AuthenticationFailed": 0, "PermissionDenied": 0, "ForbiddenAddress": 0, "NoAddress": 0}


class PutTogether(Exception):
    """A sentence that no catalogue can hold."""


def sentences(path: Path) -> Iterator[str]:
    """Every sentence of a file. Raises PutTogether, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for argument in node.args[TEXT_AT.get(name, len(node.args)) :][:1]:
                yield from texts(argument, path)


def texts(node: ast.expr, path: Path) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        raise PutTogether(f"{path}:{node.lineno}: use sentence() for a text with values")
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from texts(value, path)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def gathered() -> Catalog:
    catalog = Catalog(project="FitSize", charset="utf-8", fuzzy=False, creation_date=BEGIN)
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        for text in sentences(path):
            catalog.add(text, locations=[(str(path.relative_to(ROOT)), 0)])
    return catalog


def po_file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES/django.po"


def read(language: str) -> Catalog:
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language, project="FitSize", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    binary = BytesIO()
    write_mo(binary, catalog)
    return binary.getvalue()


def main() -> None:
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(gathered(), no_fuzzy_matching=True)
        path = po_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalog, sort_output=True, include_lineno=False, ignore_obsolete=True, width=0)
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        missing = [str(message.id) for message in catalog if message.id and not message.string]
        print(f"{language}: {len(catalog)} sentences, {len(missing)} without a translation", *missing, sep="\n  ")


if __name__ == "__main__":
    try:
        main()
    except PutTogether as wrong:
        sys.exit(str(wrong))
