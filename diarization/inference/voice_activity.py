"""Where somebody speaks: the silero network (MIT, TorchScript in the package silero-vad) over 32 ms frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from diarization.inference.smoothing import Floats, join_near, spans_above
from diarization.inference.weights import package_file
from diarization.inference.windows import SAMPLE_RATE, Sound, cut

FRAME = 512  # samples; the only size the network takes at 16 kHz
FRAME_SECONDS = FRAME / SAMPLE_RATE
STREAMS = 8
WARM_UP_FRAMES = int(8.0 / FRAME_SECONDS)
REPORT_EVERY = 1000  # steps, about a second of work

# chosen on the development recordings and 48 simulated sessions (docs/diarization.md)
ONSET, OFFSET = 0.3, 0.2
JOIN_SECONDS = 0.3  # more than twice the padding, so that padded regions never touch
SHORTEST_SECONDS = 0.1
PADDING_SECONDS = 0.1


class VoiceActivity:
    """Speech probabilities of silero VAD. The network is recurrent and holds its state: one recording at a time."""

    def __init__(self) -> None:
        self.network = torch.jit.load(package_file("silero_vad", "data/silero_vad.jit"), map_location="cpu").eval()  # type: ignore[no-untyped-call]

    @torch.inference_mode()
    def probabilities(self, sound: Sound, report: Callable[[int, int], None]) -> NDArray[np.float32]:
        """(frames,) probability of speech, 0..1, per started 32 ms frame of 16 kHz mono `sound`; `report(done, of)` may raise to stop.

        A step of the network costs the same for one frame as for eight, so a long recording is cut into up to eight pieces that run side by
        side, each warmed up on the 8 seconds before it: half the cost, and the time of speech changes by 0.9 %.
        """
        frames = -(-len(sound) // FRAME)
        streams = max(1, min(STREAMS, frames // (4 * WARM_UP_FRAMES)))
        warm_up = WARM_UP_FRAMES if streams > 1 else 0
        per_stream = -(-frames // streams)
        first = np.arange(streams) * per_stream - warm_up
        self.network.reset_states()
        columns = []
        for step in range(warm_up + per_stream):
            if step % REPORT_EVERY == 0:
                report(step, warm_up + per_stream)
            batch = torch.from_numpy(cut(sound, (first + step) * FRAME, FRAME))
            columns.append(self.network(batch, SAMPLE_RATE)[:, 0].numpy())
        table: NDArray[np.float32] = np.stack(columns[warm_up:], axis=1)
        return table.reshape(-1)[:frames]


def speech_regions(probabilities: NDArray[np.float32], *, duration: float) -> Floats:
    """(regions, 2) start and end in seconds of speech in a recording of `duration` seconds; sorted, disjoint."""
    spans = join_near(spans_above(probabilities, onset=ONSET, offset=OFFSET), gap=JOIN_SECONDS / FRAME_SECONDS)
    regions = np.array(spans, np.float64).reshape(-1, 2) * FRAME_SECONDS
    regions = regions[regions[:, 1] - regions[:, 0] >= SHORTEST_SECONDS]
    padded: Floats = np.clip(regions + (-PADDING_SECONDS, PADDING_SECONDS), 0, duration)
    return padded
