"""Where somebody speaks: the silero network (MIT, TorchScript in the package silero-vad) over 32 ms frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from diarization.inference.smoothing import Floats, Span, join_near, spans_above
from diarization.inference.weights import package_file
from diarization.inference.windows import FRAME, FRAME_SECONDS, SAMPLE_RATE, Stretch

STREAMS = 32  # a step of the network costs the same for 8 and for 18 frames
WARM_UP_FRAMES = int(8.0 / FRAME_SECONDS)
REPORT_EVERY = 1000  # steps, about a second of work

# chosen on the development recordings and 48 simulated sessions (docs/diarization.md)
ONSET, OFFSET = 0.2, 0.1
JOIN_SECONDS = 0.3  # more than twice the padding, so that padded regions never touch
SHORTEST_SECONDS = 0.1
PADDING_SECONDS = 0.05


class VoiceActivity:
    """Speech probabilities of silero VAD. The network is recurrent and holds its state: one recording at a time."""

    def __init__(self) -> None:
        self.network = torch.jit.load(package_file("silero_vad", "data/silero_vad.jit"), map_location="cpu").eval()  # type: ignore[no-untyped-call]

    @torch.inference_mode()
    def probabilities(self, sound: Stretch, first: int, after: int, report: Callable[[float], None]) -> NDArray[np.float32]:
        """(after - first,) probability of speech, 0..1, in 32 ms frames of the recording; `report(fraction)` may raise to stop.

        A step of the network costs little more for many frames than for one, so a long stretch is cut into pieces that run side by side.
        Each is warmed up on the 8 seconds before it, as is a stretch that goes on where a block ended: the time of speech changes by 0.9 %.
        """
        frames = after - first
        streams = max(1, min(STREAMS, frames // (4 * WARM_UP_FRAMES)))
        warm_up = WARM_UP_FRAMES if streams > 1 or first else 0
        per_stream = -(-frames // streams)
        begin = first - warm_up + np.arange(streams) * per_stream
        self.network.reset_states()
        columns = []
        for step in range(warm_up + per_stream):
            if step % REPORT_EVERY == 0:
                report(step / (warm_up + per_stream))
            batch = torch.from_numpy(sound.cut((begin + step) * FRAME, FRAME))
            columns.append(self.network(batch, SAMPLE_RATE)[:, 0].numpy())
        table: NDArray[np.float32] = np.stack(columns[warm_up:], axis=1)
        return table.reshape(-1)[:frames]


def speech_spans(probabilities: NDArray[np.float32]) -> list[Span]:
    """Frames [first, after last) of speech, those joined between which there is hardly a pause."""
    return join_near(spans_above(probabilities, onset=ONSET, offset=OFFSET), gap=JOIN_SECONDS / FRAME_SECONDS)


def padded(spans: Sequence[Span], *, duration: float) -> Floats:
    """(regions, 2) start and end in seconds of spans in a recording of `duration` seconds; sorted, disjoint, without clicks."""
    regions = np.array(spans, np.float64).reshape(-1, 2) * FRAME_SECONDS
    regions = regions[regions[:, 1] - regions[:, 0] >= SHORTEST_SECONDS]
    inside: Floats = np.clip(regions + (-PADDING_SECONDS, PADDING_SECONDS), 0, duration)
    return inside
