from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarization.inference.tape import Tape


def played(samples: int, blocks: list[int]) -> np.ndarray:
    """All chunks of the numbers 1, 2, ... that come in blocks of these lengths."""
    tape, found = Tape(window=10, step=3), []
    for block in np.split(np.arange(1, samples + 1, dtype=np.float32), np.cumsum(blocks)):
        tape.add(block)
        found.append(tape.take())
    return np.concatenate([*found, tape.take_last()])


@pytest.mark.parametrize(("samples", "chunks"), [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (13, 2), (14, 3)])
def test_the_last_chunk_is_filled_up_where_there_is_sound_left(samples: int, chunks: int) -> None:
    found = played(samples, [])
    assert found.shape == (chunks, 10)
    assert set(range(1, samples + 1)) <= set(found.ravel().tolist())


@given(st.integers(0, 60), st.lists(st.integers(0, 25), max_size=5))
def test_the_chunks_are_the_same_whatever_the_blocks(samples: int, blocks: list[int]) -> None:
    assert np.array_equal(played(samples, blocks), played(samples, []))


def test_sound_that_no_chunk_needs_any_more_is_not_held() -> None:
    tape = Tape(window=10, step=3)
    tape.add(np.zeros(1000, np.float32))
    tape.take()
    assert (len(tape.rest), tape.samples, tape.chunks) == (1000 - 331 * 3, 1000, 331)
