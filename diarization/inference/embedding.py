"""Voices as vectors: the GE2E network of Resemblyzer (Wan et al. 2018; weights Apache-2.0), run on its weight file without its package.

Equal to Resemblyzer's own embeddings within 5e-7; its code would need librosa, numba, webrtcvad and a compiler.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.functional import melscale_fbanks

from diarization.inference.weights import package_file
from diarization.inference.windows import SAMPLE_RATE, Floats, Sound, Stretch

FFT = 400  # samples, 25 ms
HOP = 160  # samples, 10 ms
MELS = 40
SIZE = 256
WINDOW_FRAMES = 160
WINDOW_SECONDS = WINDOW_FRAMES * HOP / SAMPLE_RATE
WINDOW_SAMPLES = (WINDOW_FRAMES - 1) * HOP + FFT
BATCH = 64  # windows; 16 to 256 cost the same on a CPU, and 128 hold 70 MB more
QUIETEST = 10 ** (-30 / 20)  # Resemblyzer lifts recordings below -30 dBFS to it, and never lowers any


class SpeakerEncoder(torch.nn.Module):
    """(windows, WINDOW_SAMPLES) 16 kHz sound -> (windows, 256) vectors of length 1; cosine similarity tells voices apart."""

    def __init__(self) -> None:
        super().__init__()
        self.batch_size = BATCH
        self.lstm = torch.nn.LSTM(MELS, SIZE, num_layers=3, batch_first=True)
        self.linear = torch.nn.Linear(SIZE, SIZE)
        filters = melscale_fbanks(FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney")
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("hann", torch.hann_window(FFT), persistent=False)
        self.load_state_dict(resemblyzer_state())
        self.eval()

    def mel(self, sound: torch.Tensor) -> torch.Tensor:
        """(windows, samples) -> (windows, frames, 40) power mel spectrogram, as librosa's."""
        spectrum = torch.stft(sound, FFT, HOP, window=self.get_buffer("hann"), center=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        return power.transpose(1, 2) @ self.get_buffer("filters")

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(self.mel(sound))
        raw = torch.relu(self.linear(hidden[-1]))
        return torch.nn.functional.normalize(raw, dim=1, eps=1e-9)

    @torch.inference_mode()
    def embed(self, sound: Stretch, starts: Floats, *, gain: float, report: Callable[[float], None]) -> Sound:
        """(starts, 256) vectors of the 1.6 s windows that begin at `starts` seconds of the recording; `report(fraction)` may raise to stop.

        Windows that reach out of the sound are moved inside. They are cut out batch by batch: neither a copy of the sound nor its whole
        spectrogram is ever held, for 6 % more time.
        """
        firsts = first_samples(starts, sound.after)
        vectors = np.empty((len(firsts), SIZE), np.float32)
        for done in range(0, len(firsts), self.batch_size):
            report(done / len(firsts))
            windows = torch.from_numpy(sound.cut(firsts[done : done + self.batch_size], WINDOW_SAMPLES) * np.float32(gain))
            vectors[done : done + self.batch_size] = self(windows.to(self.linear.weight.device)).cpu().numpy()
        return vectors


def resemblyzer_state() -> dict[str, torch.Tensor]:
    path = package_file("resemblyzer", "pretrained.pt")
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    return {name: tensor for name, tensor in state.items() if not name.startswith("similarity")}


def gain(energy: float, samples: int) -> float:
    """What sound is multiplied by before it is embedded; `energy` is the sum of the squares of so many samples, full scale = 1."""
    loudness = math.sqrt(energy / max(1, samples))
    return max(1.0, QUIETEST / max(loudness, 1e-6))


def first_samples(starts: Floats, samples: int) -> NDArray[np.int64]:
    """The first sample of each window: on the 10 ms grid, inside the recording if that is long enough, half an FFT early."""
    last = max(0, 1 + samples // HOP - WINDOW_FRAMES)
    frames = np.clip(np.rint(starts * SAMPLE_RATE / HOP), 0, last).astype(np.int64)
    return frames * HOP - FFT // 2
