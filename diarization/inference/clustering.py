"""How many speakers there are and which window is whose: pyannote's agglomerative clustering, bounded, and aware of the length."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyannote.audio.pipelines.clustering import AgglomerativeClustering

MOST_LEARNT = 1200
SMALLEST_SHARE = 0.012


class CappedClustering(AgglomerativeClustering):
    """Clusters are learnt on at most 1,200 windows, evenly spaced; pyannote assigns the others to the nearest centroid.

    Clustering is O(n^2) in time and memory (20,000 windows: 36 s, 3 GB). With a fixed `min_cluster_size` it also finds ever more speakers
    as a recording grows, so that size is at least 1.2 % of the windows (55 minutes of 10 speakers: 33 found without, 12 to 18 with).
    """

    def filter_embeddings(self, *args: Any, **kwargs: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        embeddings, chunks, speakers = super().filter_embeddings(*args, **kwargs)
        if len(embeddings) <= MOST_LEARNT:
            return embeddings, chunks, speakers
        kept = np.linspace(0, len(embeddings) - 1, MOST_LEARNT).round().astype(int)
        return embeddings[kept], chunks[kept], speakers[kept]

    def cluster(self, embeddings: NDArray[Any], *args: Any, **kwargs: Any) -> NDArray[Any]:
        asked = self.min_cluster_size
        self.min_cluster_size = max(asked, round(SMALLEST_SHARE * len(embeddings)))
        try:
            with redirect_stdout(StringIO()):  # it prints advice when it misses the number asked for
                labels: NDArray[Any] = super().cluster(embeddings, *args, **kwargs)
                return labels
        finally:
            self.min_cluster_size = asked
