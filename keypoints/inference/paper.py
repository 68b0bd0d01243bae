"""A blank sheet of A4 in a picture, by its outline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from keypoints import sheet
from keypoints.inference.crops import Matrix, Picture
from keypoints.inference.pose import Corners, strain

Grey = Picture
SEARCHED = 1000
"""Long side in pixels of the picture that outlines are searched in; they are measured in the picture itself."""
SMALLEST_AREA, LARGEST_AREA = 0.008, 0.5
"""Of the picture."""
SOLID = 0.9
"""An outline fills this share of its convex hull."""
LONGEST_RATIO = 1.9
"""Between the sides of a quadrangle that may be A4 (1.41), seen aslant."""
ALONG = np.linspace(0.08, 0.92, 60)
ACROSS = 7
"""Pixels to both sides of a rough edge in which the real one is looked for."""
ON_THE_LINE, FEWEST_ON_IT = 1.0, 0.6
"""Pixels; share of an edge's samples that must lie so close to a straight line."""
LEAST_STEP = 6.0
"""Of 255 levels: between paper and ground, at an edge."""
MOST_UNEVEN = 10.0
"""Standard deviation of the levels inside, a slope taken away: paper is blank."""
LEAST_LEVEL = 90
CORNER_NOISE = 0.6
SAME = 0.03
"""Corners nearer than this share of the diagonal are the same."""


@dataclass(frozen=True)
class Paper:
    corners: Corners
    strain: float


def find_paper(picture: Picture) -> list[Paper]:
    """The sheets of blank A4, the best first; several where nobody can say which is meant."""
    height, width = picture.shape[:2]
    shrink = min(1.0, SEARCHED / max(width, height))
    whiteness = np.asarray(picture.min(axis=2), dtype=np.uint8)  # white is high in each channel
    smooth = np.asarray(cv2.GaussianBlur(whiteness, (0, 0), 0.8), dtype=np.uint8)
    small = np.asarray(cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    found: list[Paper] = []
    for rough in distinct([quad / shrink for quad in quads(small)]):
        refined = refine(smooth, rough)
        if refined is None or not blank(whiteness, refined):
            continue
        found.append(fitted(refined, (width, height)))
    found.sort(key=lambda paper: paper.strain)
    return apart(found)


def quads(small: Picture) -> Iterator[Matrix]:
    """Quadrangles (4, 2) that stand out in one of many ways, clockwise as the picture is seen."""
    area = small.shape[0] * small.shape[1]
    for mask in masks(small):
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            if not SMALLEST_AREA * area < cv2.contourArea(contour) < LARGEST_AREA * area:
                continue
            quad = quadrangle(np.asarray(contour))
            if quad is not None:
                yield quad


def masks(small: Picture) -> Iterator[Grey]:
    blurred = cv2.GaussianBlur(small, (0, 0), 1.2)
    hue = cv2.cvtColor(blurred, cv2.COLOR_RGB2HSV)
    lowest = blurred.min(axis=2)
    levels = [int(level) for level in np.percentile(lowest, (50, 65, 75, 85, 90, 95))]
    for level in sorted({120, 145, 170, 195, 215, 230, *levels}):
        yield opened(((lowest > level) & (hue[..., 1] < 70)).astype(np.uint8) * 255)
    for channel in (lowest, cv2.cvtColor(blurred, cv2.COLOR_RGB2GRAY), hue[..., 1]):
        for low, high in ((10, 30), (25, 70)):
            yield np.asarray(255 - cv2.dilate(cv2.Canny(channel, low, high), np.ones((3, 3), np.uint8)), dtype=np.uint8)


def opened(mask: Grey) -> Grey:
    """Without thin bridges to other light things, and without specks."""
    return np.asarray(cv2.morphologyEx(cv2.medianBlur(mask, 5), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)), dtype=np.uint8)


def quadrangle(contour: Matrix) -> Matrix | None:
    hull = cv2.convexHull(contour)
    if cv2.contourArea(contour) < SOLID * cv2.contourArea(hull):
        return None
    round_it = cv2.arcLength(hull, True)
    for coarse in (0.02, 0.035, 0.05):
        corners = cv2.approxPolyDP(hull, coarse * round_it, True)
        if len(corners) == 4:
            quad = np.asarray(corners, dtype=np.float64).reshape(4, 2)
            sides = np.hypot(*(quad - np.roll(quad, 1, axis=0)).T)
            both = (sides[0] + sides[2]) / (sides[1] + sides[3])
            return quad if max(both, 1 / both) < LONGEST_RATIO else None
    return None


def distinct(found: list[Matrix]) -> list[Matrix]:
    """One of each group of quadrangles that have about the same corners."""
    kept: list[Matrix] = []
    for quad in found:
        if not any(same(quad, other) for other in kept):
            kept.append(quad)
    return kept


def same(one: Matrix, other: Matrix) -> bool:
    near = SAME * float(np.hypot(*np.ptp(one, axis=0)))
    return any(float(np.abs(np.roll(other, turn, axis=0) - one).max()) < near for turn in range(4))


def refine(level: Grey, quad: Matrix) -> Matrix | None:
    """Its corners as the crossings of four lines, each through the steps from paper to ground along one side; None where a side has no
    straight one."""
    reach = max(ACROSS, 0.02 * float(np.hypot(*np.ptp(quad, axis=0))))
    for width in (reach, ACROSS):
        lines = [edge(level, quad[side], quad[(side + 1) % 4], quad.mean(axis=0), width) for side in range(4)]
        known = [line for line in lines if line is not None]
        if len(known) < 4:
            return None
        quad = np.array([crossing(known[side - 1], known[side]) for side in range(4)])
        if not np.isfinite(quad).all():
            return None
    return quad


Straight = tuple[Matrix, Matrix]
"""A place and a direction."""


def edge(level: Grey, start: Matrix, end: Matrix, middle: Matrix, reach: float) -> Straight | None:
    along = end - start
    length = float(np.hypot(*along))
    if length < 20:
        return None
    outward = np.array([along[1], -along[0]]) / length
    if outward @ (middle - start) > 0:
        outward = -outward
    steps = np.arange(-reach, reach + 0.25, 0.5)
    places = start + ALONG[:, None, None] * along + steps[None, :, None] * outward
    across, down = (places[..., axis].astype(np.float32) for axis in (0, 1))
    levels = cv2.remap(level, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shades = np.asarray(levels, dtype=np.float64).reshape(len(ALONG), len(steps))
    falls = shades[:, :-4] - shades[:, 4:]  # over two pixels
    best = np.argmax(falls, axis=1)
    inner = (best > 0) & (best < falls.shape[1] - 1) & (np.max(falls, axis=1) > LEAST_STEP)
    if inner.mean() < FEWEST_ON_IT:
        return None
    lines = np.flatnonzero(inner)
    peak = best[inner] + parabola(falls[lines, best[inner] - 1], falls[lines, best[inner]], falls[lines, best[inner] + 1])
    offsets = steps[0] + (peak + 2) * 0.5
    return straight(start + ALONG[inner, None] * along + offsets[:, None] * outward)


def parabola(before: Matrix, top: Matrix, after: Matrix) -> Matrix:
    """Where between its neighbours the top of three values lies, -0.5..0.5."""
    bend = before - 2 * top + after
    return np.where(np.abs(bend) > 1e-9, np.clip(0.5 * (before - after) / np.where(bend == 0, 1, bend), -0.5, 0.5), 0.0)


def straight(places: Matrix) -> Straight | None:
    """The line that most of the places lie on; None where fewer than FEWEST_ON_IT of the samples do."""
    kept = places
    for _ in range(4):
        vx, vy, x, y = cv2.fitLine(kept.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
        away = np.abs((places[:, 0] - x) * vy - (places[:, 1] - y) * vx)
        kept = places[away < max(ON_THE_LINE, 1.5 * float(np.median(away)))]
    on_it = int((away < ON_THE_LINE).sum())
    return (np.array([x, y]), np.array([vx, vy])) if on_it >= FEWEST_ON_IT * len(ALONG) else None


def crossing(one: Straight, other: Straight) -> Matrix:
    """Not finite for parallel lines."""
    (a, u), (b, v) = one, other
    across = float(u[0] * v[1] - u[1] * v[0])
    if abs(across) < 0.1:
        return np.full(2, np.inf)
    share = float((b[0] - a[0]) * v[1] - (b[1] - a[1]) * v[0]) / across
    return np.asarray(a + share * u, dtype=np.float64)


def blank(whiteness: Grey, quad: Matrix) -> bool:
    """Whether the inside is light, and of one shade but for a slope of light across it."""
    page = np.array([[0, 0], [60, 0], [60, 60], [0, 60]], np.float32)
    flat = cv2.warpPerspective(whiteness, cv2.getPerspectiveTransform(quad.astype(np.float32), page), (60, 60), flags=cv2.INTER_LINEAR)
    core = flat[5:55, 5:55].astype(np.float64)
    rows, columns = np.indices(core.shape)
    terms = np.column_stack([np.ones(core.size), rows.ravel(), columns.ravel()])
    slope, *_ = np.linalg.lstsq(terms, core.ravel(), rcond=None)
    return float(np.std(core.ravel() - terms @ slope)) < MOST_UNEVEN and float(core.mean()) > LEAST_LEVEL


def fitted(quad: Matrix, picture: tuple[int, int]) -> Paper:
    """As A4, upright or across, whichever its corners fit better."""
    if signed_area(quad) < 0:
        quad = quad[::-1]
    page = np.array(sheet.A4.outline)
    choices = [Corners(np.roll(quad, turn, axis=0), page, picture, CORNER_NOISE) for turn in (0, 1)]
    return min((Paper(corners, strain(corners)) for corners in choices), key=lambda paper: paper.strain)


def signed_area(quad: Matrix) -> float:
    x, y = quad.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def apart(found: list[Paper]) -> list[Paper]:
    """One of each group that overlaps: of the same sheet, the best fit."""
    kept: list[Paper] = []
    for paper in found:
        middle = paper.corners.pixels.mean(axis=0)
        reach = 0.3 * float(np.hypot(*np.ptp(paper.corners.pixels, axis=0)))
        if all(float(np.hypot(*(other.corners.pixels.mean(axis=0) - middle))) > reach for other in kept):
            kept.append(paper)
    return kept
