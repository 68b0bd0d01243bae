from __future__ import annotations

import io
import tracemalloc

import av
import numpy as np
import pytest

from diarization.inference.decoding import Recording, count_channels
from tasks.errors import InvalidInput
from tests.diarization.sounds import Sound, decoded, encoded, noise, tone, wav, wav_of


def code_of(content: bytes, *, max_seconds: float = 100) -> str:
    with pytest.raises(InvalidInput) as refused:
        decoded(content, max_seconds=max_seconds)
    return refused.value.code


def loudest_hertz(sound: Sound) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * 16_000 / len(sound))


FORMATS = [
    ("wav", "pcm_s16le", 44_100, "stereo"),
    ("mp3", "libmp3lame", 44_100, "mono"),
    ("ipod", "aac", 48_000, "stereo"),
    ("adts", "aac", 48_000, "mono"),
    ("flac", "flac", 8_000, "mono"),
    ("ogg", "libopus", 48_000, "mono"),
    ("webm", "libopus", 48_000, "stereo"),
    ("mp4", "aac", 22_050, "mono"),
]


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), FORMATS)
def test_any_format_becomes_16_khz_mono(container: str, codec: str, rate: int, layout: str) -> None:
    recording = decoded(encoded(tone(3), container, codec, rate=rate, layout=layout))
    assert recording.sound.dtype == np.float32
    assert recording.complete
    assert abs(recording.seconds - 3) < 0.1
    assert abs(loudest_hertz(recording.sound) - 440) < 1


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), FORMATS)
def test_sound_stands_where_it_stood_within_a_frame(container: str, codec: str, rate: int, layout: str) -> None:
    """What coders put before the sound is taken off again: turns of one recording do not depend on its format."""
    sound = np.concatenate([np.zeros(16_000, np.float32), noise(1), np.zeros(8_000, np.float32)])
    found = decoded(encoded(sound, container, codec, rate=rate, layout=layout)).sound
    loud = np.abs(np.fft.irfft(np.fft.rfft(found, 2**17) * np.conj(np.fft.rfft(sound, 2**17))))
    lag = (int(loud.argmax()) + 2**16) % 2**17 - 2**16
    assert abs(lag) < 32  # samples, 2 ms


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
def test_any_number_of_channels_is_mixed_into_one(channels: int) -> None:
    recording = decoded(wav(tone(1, hertz=100), channels=channels))
    assert recording.sound.shape == (16_000,)
    assert loudest_hertz(recording.sound) == 100


def test_each_channel_is_decoded_for_itself() -> None:
    content = wav_of(tone(1, hertz=100), tone(1, hertz=200), tone(1, hertz=300))
    assert count_channels(io.BytesIO(content)) == 3
    assert [loudest_hertz(decoded(content, channel=channel).sound) for channel in range(3)] == [100, 200, 300]


def test_a_channel_that_ends_midway_is_silent_from_there() -> None:
    both = encoded(tone(1), "adts", "aac", rate=48_000, layout="stereo") + encoded(tone(1), "adts", "aac", rate=48_000)
    first, second = (decoded(both, channel=channel) for channel in (0, 1))
    assert len(first.sound) == len(second.sound)
    assert np.abs(second.sound[:8_000]).max() > 0.1 and not second.sound[-8_000:].any()


def test_nine_channels_are_too_many_to_be_taken_one_by_one() -> None:
    with pytest.raises(InvalidInput) as refused:
        count_channels(io.BytesIO(wav(tone(1), channels=9)))
    assert refused.value.code == "invalid_audio"


@pytest.mark.parametrize("block_seconds", [0.5, 0.512, 1, 10])
def test_blocks_are_the_whole_recording_and_hold_whole_frames(block_seconds: float) -> None:
    content = encoded(noise(4), "flac", "flac", rate=44_100)
    parts = decoded(content, block_seconds=block_seconds)
    assert np.array_equal(parts.sound, decoded(content).sound)
    assert parts.blocks == {0.5: 8, 0.512: 8, 1: 5, 10: 1}[block_seconds]
    assert parts.complete


def test_memory_is_that_of_a_block() -> None:
    file = io.BytesIO(wav(np.tile(noise(10), 60)))
    recording = Recording(file, max_seconds=1000, block_seconds=20)
    tracemalloc.start()
    assert sum(len(block) for block in recording.blocks()) == 600 * 16_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 20 * 64_000


def test_several_channels_do_not_hold_a_block_each() -> None:
    file = io.BytesIO(wav(noise(40)))
    tracemalloc.start()
    recordings = [Recording(file, max_seconds=1000, block_seconds=40) for _ in range(4)]
    lengths = [sum(len(block) for block in recording.blocks()) for recording in recordings]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lengths == [640_000] * 4
    assert held < 2 * 40 * 64_000


def test_a_wav_at_16_khz_is_decoded_exactly() -> None:
    assert np.allclose(decoded(wav(tone(0.5))).sound, tone(0.5), atol=1 / 32_768)


NOT_SOUND = {
    "empty": b"",
    "text": b"hello, this is no sound\n" * 500,
    "random bytes": np.random.default_rng(0).bytes(50_000),
    "a header without sound": wav(tone(0)),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "an mp4 cut before its index": encoded(tone(3), "mp4", "aac", rate=48_000)[:10_000],
    "a play list": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/hostname\n",
    "one sample a second": wav(tone(1), rate=1),
}


@pytest.mark.parametrize("content", NOT_SOUND.values(), ids=NOT_SOUND)
def test_what_holds_no_sound_is_refused(content: bytes) -> None:
    assert code_of(content) == "invalid_audio"


def test_a_video_without_sound_is_refused() -> None:
    assert code_of(silent_video()) == "invalid_audio"


def silent_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_a_recording_over_the_limit_is_refused_while_it_is_decoded() -> None:
    assert code_of(wav(tone(3)), max_seconds=2) == "too_long"
    assert decoded(wav(tone(2)), max_seconds=2).seconds == 2


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
def test_a_cut_file_gives_what_it_holds_and_says_so(container: str, codec: str) -> None:
    whole = encoded(noise(10), container, codec, rate=16_000)
    recording = decoded(whole[: len(whole) // 2])
    assert not recording.complete
    assert 4 < recording.seconds < 6


def test_damage_in_the_middle_costs_only_that_part() -> None:
    whole = bytearray(encoded(noise(10), "flac", "flac", rate=16_000))
    middle = len(whole) // 2
    whole[middle : middle + 20_000] = bytes(20_000)
    recording = decoded(bytes(whole))
    assert not recording.complete
    assert 8 < recording.seconds < 10


def test_a_change_of_format_midway_is_followed() -> None:
    joined = encoded(tone(2), "adts", "aac", rate=48_000) + encoded(tone(2), "adts", "aac", rate=24_000, layout="stereo")
    recording = decoded(joined)
    assert abs(recording.seconds - 4) < 0.3
    assert abs(loudest_hertz(recording.sound) - 440) < 1


def test_numbers_that_are_none_become_silence() -> None:
    sound = tone(1)
    sound[100:200] = np.nan
    sound[200:300] = np.inf
    recording = decoded(encoded(sound, "wav", "pcm_f32le", rate=16_000))
    assert np.isfinite(recording.sound).all()
