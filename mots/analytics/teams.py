"""Teams from the colours of shirts: two groups of tracks, and those that belong to neither.

A shirt is the part of a mask between the shoulders and the hips. Its colour in a frame is the median of its pixels in
CIELAB, a track's colour the median over its frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.labels import HasLabels
from mots.trackers.masks import Masks

__all__ = ["ODD", "UNKNOWN", "Shirts", "Team", "lab_of", "shirt_colours", "teams_of"]

TOP, BOTTOM = 0.18, 0.5  # of a mask's height: shoulders and hips
SIDE = 0.2  # of its width on each side, where arms and background are
LEAST_PIXELS = 12  # of a shirt in a frame
LEAST_FRAMES = 5  # with a shirt that a track needs
LEAST_APART = 12.0  # of the two teams' colours in CIELAB; 2.3 is a just noticeable difference (Mahy et al., 1994)
LIGHTNESS = 0.5  # weight of lightness, which shade and sun change, against the two colour axes
FAR = 0.75  # of the teams' distance: farther from both is neither, though it lies between them
ODD_SPREADS, ODD_SHARE = 5.0, 0.3  # a track is odd from so many spreads of its team on, and so far of both's distance
LEAST_SCORE = 0.25  # below, a track lies between both teams
UNKNOWN, ODD = "unknown", "other"  # not clear; clear and of neither team, as referees and keepers


@dataclass(frozen=True)
class Team:
    """A track's team: A (the one of more tracks), B, `other` or `unknown`, and how clear that is, 0 to 1."""

    track_id: int
    team: str
    score: float


class Shirts:
    """Collects the shirts' colours of frames with their images."""

    def __init__(self) -> None:
        self.colours: dict[int, list[NDArray[np.float64]]] = {}

    def add(self, image: NDArray[np.uint8], frame: HasLabels, classes: tuple[int, ...] = (0,)) -> None:
        """Add a frame: image (H, W, 3) RGB, and its objects of these classes (people)."""
        labels = frame.labels
        for identity, class_id, colour in zip(
            labels.ids.tolist(), labels.classes.tolist(), shirt_colours(image, labels.masks), strict=True
        ):
            if class_id in classes and np.isfinite(colour).all():
                self.colours.setdefault(identity, []).append(colour)

    def tracks(self) -> dict[int, NDArray[np.float64]]:
        """(3,) CIELAB of each track that was seen well in enough frames."""
        return {
            identity: np.median(np.array(colours), axis=0)
            for identity, colours in self.colours.items()
            if len(colours) >= LEAST_FRAMES
        }


def shirt_colours(image: NDArray[np.uint8], masks: Masks) -> NDArray[np.float64]:
    """(N, 3) the CIELAB colour of each mask's shirt; nan where too little of it is seen."""
    colours = np.full((len(masks), 3), np.nan)
    for i, (x1, y1, x2, y2) in enumerate(masks.boxes.tolist()):
        high, wide = y2 - y1, x2 - x1
        top, bottom = y1 + round(TOP * high), y1 + round(BOTTOM * high)
        left, right = x1 + round(SIDE * wide), x2 - round(SIDE * wide)
        inside = masks.crop(i)[top - y1 : bottom - y1, left - x1 : right - x1]
        if np.count_nonzero(inside) >= LEAST_PIXELS:
            pixels = image[top:bottom, left:right][inside]
            colours[i] = np.median(lab_of(pixels), axis=0)
    return colours


def lab_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 3) CIELAB (D65) of sRGB pixels (N, 3) (IEC 61966-2-1; CIE 15:2004)."""
    shares = pixels.astype(np.float64) / 255.0
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = light @ to_xyz.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def teams_of(colours: Mapping[int, NDArray[np.float64]], tracks: Iterable[int] = ()) -> list[Team]:
    """The team of each track; `tracks` without a colour are unknown.

    Two means are sought from every pair of tracks as a start (Lloyd's k-means with k = 2; the best of all starts).
    Where they are not clearly apart, all tracks are unknown.
    """
    names = sorted(colours)
    others = [Team(identity, UNKNOWN, 0.0) for identity in sorted(set(tracks) - set(names))]
    if len(names) < 2:
        return sorted([*others, *(Team(each, UNKNOWN, 0.0) for each in names)], key=lambda each: each.track_id)
    points = np.array([colours[identity] for identity in names]) * [LIGHTNESS, 1.0, 1.0]
    centres = two_means(points)
    apart = float(np.linalg.norm(centres[0] - centres[1]))
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    own = distances.argmin(axis=1)
    if np.count_nonzero(own == 1) > np.count_nonzero(own == 0):
        own, distances = 1 - own, distances[:, ::-1]
    spreads = [float(np.median(distances[own == k, k])) if (own == k).any() else 0.0 for k in (0, 1)]
    odd = [max(ODD_SPREADS * spread / max(apart, 1e-9), ODD_SHARE) for spread in spreads]
    found = []
    for identity, team, near in zip(names, own.tolist(), np.sort(distances, axis=1).tolist(), strict=True):
        score = (near[1] - near[0]) / max(near[1], 1e-9)
        if apart < LEAST_APART:
            found.append(Team(identity, UNKNOWN, 0.0))
        elif near[0] > (FAR if score < LEAST_SCORE else odd[team]) * apart:
            found.append(Team(identity, ODD, min(near[0] / apart, 1.0)))
        elif score < LEAST_SCORE:
            found.append(Team(identity, UNKNOWN, score))
        else:
            found.append(Team(identity, "AB"[team], score))
    return sorted([*found, *others], key=lambda each: each.track_id)


def two_means(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) the centres of two groups of points (N, 3). Medians, so that a few odd points do not draw them away."""
    best, least = points[:2], np.inf
    starts = points if len(points) <= 40 else points[np.linspace(0, len(points) - 1, 40).astype(int)]
    for i in range(len(starts)):
        for j in range(i):
            centres = np.stack([starts[i], starts[j]])
            for _ in range(20):
                own = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(axis=1)
                if own.min() == own.max():
                    break
                fresh = np.stack([np.median(points[own == k], axis=0) for k in (0, 1)])
                if (fresh == centres).all():
                    break
                centres = fresh
            total = float(np.linalg.norm(points[:, None] - centres[None], axis=2).min(axis=1).sum())
            # Both groups must be teams: a centre on one odd point alone is none.
            own = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(axis=1)
            small = min(np.count_nonzero(own == 0), np.count_nonzero(own == 1))
            if small < max(2, len(points) // 6) and len(points) > 3:
                continue
            if total < least:
                best, least = centres, total
    return best
