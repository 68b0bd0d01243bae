"""Any recording a phone writes -> 16 kHz mono, by PyAV (FFmpeg), in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from diarization.inference.windows import SAMPLE_RATE, Sound
from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

# FFmpeg's names of the containers it may recognise. Others are refused unread: a play list (hls, concat) would make it open other files
# and addresses.
CONTAINERS = "wav,w64,aiff,caf,flac,mp3,aac,ogg,matroska,webm,mov,mp4,m4a,3gp,amr"
RATES = range(2_000, 768_001)  # Hz; outside, one frame could grow to gigabytes in resampling, or need gigantic filters
LOUDEST = 32_768.0  # floats may exceed full scale (1.0), even be written as if they were 16-bit integers; beyond that they are damaged
DECLARING = {"flac", "mov,mp4,m4a,3gp,3g2,mj2"}  # containers whose declared length is exact; an mp3's is often an estimate
TOLERANCE_SECONDS = 0.3  # the padding of two AAC frames at 8 kHz


@dataclass(frozen=True)
class Recording:
    """`sound` is 16 kHz mono float32, usually within -1..1; not `complete` if some of the file could not be decoded."""

    sound: Sound
    complete: bool

    @property
    def seconds(self) -> float:
        return len(self.sound) / SAMPLE_RATE


def decode(file: BinaryIO, *, max_seconds: float) -> Recording:
    """Read the first sound track of a file, with its channels mixed into one.

    Memory grows to the decoded sound, 64 kB a second, and no further: longer sound than `max_seconds` ends the work.
    A damaged or cut file gives what can be decoded. Raises InvalidInput("invalid_audio" | "too_long").
    """
    cut_short = riff_is_cut(file)
    try:
        options = {"format_whitelist": CONTAINERS}
        with av.open(file, mode="r", options=options, metadata_errors="ignore") as container:
            recording = read(container, max_seconds)
    except av.FFmpegError as error:
        raise InvalidInput(Code.INVALID_AUDIO, "The file is not a recording in a format that can be read.") from error
    if not len(recording.sound):
        raise InvalidInput(Code.INVALID_AUDIO, "The file holds no sound that can be decoded.")
    return Recording(recording.sound, complete=recording.complete and not cut_short)


def riff_is_cut(file: BinaryIO) -> bool:
    """True if a WAV file is shorter than its header says, which FFmpeg passes over. Live streams write 0 or 2^32 - 1."""
    head = file.read(12)
    size = file.seek(0, 2)
    file.seek(0)
    declared = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and head[8:] == b"WAVE" and declared != 0xFFFFFFFF and declared + 8 > size


def read(container: InputContainer, max_seconds: float) -> Recording:
    stream = sound_track(container)
    resampler = Resampler()
    buffer = bytearray()  # grows in place (mremap), where a list of arrays would have to be copied into one
    frames = Frames(container, stream)
    for frame in frames:
        buffer += resampler.resample(frame)
        if len(buffer) > max_seconds * SAMPLE_RATE * 4:
            raise InvalidInput(Code.TOO_LONG, sentence("The recording is longer than %(most)s seconds.", most=f"{max_seconds:g}"))
    buffer += resampler.flush()
    sound = np.frombuffer(buffer, np.float32)
    mend(sound)
    declared = declared_seconds(container, stream)
    return Recording(sound, complete=not frames.lost and len(sound) / SAMPLE_RATE > declared - TOLERANCE_SECONDS)


def mend(sound: Sound) -> None:
    """Silence, in place, what is not a number or beyond all measure in damaged files; the energy tells at once whether anything is."""
    if not np.isfinite(np.dot(sound, sound)):
        np.nan_to_num(sound, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        sound[np.abs(sound) > LOUDEST] = 0


def sound_track(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise InvalidInput(Code.INVALID_AUDIO, "The file holds no sound track.")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise InvalidInput(Code.INVALID_AUDIO, "The sound track is in a coding that cannot be read.")
    stream.codec_context.thread_count = 1
    return stream


def declared_seconds(container: InputContainer, stream: AudioStream) -> float:
    """The length the header promises; 0 where it promises nothing exact."""
    if container.format.name not in DECLARING or stream.duration is None or stream.time_base is None:
        return 0.0
    return float(stream.duration * stream.time_base)


class Frames:
    """The decoded frames of a stream; `lost` if a packet could not be decoded and was left out, or the container ended in an error."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self.packets = container.demux(stream)
        self.lost = False

    def __iter__(self) -> Iterator[AudioFrame]:
        while True:
            try:
                packet = next(self.packets, None)
            except av.FFmpegError:
                self.lost = True
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.lost = True


class Resampler:
    """Frames of any format -> bytes of 16 kHz mono float32. The format may change midway (joined files): a new resampler takes over."""

    def __init__(self) -> None:
        self.format: tuple[str, str, int] | None = None

    def resample(self, frame: AudioFrame) -> bytes:
        end = b""
        if self.format != (frame.format.name, frame.layout.name, frame.sample_rate):
            end = self.flush()
            self.start(frame)
        return end + self.take(frame)

    def start(self, frame: AudioFrame) -> None:
        if frame.sample_rate not in RATES:
            said = sentence("The sample rate must be between %(least)s and %(most)s Hz.", least=RATES.start, most=RATES.stop - 1)
            raise InvalidInput(Code.INVALID_AUDIO, said)
        self.format = (frame.format.name, frame.layout.name, frame.sample_rate)
        self.resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)

    def take(self, frame: AudioFrame | None) -> bytes:
        return b"".join(out.to_ndarray().tobytes() for out in self.resampler.resample(frame))

    def flush(self) -> bytes:
        """What the resampler still holds."""
        return self.take(None) if self.format else b""
