"""Where objects touch the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.labels import FrameLabels
from mots.trackers.masks import Masks

__all__ = ["LiveFeet", "foot_points"]

FOOT_SHARE = 0.05  # of the mask's height: its lowest rows
LIVE_SPAN = 0.2  # seconds over which the running mean of a live foot point falls to 1 / e


def foot_points(masks: Masks) -> NDArray[np.float64]:
    """(N, 2) x y where each object touches the ground: the middle of the mask's lowest rows, and its lower edge.

    Zeros for a mask without pixels.
    """
    points = np.zeros((len(masks), 2))
    for i, (x1, y1, _, y2) in enumerate(masks.boxes.tolist()):
        if y2 > y1:
            rows = max(round((y2 - y1) * FOOT_SHARE), 1)
            columns = np.flatnonzero(masks.crop(i)[-rows:].any(axis=0))
            points[i] = x1 + (columns[0] + columns[-1] + 1) / 2, y2
    return points


class LiveFeet:
    """The foot point of each track, smoothed by what came before it: a running mean over LIVE_SPAN."""

    def __init__(self) -> None:
        self.places: dict[int, tuple[float, NDArray[np.float64]]] = {}  # time and place, by track

    def update(self, labels: FrameLabels) -> list[tuple[int, int, NDArray[np.float64], float]]:
        """Row, id, place (2,) and height in pixels of each object of a frame that has pixels."""
        found = []
        heights = (labels.masks.boxes[:, 3] - labels.masks.boxes[:, 1]).tolist()
        for i, (identity, foot) in enumerate(zip(labels.ids.tolist(), foot_points(labels.masks), strict=True)):
            if heights[i] == 0:
                continue
            then, before = self.places.get(identity, (labels.time, foot))
            place = before + (1.0 - float(np.exp(-(labels.time - then) / LIVE_SPAN))) * (foot - before)
            self.places[identity] = (labels.time, place)
            found.append((i, identity, place, float(heights[i])))
        return found

    def forget(self, identity: int) -> None:
        """A track has ended."""
        self.places.pop(identity, None)
