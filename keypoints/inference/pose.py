"""How a flat reference lies before the camera: from its corners in the picture to the homography of its plane, and how sure that is.

A large reference gives the homography by itself. The corners of a small one do not (findings/garments.md, section 2): there the pose of the
plane is looked for, with what is known of phones and of hands that hold them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from keypoints.geometry import Homography, Position, Scale
from keypoints.inference.crops import Matrix

FREE_SPAN = 0.2
"""Share of the picture's long side from which on the corners alone give the homography."""
SMALLEST_SPAN = 0.08
"""A smaller reference cannot carry a homography across a garment (findings/garments.md, section 2): the scale is `measured=False`."""
FOCAL_LENGTH, FOCAL_DEVIATION = 0.72, 0.15
"""Over the long side, and relative: a phone's main camera has 24-28 mm where a 4:3 picture of full frame is 34.6 mm long."""
TILT_DEVIATION = math.radians(10)
"""Of a phone that is held about flat, about each axis. With the 8 of findings/garments.md, section 2, fewer than nine of ten lengths lay
within their plus-minus at tilts of 8 to 25 degrees (`python -m benchmarks.scale --references corners px_per_cm`)."""
ALTERNATIVES = 32
STEPS = 30
SHARPEST = 0.004
"""Share of its span by which a corner may be off for the corners alone to give the homography."""
MODEL_ERROR = 0.004
"""Share of its span by which a lens, or paper that is not quite flat, moves a corner: an assumption."""
AMBIGUOUS = 6.0
"""Two poses whose costs differ by less explain the corners about as well: twice the logarithm of odds of 20."""


@dataclass(frozen=True)
class Corners:
    """Places of a flat reference: in pixels of a picture of this size (width, height), in centimetres, both (count, 2), and how far off
    one is in pixels, as a standard deviation."""

    pixels: Matrix
    centimetres: Matrix
    picture: tuple[int, int]
    noise: float

    @property
    def span(self) -> float:
        """Longest distance in it over the picture's long side."""
        low, high = self.pixels.min(axis=0), self.pixels.max(axis=0)
        return float(np.hypot(*(high - low))) / max(self.picture)

    def moved(self, shift: Matrix) -> Corners:
        return Corners(self.pixels + shift, self.centimetres, self.picture, self.noise)


@dataclass(frozen=True)
class Plane:
    """The scale that a reference gives; its tilt in degrees (None where the reference is too small to show it); by how many pixels the
    corners miss where a flat reference would have them, root mean square; and how odd a camera it takes to see them so (`strain`)."""

    scale: Scale
    tilt_degrees: float | None
    misfit: float
    strain: float = 0.0


class Pose:
    """A plane before a camera whose focal length is about known: tilt about two axes, turn, place, logarithms of distance and of focal
    length; seven numbers."""

    def __init__(self, corners: Corners) -> None:
        self.corners = corners
        self.middle = corners.centimetres.mean(axis=0)
        self.deviations = np.array([TILT_DEVIATION, TILT_DEVIATION, FOCAL_DEVIATION])

    def start(self, tilt: tuple[float, float]) -> Matrix:
        """Seen from straight above, then tilted."""
        pixels, centimetres = self.corners.pixels, self.corners.centimetres - self.middle
        centre = pixels.mean(axis=0)
        plane, seen = (places[:, 0] + 1j * places[:, 1] for places in (centimetres, pixels - centre))
        turned = complex(np.vdot(plane, seen) / np.vdot(plane, plane))
        width, height = self.corners.picture
        focal = FOCAL_LENGTH * max(width, height)
        away = (centre - np.array([width, height]) / 2) / focal
        return np.array([*tilt, math.atan2(turned.imag, turned.real), *away, math.log(focal / abs(turned)), 0.0])

    def matrix(self, state: Matrix) -> Matrix:
        """From centimetres to pixels."""
        width, height = self.corners.picture
        focal = FOCAL_LENGTH * max(width, height) * math.exp(state[6])
        tilted: Any = cv2.Rodrigues(np.array([state[0], state[1], 0.0]))[0]
        cosine, sine = math.cos(state[2]), math.sin(state[2])
        axes = tilted[:, :2] @ np.array([[cosine, -sine], [sine, cosine]])
        distance = math.exp(state[5])
        place = np.array([state[3] * distance, state[4] * distance, distance])
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        centred = np.array([[1, 0, -self.middle[0]], [0, 1, -self.middle[1]], [0, 0, 1]])
        return np.asarray(lens @ np.column_stack([axes, place]) @ centred, dtype=np.float64)

    def residuals(self, state: Matrix) -> Matrix:
        """In standard deviations: of the corners, and of what is known beforehand."""
        missed = (projected(self.matrix(state), self.corners.centimetres) - self.corners.pixels) / self.corners.noise
        return np.concatenate([missed.ravel(), state[[0, 1, 6]] / self.deviations])

    def jacobian(self, state: Matrix) -> Matrix:
        step = 1e-5
        return np.column_stack(
            [(self.residuals(state + move) - self.residuals(state - move)) / (2 * step) for move in np.eye(len(state)) * step]
        )

    def solved(self, state: Matrix) -> tuple[Matrix, float]:
        """The state nearby that explains the corners best, and its cost (Levenberg and Marquardt)."""
        damping, residuals = 1e-3, self.residuals(state)
        cost = float(residuals @ residuals)
        for _ in range(STEPS):
            slope = self.jacobian(state)
            normal = slope.T @ slope
            move = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -slope.T @ residuals)
            tried = self.residuals(state + move)
            better = float(tried @ tried) < cost
            if better:
                gain, cost = cost - float(tried @ tried), float(tried @ tried)
                state, residuals = state + move, tried
                if gain < 1e-6 * (1 + cost):
                    break
            damping *= 0.2 if better else 6
        return state, cost

    def best(self) -> tuple[Matrix, bool]:
        """The best state, and whether another tilt explains the corners about as well: a small plane that leans
        to us or away looks alike."""
        first, cost = self.solved(self.start((0.0, 0.0)))
        other, other_cost = self.solved(np.concatenate([-first[:2], first[2:]]))
        far = float(np.hypot(*(first - other)[:2])) > math.radians(4)
        if other_cost < cost:
            first, cost, other_cost = other, other_cost, cost
        return first, far and abs(other_cost - cost) < AMBIGUOUS


def plane_of(corners: Corners) -> Plane | None:
    """The plane of the reference; None where its corners lie in a line."""
    if homography(corners) is None:
        return None
    sharp = corners.noise < SHARPEST * corners.span * max(corners.picture)
    free = free_plane(corners) if corners.span >= FREE_SPAN and sharp else None
    return replace(free or posed_plane(corners), strain=strain(corners))


def strain(corners: Corners) -> float:
    """How badly a flat thing before a phone's camera explains the corners: a sum of squares, about 4 where it does. Four corners fit any
    homography; of a wrong shape they ask for a lens that no phone has."""
    pixels = MODEL_ERROR * corners.span * max(corners.picture)
    pose = Pose(replace(corners, noise=max(pixels, corners.noise)))
    residuals = pose.residuals(pose.best()[0])
    return float(np.sum(residuals[:-3] ** 2) * 4 / len(corners.pixels) + residuals[-1] ** 2)


def free_plane(corners: Corners) -> Plane | None:
    matrix = homography(corners)
    if matrix is None:
        return None
    noise = np.random.default_rng(0).normal(0, corners.noise, (ALTERNATIVES, *corners.pixels.shape))
    others = [homography(corners.moved(shift)) for shift in noise]
    alternatives = tuple(rows(other) for other in others if other is not None)
    back = inverse(matrix)
    tilt = tilt_degrees(back, corners.picture, corners.centimetres.mean(axis=0))
    return Plane(Scale(rows(matrix), alternatives), tilt, misfit(back, corners))


def posed_plane(corners: Corners) -> Plane:
    """Where the tilt cannot be told, that of a camera held flat, with the tilts that hands have as alternatives."""
    pose = Pose(corners)
    state, ambiguous = pose.best()
    matrix = pose.matrix(state)
    slope = pose.jacobian(state)
    spread = np.linalg.inv(slope.T @ slope)
    if ambiguous:
        deviation = max(TILT_DEVIATION, float(np.hypot(*state[:2])) / math.sqrt(2))
        state = pose.start((0.0, 0.0))
        spread[:2], spread[:, :2] = 0, 0
        spread[0, 0] = spread[1, 1] = deviation**2
    drawn = np.random.default_rng(0).multivariate_normal(state, spread, ALTERNATIVES, check_valid="ignore")
    alternatives = tuple(rows(inverse(pose.matrix(other))) for other in drawn)
    measured = corners.span >= SMALLEST_SPAN and not ambiguous
    tilt = tilt_degrees(matrix, corners.picture, corners.centimetres.mean(axis=0))
    scale = Scale(rows(inverse(pose.matrix(state))), alternatives, measured)
    return Plane(scale, tilt if measured else None, misfit(matrix, corners))


def flat_plane(pixels_per_centimetre: float, deviation: float, picture: tuple[int, int]) -> Plane:
    """The scale in the middle of a picture taken from about above, that somebody tells; `deviation` relative."""
    size = 1.0
    square = np.array([[0, 0], [size, 0], [size, size], [0, size]])
    pixels = np.array(picture) / 2 + (square - size / 2) * pixels_per_centimetre
    pose = Pose(Corners(pixels, square, picture, noise=1.0))
    state = pose.start((0.0, 0.0))
    spread = np.diag([TILT_DEVIATION**2, TILT_DEVIATION**2, 0, 0, 0, deviation**2, 0])
    drawn = np.random.default_rng(0).multivariate_normal(state, spread, ALTERNATIVES)
    alternatives = tuple(rows(inverse(pose.matrix(other))) for other in drawn)
    return Plane(Scale(rows(inverse(pose.matrix(state))), alternatives, measured=False), None, 0.0)


def homography(corners: Corners) -> Matrix | None:
    """From pixels to centimetres; None for corners in a line."""
    matrix: Any = cv2.findHomography(corners.pixels, corners.centimetres, 0)[0]  # its stub does not say None
    if matrix is None or abs(np.linalg.det(matrix)) < 1e-12:
        return None
    return np.asarray(matrix, dtype=np.float64)


def inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def misfit(to_pixels: Matrix, corners: Corners) -> float:
    missed = projected(to_pixels, corners.centimetres) - corners.pixels
    return float(np.sqrt(np.mean(np.sum(missed**2, axis=1))))


def projected(matrix: Matrix, places: Matrix) -> Matrix:
    """The places (count, 2) on the other side of a homography."""
    mapped = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:], dtype=np.float64)


def tilt_degrees(to_pixels: Matrix, picture: tuple[int, int], middle: Matrix) -> float:
    """Between the camera's axis and the upright of the plane, for a phone's usual focal length and a picture that was not cut."""
    width, height = picture
    focal = FOCAL_LENGTH * max(width, height)
    centred = to_pixels @ np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1]])
    axes = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, focal]]) @ centred
    upright = np.cross(axes[:, 0], axes[:, 1])
    return math.degrees(math.acos(min(1.0, abs(upright[2]) / float(np.linalg.norm(upright)))))


def rows(matrix: Matrix) -> Homography:
    first, second, third = matrix.tolist()
    return tuple(first), tuple(second), tuple(third)


def outline(scale: Scale, places: Matrix) -> tuple[Position, ...]:
    """Places in centimetres on the plane, in pixels."""
    back = inverse(np.array(scale.homography))
    return tuple((float(x), float(y)) for x, y in projected(back, places))
