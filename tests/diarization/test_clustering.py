from __future__ import annotations

import numpy as np
import pytest
from pyannote.core import SlidingWindow, SlidingWindowFeature

from diarization.inference.clustering import MOST_LEARNT, CappedClustering
from tests.diarization.sounds import Sound


def voices(*counts: int) -> np.ndarray:
    """Windows of well separated speakers, one after the other: (windows, 1, 8)."""
    random = np.random.default_rng(1)
    rows = [np.eye(8)[speaker] + 0.05 * random.standard_normal((count, 8)) for speaker, count in enumerate(counts)]
    return np.concatenate(rows)[:, None, :]


def everywhere(windows: int) -> SlidingWindowFeature:
    active: Sound = np.ones((windows, 20, 1), np.float32)
    return SlidingWindowFeature(active, SlidingWindow(duration=1.6, step=0.4))


@pytest.fixture
def clustering() -> CappedClustering:
    clustering = CappedClustering(metric="cosine")
    clustering.instantiate({"method": "average", "threshold": 0.35, "min_cluster_size": 8})
    return clustering


def test_speakers_are_counted(clustering: CappedClustering) -> None:
    labels, _, centroids = clustering(voices(30, 40, 20), everywhere(90))
    assert len(centroids) == 3
    assert [len(set(labels[part, 0])) for part in (slice(30), slice(30, 70), slice(70, 90))] == [1, 1, 1]


def test_the_number_asked_for_is_kept(clustering: CappedClustering) -> None:
    assert len(clustering(voices(30, 40, 20), everywhere(90), num_clusters=2)[2]) == 2


def test_a_long_recording_is_learnt_on_part_of_it_and_labelled_whole(clustering: CappedClustering) -> None:
    vectors = voices(2000, 3000)
    learnt, _, _ = clustering.filter_embeddings(vectors, segmentations=everywhere(5000))
    labels, _, centroids = clustering(vectors, everywhere(5000))
    assert (len(learnt), len(labels), len(centroids)) == (MOST_LEARNT, 5000, 2)


def test_a_rare_voice_is_no_speaker_of_a_long_recording(clustering: CappedClustering) -> None:
    assert len(clustering(voices(400, 590, 10), everywhere(1000))[2]) == 2
    assert clustering.min_cluster_size == 8


def test_missing_the_number_asked_for_prints_nothing(clustering: CappedClustering, capsys: pytest.CaptureFixture[str]) -> None:
    clustering(voices(30), everywhere(30), num_clusters=9)
    assert capsys.readouterr().out == ""
