from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.test_house import ROOT

ASK = """
import django
django.setup()
from django.test import Client
print(Client().get("/api/schema", headers={"host": "localhost"}).content.decode())
"""


def test_an_installation_with_one_kind_has_and_describes_the_addresses_of_that_kind_alone(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FITSIZE_DATA": str(tmp_path),
        "INFERENCE_KINDS": "faces.kind.KIND",
        "DJANGO_SETTINGS_MODULE": "fitsize.settings",
    }
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    paths = json.loads(done.stdout)["paths"]
    submits = {address for address, methods in paths.items() if methods.get("post", {}).get("operationId", "").startswith("submit")}
    assert submits == {f"/api/v1/faces/{name}" for name in ("validate", "verify", "challenge", "enrol", "identify", "import")}
