from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from keypoints.geometry import Point
from keypoints.inference.crops import Picture
from keypoints.inference.network import GarmentNetwork, load_network
from keypoints.inference.reading import Garment
from keypoints.landmarks import CATEGORIES, CATEGORY, KINDS, PARTNERS, POINTS, Category, Visibility
from keypoints.training.batches import Batches, Mixture, framed, random_view
from keypoints.training.evaluate import judge_centimetres, judge_kinds, judged_shards
from keypoints.training.export import export
from keypoints.training.heads import teach_presence, teach_verdict
from keypoints.training.labels import ABSENT, UNASKED, VISIBLE
from keypoints.training.losses import Losses, kind_loss, points_loss, presence_loss, worn_loss
from keypoints.training.photos import photos_in
from keypoints.training.train import LOWEST, Plan, Training, rate_share, train
from tests.keypoints.training.conftest import small_scenes

TINY = Mixture(seed=0, count=6, size=(96, 128), photos=0.34)


def batches(data: Path, mixture: Mixture = TINY) -> Batches:
    return Batches(data / "renders", data / "photos", mixture)


def plan(data: Path, folder: Path, steps: int = 3) -> Plan:
    for name in ("renders", "photos"):
        if not (folder / name).exists():
            (folder / name).symlink_to(data / name)
    return Plan(folder, steps, batch=2, photos=0.5, workers=0, report_minutes=60)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several would wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def silent(training: Training, parts: Losses) -> None: ...


@pytest.fixture
def network() -> GarmentNetwork:
    torch.manual_seed(0)
    return GarmentNetwork().eval()


def test_a_batch_is_the_same_whenever_it_is_asked_for(data: Path) -> None:
    one, other = batches(data), batches(data)
    other[4]
    assert all(torch.equal(a, b) for a, b in zip(one[7], other[7], strict=True))
    assert not torch.equal(one[7].pictures, one[8].pictures)


def test_a_batch_mixes_renders_and_photos(data: Path) -> None:
    batch = batches(data)[0]
    assert batch.pictures.shape == (6, 3, 128, 96)
    assert (batch.presence == UNASKED).all(dim=1).tolist() == [True, True, False, False, False, False]
    assert batch.category.max() < len(CATEGORIES)


def test_points_that_the_new_frame_leaves_out_are_absent() -> None:
    positions = np.array([[5.0, 5.0], [-40.0, 5.0], [5.0, 500.0]], np.float32)
    presence = np.array([VISIBLE, VISIBLE, UNASKED], np.uint8)
    assert framed(positions, presence, (96, 128)).tolist() == [VISIBLE, ABSENT, UNASKED]


def test_a_mirrored_view_turns_left_into_right() -> None:
    picture = np.zeros((128, 96, 3), np.uint8)
    straight, mirrored = (random_view(np.random.default_rng(0), picture, (96, 128), mirror=mirror) for mirror in (False, True))
    assert straight[0, 0] > 0 > mirrored[0, 0]
    assert POINTS[PARTNERS[POINTS.index("cuff_left_outer")]] == "cuff_right_outer"


def test_points_cost_least_where_they_are(network: GarmentNetwork) -> None:
    positions, presence = torch.full((1, 69, 2), 21.5), torch.full((1, 69), UNASKED)
    presence[0, 3] = VISIBLE
    right, wrong = torch.zeros(1, 69, 16, 12), torch.zeros(1, 69, 16, 12)
    right[0, 3, 5, 5] = wrong[0, 3, 9, 9] = 5.0
    assert points_loss(right, positions, presence) < points_loss(wrong, positions, presence)


def test_a_class_that_allows_two_kinds_asks_for_one_of_them() -> None:
    kinds = torch.zeros(1, len(KINDS), dtype=torch.bool)
    kinds[0, [2, 3]] = True
    logits = torch.zeros(1, len(KINDS))
    logits[0, 3] = 20
    assert kind_loss(logits, kinds) < 1e-3
    assert kind_loss(-logits, kinds) > 1


def test_pictures_without_labels_cost_nothing() -> None:
    unasked = torch.full((2, 69), UNASKED)
    assert points_loss(torch.ones(2, 69, 16, 12), torch.zeros(2, 69, 2), unasked) == 0
    assert presence_loss(torch.ones(2, 69, 3), unasked) == 0
    assert worn_loss(torch.ones(2), torch.full((2,), 255)) == 0


def test_training_lowers_the_loss(data: Path, tmp_path: Path) -> None:
    training = Training(plan(data, tmp_path, steps=1000), torch.device("cpu"))
    batch = batches(data, replace(TINY, size=(48, 64)))[0]
    totals = [float(training.learn(batch).total) for _ in range(8)]
    assert totals[-1] < totals[0]


def test_stopping_and_going_on_gives_the_same_network(data: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    straight = Training(plan(data, whole), torch.device("cpu"))
    train(straight, silent)
    begun = Training(plan(data, parts), torch.device("cpu"))
    first = batches(data, Mixture(0, 2, (144, 192), 0.5))[0]
    begun.learn(first)
    begun.save()
    resumed = Training(plan(data, parts), torch.device("cpu"))
    resumed.resume()
    assert resumed.step == 1
    train(resumed, silent)
    for one, other in zip(straight.average.state_dict().values(), resumed.average.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_run_with_another_seed_is_not_gone_on_with(data: Path, tmp_path: Path) -> None:
    Training(plan(data, tmp_path), torch.device("cpu")).save()
    other = Training(replace(plan(data, tmp_path), seed=1), torch.device("cpu"))
    with pytest.raises(ValueError, match="was begun with"):
        other.resume()


def test_the_learning_rate_rises_stays_and_falls() -> None:
    assert rate_share(0, 10_000) < 0.01
    assert rate_share(5_000, 10_000) == 1
    assert rate_share(9_999, 10_000) == pytest.approx(LOWEST, abs=1e-4)


def test_the_truth_measures_to_its_own_centimetres() -> None:
    scenes = small_scenes(2)
    truth = {shown.picture.tobytes(): shown for shown in scenes}

    class Knowing:
        version, calibrated, tells = "truth", True, False

        def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
            return Garment(among[0], [Point(name, x, y, 1.0) for name, (x, y) in truth[picture.tobytes()].positions.items()])

    found = judge_centimetres(Knowing(), scenes)
    assert found["all"]["p90"] < 1e-6
    assert found["chest_width"]["count"] == 1


def test_the_category_does_not_change_what_is_seen(network: GarmentNetwork) -> None:
    for condition in (network.condition3, network.condition4, network.condition5):
        torch.nn.init.normal_(condition.embedding.weight)
    levels = network.encode(torch.randn(1, 3, 128, 96))
    one, other = (network.read(levels, torch.tensor([number])) for number in (0, 7))
    assert torch.equal(one.kind, other.kind)
    assert torch.equal(one.worn, other.worn)
    assert not torch.equal(one.heatmaps, other.heatmaps)
    assert one.presence.shape == (1, len(POINTS), len(Visibility))


def test_reading_gives_the_heatmaps_of_looking(network: GarmentNetwork) -> None:
    picture, category = torch.randn(1, 3, 128, 96), torch.tensor([4])
    assert torch.equal(network(picture, category), network.read(network.encode(picture), category).heatmaps)


def test_exported_weights_are_loaded_by_the_service(data: Path, tmp_path: Path, network: GarmentNetwork) -> None:
    training = Training(plan(data, tmp_path), torch.device("cpu"))
    training.save()
    export(tmp_path / "checkpoint.pt", tmp_path / "new.safetensors", version="garments-test")
    loaded, version = load_network(tmp_path / "new.safetensors")
    assert version == "garments-test"
    picture, category = torch.randn(1, 3, 128, 96), torch.tensor([CATEGORIES.index(CATEGORY["skirt"])])
    assert torch.allclose(loaded(picture, category), training.average.eval()(picture, category), atol=0.02)
    assert (tmp_path / "new.safetensors").stat().st_size < 6e6


def test_every_judged_picture_and_photo_is_counted(data: Path, photos: Path, network: GarmentNetwork) -> None:
    assert set(judged_shards(network, data / "judging")) >= {"pck_05", "seen_as_hidden", "kind"}
    every = [photo for judging in (True, False) for photo in photos_in(photos, for_judging=judging)]
    found = judge_kinds(network, every)
    assert found["photos"] == len(every) == 14
    assert sum(count for row in found["confusion"].values() for count in row.values()) == 14


def test_teaching_the_heads_leaves_the_rest_as_it_was(data: Path, network: GarmentNetwork) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seen = teach_presence(network, iter([batches(data, replace(TINY, balanced=True))[number] for number in range(2)]), steps=2)
    teach_verdict(network, seen, np.random.default_rng(0))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    heads = {"verdict", "presence_local", "presence_global", "presence_point", "presence_verdict"}
    assert {name.split(".")[0] for name in changed} == heads
    assert network.verdict(seen.features)[:, :14].gather(1, seen.kinds.long().argmax(1, keepdim=True)).mean() > 0  # what it was taught


def test_balanced_batches_show_each_class_as_often_as_the_others(data: Path) -> None:
    balanced = batches(data, Mixture(seed=0, count=40, size=(96, 128), photos=1.0, balanced=True))
    kinds = torch.cat([balanced[number].kinds for number in range(4)])
    assert 0.4 < float(kinds[:, KINDS.index("trousers")].float().mean()) < 0.6
    assert (kinds.sum(dim=1) == 1).all()
