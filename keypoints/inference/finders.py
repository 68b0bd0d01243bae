"""The networks that can find points, behind one face, and which of them a file of weights is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open

from keypoints.inference import hrnet
from keypoints.inference.crops import Picture
from keypoints.inference.network import GarmentNetwork, load_network
from keypoints.inference.reading import Garment, read_garment
from keypoints.landmarks import Category


class WeightsError(ValueError):
    """Why a file of weights cannot be used."""


class Finder(Protocol):
    """`version` names the weights. `calibrated`: confidences mean what `geometry.POINT_ERRORS` says. `tells`: what a picture shows."""

    version: str
    calibrated: bool
    tells: bool

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        """The garment as the likeliest of these categories; as the first where the network cannot tell."""


class GarmentFinder:
    """Our own network."""

    calibrated = True
    tells = True

    def __init__(self, network: GarmentNetwork, version: str) -> None:
        self.network, self.version = network, version

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return read_garment(self.network, picture, among)


class HRNetFinder:
    """A checkpoint of an operator's own: named as its file is."""

    calibrated = False
    tells = False

    def __init__(self, path: Path) -> None:
        self.network, self.version = hrnet.load_hrnet(path), path.stem

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return Garment(among[0], hrnet.find_points(self.network, picture, among[0]))


def load_finder(path: Path) -> Finder:
    """The network whose weights this file holds, ready to find. Raises WeightsError."""
    try:
        return GarmentFinder(*load_network(path)) if is_our_own(path) else HRNetFinder(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(str(error)) from None


def is_our_own(path: Path) -> bool:
    """Whether the file says for which of our points it was trained."""
    if path.suffix != ".safetensors":
        return False
    with safe_open(path, framework="pt") as file:
        return "points" in (file.metadata() or {})
