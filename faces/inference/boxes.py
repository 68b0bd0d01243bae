"""Rectangles and how they turn with a picture; arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels from the top left; it may reach beyond the picture."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    def scaled(self, factor: float) -> Box:
        return Box(self.left * factor, self.top * factor, self.width * factor, self.height * factor)

    def moved(self, x: float, y: float) -> Box:
        return Box(self.left + x, self.top + y, self.width, self.height)

    def share_inside(self, width: float, height: float) -> float:
        """The share of the box, 0..1, within a picture of this size."""
        across = min(width, self.left + self.width) - max(0, self.left)
        down = min(height, self.top + self.height) - max(0, self.top)
        return max(0.0, across) * max(0.0, down) / self.area

    def turned_back(self, rotation: int, width: float, height: float) -> Box:
        """The box in a picture of `width` x `height`, found after that picture was turned clockwise by 0, 90, 180 or 270 degrees."""
        if rotation == 90:
            return Box(self.top, height - self.left - self.width, self.height, self.width)
        if rotation == 180:
            return Box(width - self.left - self.width, height - self.top - self.height, self.width, self.height)
        if rotation == 270:
            return Box(width - self.top - self.height, self.left, self.height, self.width)
        return self
