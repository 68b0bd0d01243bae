"""The networks that can find points, behind one face, and which of them a file of weights is for."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open

from keypoints.geometry import Point
from keypoints.inference import hrnet, points
from keypoints.inference.network import GarmentNetwork, GarmentReader, load_network
from keypoints.inference.points import Picture
from keypoints.inference.reading import read_kinds
from keypoints.landmarks import Category


class WeightsError(ValueError):
    """Why a file of weights cannot be used."""


class Finder(Protocol):
    """`version` names the weights. `calibrated`: confidences mean what `geometry.POINT_ERRORS` says."""

    version: str
    calibrated: bool

    def find(self, picture: Picture, category: Category) -> list[Point]:
        """The category's points in DeepFashion2 order, in pixels of `picture`; some may lie outside it."""

    def category_in(self, picture: Picture) -> str | None:
        """The category that the picture shows, or `no_garment`; None from a network that cannot tell."""


class GarmentFinder:
    """Our own network."""

    calibrated = True

    def __init__(self, network: GarmentNetwork, version: str) -> None:
        self.network, self.version = network, version

    def find(self, picture: Picture, category: Category) -> list[Point]:
        return points.find_points(self.network, picture, category)

    def category_in(self, picture: Picture) -> str | None:
        if not isinstance(self.network, GarmentReader):
            return None
        kinds, _ = read_kinds(self.network, picture)
        return max(kinds, key=kinds.__getitem__)


class HRNetFinder:
    """A checkpoint of an operator's own: named as its file is."""

    calibrated = False

    def __init__(self, path: Path) -> None:
        self.network, self.version = hrnet.load_hrnet(path), path.stem

    def find(self, picture: Picture, category: Category) -> list[Point]:
        return hrnet.find_points(self.network, picture, category)

    def category_in(self, picture: Picture) -> str | None:
        return None


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
