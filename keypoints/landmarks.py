"""The measuring points of garments: 13 DeepFashion2 categories, their 294 landmarks and the 69 meanings they share.

Numbers and order follow figure 2 of switchablenorms/DeepFashion2; counts and flip pairs agree with svip-lab's HRNet lists
(findings/garments.md, section 1). `left` and `right` are sides of the picture, not of the wearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True)
class Category:
    """A DeepFashion2 category; `points[i]` is its landmark number i + 1."""

    name: str
    points: tuple[str, ...]


class Visibility(StrEnum):
    """Whether a point of the category can be read off the picture.

    `hidden`: it lies in the picture, under cloth or behind something. `absent`: it is beyond the frame, or the garment has no such
    point; its position means nothing.
    """

    VISIBLE = "visible"
    HIDDEN = "hidden"
    ABSENT = "absent"


@dataclass(frozen=True)
class OldType:
    """A garment type of the old app: the categories it may be, and its point names, in its order, with ours."""

    name: str
    categories: tuple[str, ...]
    points: Mapping[str, str]


def mirrored(point: str) -> str:
    """The point that takes this one's place when the picture is flipped; a point of the middle is its own partner."""
    swapped = {"left": "right", "right": "left"}
    return "_".join(swapped.get(word, word) for word in point.split("_"))


def dress_side_shares(*, sleeved: bool) -> tuple[float, ...]:
    """Where `dress_side_*_1` to `_4` are along a dress's side, as shares of the way from armpit to hem. DeepFashion2 only numbers them;
    so they are in the pictures that the network learned from."""
    return 0.06, 0.18 if sleeved else 0.16, 0.36, 0.68


def _left_then_right(downwards: tuple[str, ...], middle: tuple[str, ...]) -> tuple[str, ...]:
    """DeepFashion2 walks around the garment: down its left side, over the middle, up its right side."""
    return downwards + middle + tuple(mirrored(point) for point in reversed(downwards))


_NECK = ("neck_back", "neck_left", "neckline_left", "neck_front", "neckline_right", "neck_right")
_SHORT_SLEEVE = (
    "shoulder_left",
    "sleeve_left_outer_middle",
    "cuff_left_outer",
    "cuff_left_inner",
    "sleeve_left_inner_middle",
    "armpit_left",
)
_LONG_SLEEVE = (
    "shoulder_left",
    "sleeve_left_outer_upper",
    "sleeve_left_outer_middle",
    "sleeve_left_outer_lower",
    "cuff_left_outer",
    "cuff_left_inner",
    "sleeve_left_inner_lower",
    "sleeve_left_inner_middle",
    "sleeve_left_inner_upper",
    "armpit_left",
)
_SIDE = ("side_left_upper", "side_left_lower")
_SLEEVELESS = ("shoulder_left", "armpit_left")
_DRESS_SIDE = ("dress_side_left_1", "dress_side_left_2", "dress_side_left_3", "dress_side_left_4")
_HEM = ("hem_left", "hem_middle", "hem_right")

# An open front has two edges of four points each. The hem ends at the left edge's lower end, the rest is listed last; and
# DeepFashion2 numbers the neck of the two kinds of outwear differently.
_SHORT_OUTWEAR_NECK = ("neck_back", "front_left_top", "neckline_left", "neck_left", "neckline_right", "neck_right")
_LONG_OUTWEAR_NECK = ("neck_back", "neck_left", "neckline_left", "front_left_top", "neckline_right", "neck_right")
_OUTWEAR_HEM = ("hem_left", "front_left_bottom", "hem_right")
_FRONT = ("front_right_top", "front_right_upper", "front_right_lower", "front_right_bottom", "front_left_upper", "front_left_lower")

_WAIST = ("waist_left", "waist_middle", "waist_right")
_SHORTS_LEG = ("shorts_side_left", "leg_left_outer", "leg_left_inner")
_TROUSERS_LEG = ("hip_left", "knee_left_outer", "leg_left_outer", "leg_left_inner", "knee_left_inner")

CATEGORIES: tuple[Category, ...] = (
    Category("short_sleeve_top", _NECK + _left_then_right(_SHORT_SLEEVE + _SIDE, _HEM)),
    Category("long_sleeve_top", _NECK + _left_then_right(_LONG_SLEEVE + _SIDE, _HEM)),
    Category("short_sleeve_outwear", _SHORT_OUTWEAR_NECK + _left_then_right(_SHORT_SLEEVE + _SIDE, _OUTWEAR_HEM) + _FRONT),
    Category("long_sleeve_outwear", _LONG_OUTWEAR_NECK + _left_then_right(_LONG_SLEEVE + _SIDE, _OUTWEAR_HEM) + _FRONT),
    Category("vest", _NECK + _left_then_right((*_SLEEVELESS, "side_left_middle"), _HEM)),
    Category("sling", _NECK + _left_then_right((*_SLEEVELESS, "side_left_middle"), _HEM)),
    Category("shorts", _WAIST + _left_then_right(_SHORTS_LEG, ("crotch",))),
    Category("trousers", _WAIST + _left_then_right(_TROUSERS_LEG, ("crotch",))),
    Category("skirt", _WAIST + _left_then_right(("skirt_side_left",), _HEM)),
    Category("short_sleeve_dress", _NECK + _left_then_right(_SHORT_SLEEVE + _DRESS_SIDE, _HEM)),
    Category("long_sleeve_dress", _NECK + _left_then_right(_LONG_SLEEVE + _DRESS_SIDE, _HEM)),
    Category("vest_dress", _NECK + _left_then_right(_SLEEVELESS + _DRESS_SIDE[1:], _HEM)),
    Category("sling_dress", _NECK + _left_then_right(_SLEEVELESS + _DRESS_SIDE[1:], _HEM)),
)


CATEGORY: Mapping[str, Category] = MappingProxyType({category.name: category for category in CATEGORIES})

NO_GARMENT = "no_garment"
KINDS: tuple[str, ...] = (*CATEGORY, NO_GARMENT)
"""What a picture can show, in the order of the network's category head."""

POINTS: tuple[str, ...] = tuple(dict.fromkeys(point for category in CATEGORIES for point in category.points))
"""The 69 meanings in order of first use: the network's channels."""
PARTNERS: list[int] = [POINTS.index(mirrored(point)) for point in POINTS]
"""Of each channel the one that takes its place when the picture is flipped."""

_OLD_UPPER = {
    "shoulder_left": "shoulder_left",
    "shoulder_right": "shoulder_right",
    "armpit_left": "armpit_left",
    "armpit_right": "armpit_right",
}
_OLD_NECK = {"neckline_left": "neck_left", "neckline_right": "neck_right"}
_OLD_CUFFS = {
    "cuff_left_in": "cuff_left_inner",
    "cuff_left_out": "cuff_left_outer",
    "cuff_right_in": "cuff_right_inner",
    "cuff_right_out": "cuff_right_outer",
}
_OLD_TOP_HEM = {"top_hem_left": "hem_left", "top_hem_right": "hem_right"}
_OLD_HEMLINE = {"hemline_left": "hem_left", "hemline_right": "hem_right"}
_OLD_WAISTBAND = {"waistband_left": "waist_left", "waistband_right": "waist_right"}
_OLD_BOTTOMS = {
    "bottom_left_in": "leg_left_inner",
    "bottom_left_out": "leg_left_outer",
    "bottom_right_in": "leg_right_inner",
    "bottom_right_out": "leg_right_outer",
}
_CENTER_FRONT = {"center_front": "neck_front"}
# DeepFashion2 has no waist line on tops and dresses: the nearest point of the side stands in for it.
_OUTWEAR_WAISTLINE = {"waistline_left": "side_left_lower", "waistline_right": "side_right_lower"}
_DRESS_WAISTLINE = {"waistline_left": "dress_side_left_3", "waistline_right": "dress_side_right_3"}

_TOPS = ("long_sleeve_top", "short_sleeve_top")
_OUTWEAR = ("long_sleeve_outwear", "short_sleeve_outwear")
_DRESSES = ("short_sleeve_dress", "long_sleeve_dress", "vest_dress", "sling_dress")

OLD_TYPES: tuple[OldType, ...] = (
    OldType("blouse", _TOPS, _OLD_NECK | _CENTER_FRONT | _OLD_UPPER | _OLD_CUFFS | _OLD_TOP_HEM),
    OldType("outwear", _OUTWEAR, _OLD_NECK | _OLD_UPPER | _OLD_CUFFS | _OLD_TOP_HEM | _OUTWEAR_WAISTLINE),
    OldType("trousers", ("trousers",), _OLD_WAISTBAND | {"crotch": "crotch"} | _OLD_BOTTOMS),
    OldType("skirt", ("skirt",), _OLD_WAISTBAND | _OLD_HEMLINE),
    OldType("dress", _DRESSES, _OLD_NECK | _CENTER_FRONT | _OLD_UPPER | _DRESS_WAISTLINE | _OLD_CUFFS | _OLD_HEMLINE),
)

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "t-shirt": ("short_sleeve_top", "long_sleeve_top"),
        "tshirt": ("short_sleeve_top", "long_sleeve_top"),
        "shirt": _TOPS,
        "sweater": _TOPS,
        "jacket": _OUTWEAR,
        "coat": _OUTWEAR,
        "tank-top": ("vest", "sling"),
        "camisole": ("sling", "vest"),
        "pants": ("trousers",),
        "jeans": ("trousers", "shorts"),
    }
)

CLOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: (name,) for name in CATEGORY} | {old.name: old.categories for old in OLD_TYPES} | dict(ALIASES)
)
"""Every accepted value of `clothing` with the categories that it may be; the first where nothing tells them apart."""


def categories_of(clothing: str) -> tuple[Category, ...]:
    """What `clothing` (a category, an old type or an alias) may be; every category without it. Raises KeyError for any other word."""
    return tuple(CATEGORY[name] for name in CLOTHING[clothing]) if clothing else CATEGORIES
