"""The networks that can find points, behind one face, and which of them a file of weights is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open

from keypoints.inference import hrnet
from keypoints.inference.crops import Picture
from keypoints.inference.network import GarmentNetwork, load_network
from keypoints.inference.reading import Garment, read_garment
from keypoints.landmarks import Category
from tasks.inference.choice import ON_THE_CPU
from tasks.inference.devices import Placement


class WeightsError(ValueError):
    """Why a file of weights cannot be used."""


class Finder(Protocol):
    """`version` names the weights. `calibrated`: confidences mean what `geometry.POINT_ERRORS` says. `tells`: what a picture shows."""

    version: str
    calibrated: bool
    tells: bool

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        """The garment as the likeliest of these categories; as the first where the network cannot tell."""


class OneDeviceFinder(Finder, Protocol):
    """`batch_size` is how many views the network takes at once: so few that no want of memory makes them less."""

    batch_size: int


class GarmentFinder:
    """Our own network."""

    batch_size = 2
    calibrated = True
    tells = True

    def __init__(self, network: GarmentNetwork, version: str) -> None:
        self.network, self.version = network, version

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return read_garment(self.network, picture, among)


class HRNetFinder:
    """A checkpoint of an operator's own: named as its file is."""

    batch_size = 1
    calibrated = False
    tells = False

    def __init__(self, network: hrnet.HighResolutionNetwork, version: str) -> None:
        self.network, self.version = network, version

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return Garment(among[0], hrnet.find_points(self.network, picture, among[0]))


class PlacedFinder:
    """Finds on this worker's device. Raises WeightsError."""

    def __init__(self, placement: Placement[OneDeviceFinder]) -> None:
        self.placement = placement
        self.version, self.calibrated, self.tells = placement.run(lambda finder: (finder.version, finder.calibrated, finder.tells))

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return self.placement.run(lambda finder: finder.find(picture, among))


def load_finder(path: Path, device: torch.device = ON_THE_CPU) -> OneDeviceFinder:
    """The network whose weights this file holds, ready to find on this device. Raises WeightsError."""
    try:
        finder = GarmentFinder(*load_network(path)) if is_our_own(path) else HRNetFinder(hrnet.load_hrnet(path), path.stem)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(str(error)) from None
    finder.network.to(device)
    return finder


def is_our_own(path: Path) -> bool:
    """Whether the file says for which of our points it was trained."""
    if path.suffix != ".safetensors":
        return False
    with safe_open(path, framework="pt") as file:
        return "points" in (file.metadata() or {})
