"""The device policy on the garments' network."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from PIL import Image

from keypoints.inference.finders import GarmentFinder, PlacedFinder, load_finder
from keypoints.inference.model import WEIGHTS, GarmentModel
from keypoints.training.sample_photo import SamplePhoto
from tasks.inference.accelerators import Accelerator
from tasks.inference.choice import Choice, Reason
from tasks.inference.devices import Placement
from tasks.inference.model import Run

STAND_IN = Choice("cuda", Accelerator("cuda", torch.device("cpu"), "cuda-stand-in", lambda: None))


def found_on(model: GarmentModel, photo: SamplePhoto, placement: Placement[Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(model, "placement", placement)
    monkeypatch.setattr(model, "finder", PlacedFinder(placement))
    return predicted(model, photo)


def predicted(model: GarmentModel, photo: SamplePhoto) -> dict[str, Any]:
    file = io.BytesIO()
    Image.fromarray(photo.picture).save(file, "PNG")
    file.seek(0)
    return model.predict(Run(), file, "t-shirt")


def test_without_memory_in_the_second_look_the_cpu_finds_the_same_points(
    model: GarmentModel, photo: SamplePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = predicted(model, photo)
    built: list[GarmentFinder] = []

    def build(device: torch.device) -> GarmentFinder:
        finder = load_finder(WEIGHTS, device)
        assert isinstance(finder, GarmentFinder)
        if not built:
            finder.network.head.register_forward_pre_hook(fail)
        built.append(finder)
        return finder

    def fail(module: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        if len(given[0]) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    found = found_on(model, photo, Placement(build, STAND_IN), monkeypatch)
    assert found["points"] == wanted["points"]
    assert [warning["code"] for warning in found["warnings"]] == [*(warning["code"] for warning in wanted["warnings"]), "fallback"]
    assert len(built) == 2  # there is no smaller batch than two views


def test_an_accelerator_that_could_not_be_had_is_a_warning(
    model: GarmentModel, photo: SamplePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = Placement(lambda device: load_finder(WEIGHTS, device), Choice("cuda", reason=Reason.TAKEN))
    found = found_on(model, photo, placement, monkeypatch)
    assert "fallback" in [warning["code"] for warning in found["warnings"]]


def test_the_network_asks_nothing_of_another_device_than_its_own() -> None:
    """On `meta` nothing is computed, but what lies on two devices cannot meet."""
    finder = load_finder(WEIGHTS, torch.device("meta"))
    assert isinstance(finder, GarmentFinder)
    assert {parameter.device.type for parameter in finder.network.parameters()} == {"meta"}
    levels = finder.network.encode(torch.zeros(2, 3, 256, 192, device="meta"))
    reading = finder.network.read(levels, torch.zeros(2, dtype=torch.long, device="meta"))
    assert {part.device.type for part in reading} == {"meta"}
