"""Training pictures on disk: `python -m keypoints.training.shards FOLDER` renders them, on all cores, and goes on where it was stopped.

A shard is two files: `00007.jpegs`, JPEG after JPEG, and `00007.npz` with where each ends and its labels. The second is written last, so a
shard that has it is whole. Scene 7 * 500 + 3 is picture 3 of shard 7, whatever the number of cores. With `--photos DIR` (a folder of
classes, as data/garments/train) fabrics and grounds are cut out of the photos, which themselves become a shard for the category head; with
`--labelled DIR` (a labels.json, or what `manage.py export_corrections` writes) people's points are learned, too.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.progress import track

from keypoints.labelled import LabelledPhoto, read_labels
from keypoints.training.cutouts import Cutouts, Picture, cut_out, load_cutouts
from keypoints.training.labels import Labels, labels_of, people_labels, photo_labels
from keypoints.training.photos import photos_in, read_photo
from keypoints.training.scenes import JUDGING_SEEDS, scene

PER_SHARD = 500
QUALITY = 90
PHOTO_SIDE = 400
"""Pixels of a photo's long side in its shard: a little more than the network sees."""


@dataclass(frozen=True)
class Shard:
    """Labels in memory, pictures on disk."""

    jpegs: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float32]
    presence: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.bool_]
    worn: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ends)

    def picture(self, number: int) -> Picture:
        decoded = cv2.imdecode(np.asarray(self.jpegs[self.starts[number] : self.ends[number]]), cv2.IMREAD_COLOR_RGB)
        return np.asarray(decoded, dtype=np.uint8)

    def labels(self, number: int) -> Labels:
        return Labels(self.positions[number], self.presence[number], self.kinds[number], int(self.worn[number]))

    def only(self, numbers: npt.NDArray[np.int64]) -> Shard:
        """These pictures alone."""
        kept = {name: getattr(self, name)[numbers] for name in ("starts", "ends", "positions", "presence", "kinds", "worn")}
        return replace(self, **kept)


def write_shard(path: Path, pictures: Iterable[tuple[Picture, Labels]]) -> None:
    """`path` is the shard's .npz."""
    jpegs, labels = [], []
    for picture, known in pictures:
        _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        jpegs.append(jpeg)
        labels.append(known)
    np.concatenate(jpegs).tofile(path.with_suffix(".jpegs"))
    unfinished = path.with_suffix(".unfinished.npz")
    np.savez(
        unfinished,
        ends=np.cumsum([len(jpeg) for jpeg in jpegs]),
        positions=np.stack([known.positions for known in labels]),
        presence=np.stack([known.presence for known in labels]),
        kinds=np.stack([known.kinds for known in labels]),
        worn=np.array([known.worn for known in labels], np.uint8),
    )
    unfinished.rename(path)


def read_shard(path: Path) -> Shard:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    starts = np.concatenate([[0], arrays["ends"][:-1]])
    return Shard(jpegs=np.memmap(path.with_suffix(".jpegs"), np.uint8, mode="r"), starts=starts, **arrays)


def whole_shards(folder: Path) -> list[Path]:
    """The finished shards there, ordered by name."""
    return [path for path in sorted(folder.glob("*.npz")) if ".unfinished" not in path.name]


def render_shard(number: int, folder: Path, cutouts: Cutouts, first_seed: int, size: int) -> int:
    """Gives back its number."""
    seeds = range(first_seed + number * size, first_seed + (number + 1) * size)
    write_shard(folder / f"{number:05}.npz", ((found.picture, labels_of(found)) for found in (scene(seed, cutouts) for seed in seeds)))
    return number


@functools.lru_cache(maxsize=1)
def cutouts_in(folder: Path | None) -> Cutouts:
    """Read once by each process that renders."""
    return load_cutouts(folder) if folder else Cutouts()


def _render_in_process(task: tuple[int, Path, Path | None, int, int]) -> int:
    number, folder, cutouts, first_seed, size = task
    cv2.setNumThreads(1)
    return render_shard(number, folder, cutouts_in(cutouts), first_seed, size)


def render_shards(
    folder: Path, count: int, *, cutouts: Path | None, first_seed: int = 0, size: int = PER_SHARD, processes: int = 1
) -> None:
    """Render the shards 0..count-1 that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not (folder / f"{number:05}.npz").exists()]
    tasks = [(number, folder, cutouts, first_seed, size) for number in missing]
    if processes == 1:
        for task in track(tasks, description="rendering shards"):
            _render_in_process(task)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for _ in track(pool.imap_unordered(_render_in_process, tasks), description="rendering shards", total=len(tasks)):
            pass


def photo_shards(photos: Path, folder: Path) -> None:
    """All photos for training as one shard, small, with what their class tells."""
    path = folder / "photos.npz"
    if not path.exists():
        write_shard(path, ((shrunk(read_photo(photo.path)), photo_labels(photo.kinds)) for photo in photos_in(photos, for_judging=False)))


def labelled_shard(labelled: Path, folder: Path) -> None:
    """Photos on which people have put points, small; made anew each time, as they go on doing so. Raises LabelError."""
    write_shard(folder / "labelled.npz", (small(photo) for photo in read_labels(labelled)))


def small(photo: LabelledPhoto) -> tuple[Picture, Labels]:
    picture = read_photo(photo.path)
    scale = shrink_of(picture)
    points = {name: ((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for name, (x, y) in photo.points.items()}
    return shrunk(picture), people_labels(photo.category, points)


def shrink_of(picture: Picture) -> float:
    return min(1.0, PHOTO_SIDE / int(max(picture.shape[:2])))


def shrunk(picture: Picture) -> Picture:
    scale = shrink_of(picture)
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where cut-outs and shards go; not into git")
    parser.add_argument("--photos", type=Path, help="a folder of classes of real photos; without it all textures are procedural")
    parser.add_argument("--labelled", type=Path, help="a folder of photos with points; half of the real photos are of these then")
    parser.add_argument("--shards", type=int, default=80, help=f"of {PER_SHARD} renders each")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    chosen = parser.parse_args(arguments)
    if chosen.shards * PER_SHARD > JUDGING_SEEDS:
        parser.error("so many scenes would reach those kept for judging")
    renders, cutouts, photos = (chosen.folder / name for name in ("renders", "cutouts", "photos"))
    photos.mkdir(parents=True, exist_ok=True)
    if chosen.photos:
        cut_out(chosen.photos, cutouts)
        photo_shards(chosen.photos, photos)
    if chosen.labelled:
        labelled_shard(chosen.labelled, photos)
    judging = chosen.folder / "judging"
    kept = cutouts if chosen.photos else None
    render_shards(judging, 1, cutouts=kept, first_seed=JUDGING_SEEDS)
    render_shards(renders, chosen.shards, cutouts=kept, processes=chosen.processes)


if __name__ == "__main__":
    main()
