"""Any recording a phone writes -> 16 kHz mono, by PyAV (FFmpeg), in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from diarization.inference.peaks import Peaks
from diarization.inference.windows import FRAME, SAMPLE_RATE, Sound
from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

# FFmpeg's names of the containers it may recognise. Others are refused unread: a play list (hls, concat) would make it open other files
# and addresses.
CONTAINERS = "wav,w64,aiff,caf,flac,mp3,aac,ogg,matroska,webm,mov,mp4,m4a,3gp,amr"
RATES = range(2_000, 768_001)  # Hz; outside, one frame could grow to gigabytes in resampling, or need gigantic filters
LOUDEST = 32_768.0  # floats may exceed full scale (1.0), even be written as if they were 16-bit integers; beyond that they are damaged
DECLARING = {"flac", "mov,mp4,m4a,3gp,3g2,mj2"}  # containers whose declared length is exact; an mp3's is often an estimate
MOST_CHANNELS = 8  # taken one by one, each of which is decoded for itself
TOLERANCE_SECONDS = 0.3  # the padding of two AAC frames at 8 kHz


class Recording:
    """A recording that is decoded block by block: the whole of it is never in memory.

    `channel` is None to mix all channels into one, or the number of the one to decode, from 0. `seconds` and `peaks` are those of what is
    decoded so far; `complete`, once all is, is False if some of the file could not be decoded.
    """

    def __init__(self, file: BinaryIO, *, max_seconds: float, block_seconds: float, channel: int | None = None) -> None:
        self.file, self.channel = file, channel
        self.most_samples = int(max_seconds * SAMPLE_RATE)
        self.block_samples = max(1, round(block_seconds * SAMPLE_RATE / FRAME)) * FRAME
        self.samples = 0
        self.declared_seconds = 0.0
        self.complete = False
        self.peaks = Peaks()

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    def blocks(self) -> Iterator[Sound]:
        """Consecutive stretches of 16 kHz mono float32, usually within -1..1; all but the last are of the block's length,
        which is a whole number of the voice activity's frames.

        A block is overwritten by the next one. A damaged or cut file gives what can be decoded. Raises InvalidInput("invalid_audio" |
        "too_long"), the latter as soon as there is more sound than allowed.
        """
        cut_short = riff_is_cut(self.file)
        with opened(self.file) as container:
            stream = sound_track(container)
            frames = Frames(container, stream)
            self.declared_seconds = about_seconds(container)
            yield from self.filled(Resampler(self.channel).all(frames))
            missing = exact_seconds(container, stream) - self.seconds
        if not self.samples:
            raise InvalidInput(Code.INVALID_AUDIO, "The file holds no sound that can be decoded.")
        self.complete = not (cut_short or frames.lost) and missing < TOLERANCE_SECONDS

    def filled(self, pieces: Iterator[Sound]) -> Iterator[Sound]:
        """Blocks out of small pieces of sound. Pages of the block that nothing is written to take no memory, and it goes with its user:
        of several channels' recordings, which are kept for their peaks, none holds any."""
        block, used = np.empty(self.block_samples, np.float32), 0
        for piece in pieces:
            self.count(piece)
            while len(piece):
                taken = piece[: len(block) - used]
                block[used : used + len(taken)] = taken
                used, piece = used + len(taken), piece[len(taken) :]
                if used == len(block):
                    yield self.finished(block)
                    used = 0
        if used:
            yield self.finished(block[:used])

    def count(self, piece: Sound) -> None:
        self.samples += len(piece)
        if self.samples > self.most_samples:
            most = f"{self.most_samples / SAMPLE_RATE:g}"
            raise InvalidInput(Code.TOO_LONG, sentence("The recording is longer than %(most)s seconds.", most=most))

    def finished(self, sound: Sound) -> Sound:
        mend(sound)
        self.peaks.add(sound)
        return sound


@contextmanager
def opened(file: BinaryIO) -> Iterator[InputContainer]:
    try:
        with av.open(file, mode="r", options={"format_whitelist": CONTAINERS}, metadata_errors="ignore") as container:
            yield container
    except av.FFmpegError as error:
        raise InvalidInput(Code.INVALID_AUDIO, "The file is not a recording in a format that can be read.") from error


def count_channels(file: BinaryIO) -> int:
    """Of the first sound track. Raises InvalidInput("invalid_audio") also if they are too many to be taken one by one."""
    with opened(file) as container:
        channels = sound_track(container).codec_context.layout.nb_channels
    file.seek(0)
    if not 1 <= channels <= MOST_CHANNELS:
        said = sentence(
            "The recording has %(channels)s channels; at most %(most)s can be taken one by one.", channels=channels, most=MOST_CHANNELS
        )
        raise InvalidInput(Code.INVALID_AUDIO, said)
    return int(channels)


def riff_is_cut(file: BinaryIO) -> bool:
    """True if a WAV file is shorter than its header says, which FFmpeg passes over. Live streams write 0 or 2^32 - 1."""
    head = file.read(12)
    size = file.seek(0, 2)
    file.seek(0)
    declared = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and head[8:] == b"WAVE" and declared != 0xFFFFFFFF and declared + 8 > size


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


def exact_seconds(container: InputContainer, stream: AudioStream) -> float:
    """The length the header promises; 0 where it promises nothing exact."""
    if container.format.name not in DECLARING or stream.duration is None or stream.time_base is None:
        return 0.0
    return float(stream.duration * stream.time_base)


def about_seconds(container: InputContainer) -> float:
    """The length by the header or by the file's size, for telling how far the work is; 0 if unknown."""
    return max(0.0, (container.duration or 0) / av.time_base)


class Frames:
    """The decoded frames of a stream; `lost` if a packet could not be decoded and was left out, or the container ended in an error.

    Coders write some samples before the sound. Most containers say how many, and FFmpeg leaves them out. Where one does not (ADTS never
    does), an AAC stream's first frame is left out: each frame is whole only with the one before it, so no coder begins with the sound.
    """

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self.packets = container.demux(stream)
        self.at_aac_start = stream.codec_context.name == "aac"
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
                frames = packet.decode()
            except av.FFmpegError:
                self.lost = True
                continue
            if not self.at_aac_start or packet.has_sidedata("skip_samples"):
                yield from frames
            self.at_aac_start = False


class Resampler:
    """Frames of any format -> 16 kHz mono float32. The format may change midway (joined files): a new resampler takes over.

    `channel` is the one to take, silent in frames that have fewer; None mixes all.
    """

    def __init__(self, channel: int | None) -> None:
        self.channel = channel
        self.format: tuple[str, str, int] | None = None

    def all(self, frames: Iterable[AudioFrame]) -> Iterator[Sound]:
        for frame in frames:
            if self.format != (frame.format.name, frame.layout.name, frame.sample_rate):
                yield from self.flush()
                self.start(frame)
            yield from self.take(frame)
        yield from self.flush()

    def start(self, frame: AudioFrame) -> None:
        if frame.sample_rate not in RATES:
            said = sentence("The sample rate must be between %(least)s and %(most)s Hz.", least=RATES.start, most=RATES.stop - 1)
            raise InvalidInput(Code.INVALID_AUDIO, said)
        self.format = (frame.format.name, frame.layout.name, frame.sample_rate)
        self.channels = 1 if self.channel is None else frame.layout.nb_channels
        layout = "mono" if self.channel is None else frame.layout.name
        self.resampler = av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE)

    def take(self, frame: AudioFrame | None) -> Iterator[Sound]:
        for out in self.resampler.resample(frame):
            channels: Sound = np.frombuffer(out.to_ndarray(), np.float32).reshape(-1, self.channels)
            chosen = self.channel or 0
            yield channels[:, chosen] if chosen < self.channels else np.zeros(len(channels), np.float32)

    def flush(self) -> Iterator[Sound]:
        """What the resampler still holds."""
        return self.take(None) if self.format else iter(())
