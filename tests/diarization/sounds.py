"""Recordings made for tests, in any format."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from diarization.inference.decoding import Recording

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    sound: Sound
    blocks: int
    recording: Recording

    @property
    def seconds(self) -> float:
        return len(self.sound) / 16_000

    @property
    def complete(self) -> bool:
        return self.recording.complete


def decoded(content: bytes, *, max_seconds: float = 100, block_seconds: float = 100, channel: int | None = None) -> Decoded:
    """A file's sound in one piece."""
    recording = Recording(io.BytesIO(content), max_seconds=max_seconds, block_seconds=block_seconds, channel=channel)
    blocks = [block.copy() for block in recording.blocks()]
    return Decoded(np.concatenate(blocks), len(blocks), recording)


def tone(seconds: float, *, hertz: float = 440.0) -> Sound:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16_000)) / 16_000)).astype(np.float32)


def noise(seconds: float) -> Sound:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))).astype(np.float32)


def wav(sound: Sound, *, rate: int = 16_000, channels: int = 1) -> bytes:
    """16-bit WAV of mono sound that is already at `rate`, the same on each channel."""
    return wav_of(*[sound] * channels, rate=rate)


def wav_of(*channels: Sound, rate: int = 16_000) -> bytes:
    """16-bit WAV with a sound for each channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(channels))
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.stack(channels, axis=1) * 32_767).round().astype("<i2").tobytes())
    return file.getvalue()


def encoded(sound: Sound, container: str, codec: str, *, rate: int, layout: str = "mono") -> bytes:
    """16 kHz mono sound in another container, coding, rate and channel layout."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast(AudioStream, output.add_stream(codec, rate=rate, layout=layout))
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = 16_000, Fraction(1, 16_000), 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()
