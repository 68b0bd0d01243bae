"""`manage.py verify_receipt FILE [--key FILE]`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from faces import receipts


class Command(BaseCommand):
    help = "Check the signature of an erasure's receipt (as DELETE answered it), and show what the next receipt names it by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the receipt as JSON")
        parser.add_argument("--key", type=Path, help="the public key as PEM; default: this installation's")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_text())
            pem = options["key"].read_text() if options["key"] else receipts.public_key_pem()
        except (OSError, ValueError) as error:
            raise CommandError(f"it cannot be read: {error}") from None
        if not isinstance(document, dict):
            raise CommandError("the file is no receipt")
        try:
            receipts.verify(document, pem)
        except receipts.Forged:
            raise CommandError("the signature does not hold: the receipt was changed, or another key signed it") from None
        self.stdout.write(f"good: receipt {document.get('number')} of {document.get('erased_at')}\nsha256 {receipts.sha256(document)}")
