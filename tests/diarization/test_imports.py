from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import django, sys
django.setup()
import diarization.kind, diarization.serializers, diarization.views, diarization.urls
print(*sorted({"av", "numpy", "pyannote", "scipy", "torch", "torchaudio"} & set(sys.modules)))
"""


def test_the_web_side_imports_no_model_package() -> None:
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": "fitsize.settings"}
    )
    assert found.stdout.split() == []
