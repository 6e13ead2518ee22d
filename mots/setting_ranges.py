"""The range of each setting: outside of it a value makes no sense, and is refused by its name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from mots.errors import InputError

__all__ = ["check", "check_value", "range_of"]

# By the last word of a setting's name, or by its last two where one word means two things. (lowest, highest, whether
# the lowest is excluded); every other number is finite and at least 0.
INFINITE = math.inf
ABOVE_ZERO = (0.0, INFINITE, True)
SHARE = (0.0, 1.0, False)
SCORE = (0.0, 2.0, False)  # above 1 lets none, or every, score pass
RANGES: dict[str, tuple[float, float, bool]] = {
    **dict.fromkeys(
        (
            "default_rate", "max_megapixels", "silence", "gate", "measurement_noise", "acceleration_noise",
            "size_noise", "persistence", "size_persistence", "initial_speed", "score_span", "tolerance",
            "velocity_span", "join_max_growth", "every", "sensitivity",
        ),
        ABOVE_ZERO,
    ),
    **dict.fromkeys(
        (
            "conf", "nms_iou", "contrast", "threshold", "min_piece", "colour_share", "quality", "contained",
            "contained_iou", "duplicate_iou", "new_coverage", "occluded_coverage", "momentum", "clean_coverage",
            "similar_share", "cut_correlation", "cut_overlap", "strict_level", "strict_floor", "other_rate",
            "same_rate", "mask_weight", "appearance_weight", "score_weight", "min_kept", "join_similar_share",
            "min_overlap", "fill", "fill_visible", "least_area", "most_area", "inside", "joined", "smoothing",
            "hidden_coverage", "hidden_bonus",
        ),
        SHARE,
    ),
    **dict.fromkeys(
        (
            "min_score", "max_score", "new_score", "confirm_score", "sure_score", "report_score", "clean_score",
            "occluder_score", "reference_score", "min_mean_score",
        ),
        SCORE,
    ),
    **dict.fromkeys(
        (
            "max_detections", "batch", "views", "confirm_hits", "min_distance", "history", "opened",
            "closed", "known",
        ), (1, 10**6, False),
    ),
    "max_radius": (1, 90, False),  # in a larger window the sums of squares would not fit into 32 bits
    "detector.batch": (0, 1024, False),
    "ahead": (0, 1024, False),
    "imgsz": (32, 8192, False),
    "side": (16, 8192, False),
    "points": (1, 10**6, False),
    "min_points": (3, 10**6, False),
    "window": (3, 255, False),
    "attempts": (0, 10**6, False),
}  # fmt: skip
MAY_BE_INFINITE = {"lost_for"}


def range_of(name: str) -> tuple[float, float, bool]:
    """The lowest and highest value of a number's setting, and whether the lowest is excluded."""
    *_, before, last = ["", *name.split(".")]
    return RANGES.get(f"{before}.{last}") or RANGES.get(last, (0.0, INFINITE, False))


def check_value(value: Any, name: str, origin: str) -> None:
    """Raise InputError where a number is outside the range of its setting."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    last = name.rpartition(".")[2]
    low, high, excluded = range_of(name)
    inside = low <= value <= high and not (excluded and value == low)
    if inside and (math.isfinite(value) or last in MAY_BE_INFINITE):
        return
    wanted = f"above {low:g}" if excluded else f"{low:g} or more"
    if math.isfinite(high):
        wanted = f"{low:g} to {high:g}"
    elif last not in MAY_BE_INFINITE and not excluded:
        wanted = f"a finite number, {wanted}"
    raise InputError(f"{origin}: {name} is {value!r}: wanted {wanted}")


def check(settings: Any, origin: str = "settings", before: str = "") -> None:
    """Raise InputError for the first number of a settings dataclass, and of all inside it, that makes no sense."""
    for each in dataclasses.fields(settings):
        value, name = getattr(settings, each.name), f"{before}{each.name}"
        if dataclasses.is_dataclass(value):
            check(value, origin, f"{name}.")
        elif isinstance(value, tuple):
            for item in value:
                if dataclasses.is_dataclass(item):
                    check(item, origin, f"{name}.{getattr(item, 'name', '?')}.")
                elif isinstance(item, tuple):
                    for number in item:
                        check_value(number, name, origin)
        else:
            check_value(value, name, origin)
