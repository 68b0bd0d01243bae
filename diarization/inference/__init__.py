"""Everything of diarization that imports torch, av or pyannote; only workers, tests, benchmarks and evaluation import from here."""

import os

from diarization.inference.torchaudio_shim import ensure_torchaudio

# Before anything here can import pyannote.audio: it reports its use to otel.pyannote.ai unless told otherwise when it is imported,
# and it imports torchaudio.
os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
ensure_torchaudio()
