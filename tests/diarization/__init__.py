import diarization.inference  # noqa: F401  # makes torchaudio importable and pyannote.audio silent, before a module here imports those
