"""The camera's motion between two frames, from points of the background: those outside all masks.

Corners of the last frame (Shi and Tomasi, CVPR 1994) are followed by pyramidal optical flow (Lucas and Kanade, 1981) in
a reduced picture, and the similarity transform (translation, rotation, scale) that most of them agree on is taken
(RANSAC, Fischler and Bolles, 1981).

Where no motion is found, the frame may show another scene: a cut. It counts as one only where that is certain: next to
no corner is found again, and neither the layout nor the brightness of the two pictures is alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks
from mots.trackers.motion import CUT, STILL

__all__ = ["CameraSettings", "FlowCameraMotion", "Followed", "followed"]


THUMBNAIL = (32, 18)  # width and height of the pictures whose layout is compared
# At most 10 steps for a corner, until one is shorter than 0.03 pixels (type 3: both). OpenCV's 30 and 0.01 take longer
# and change nothing that can be measured.
ENOUGH = (3, 10, 0.03)
FLAT = 8.0  # standard deviation in grey levels below which a thumbnail has no layout


@dataclass(frozen=True)
class CameraSettings:
    """Whether and how the camera's motion is measured. Lengths are in pixels of the reduced picture."""

    enabled: bool = True
    side: int = 480  # the image is halved until its longer side is this or less
    points: int = 200  # corners that are followed
    min_points: int = 20  # with fewer that agree, the camera counts as fixed
    min_distance: int = 8  # between two corners
    quality: float = 0.01  # least quality of a corner, as a share of the best one's
    window: int = 15  # side of the flow's search window
    tolerance: float = 3.0  # pixels of the frame by which a point may miss the common motion
    cut_correlation: float = 0.3  # of two pictures reduced to 32 x 18; a cut is below it,
    cut_overlap: float = 0.7  # and the overlap of their histograms of grey levels is below this


class FlowCameraMotion:
    """Measures the camera's motion frame by frame. Raises MissingDependency where OpenCV is not installed."""

    def __init__(self, settings: CameraSettings | None = None) -> None:
        self.settings = settings or CameraSettings()
        self.cv2 = opencv("measuring the camera's motion", otherwise="set camera.enabled = false")
        self.before: NDArray[np.uint8] | None = None
        self.corners: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32)  # of the last frame's background

    def motion(self, image: NDArray[np.uint8], masks: Masks) -> NDArray[np.float64]:
        """(2, 3) affine map of the last frame's background points to this frame's, in pixels.

        `image`: (H, W, 3) uint8 RGB. `masks`: this frame's objects. The first frame, and a frame in which too few
        points agree, give the identity; one that certainly shows another scene gives `CUT`.
        """
        settings = self.settings
        grey, scale = self.reduced(image)
        motion = STILL
        if self.before is not None and self.before.shape == grey.shape:
            found = self.common_motion(grey, scale) if len(self.corners) >= settings.min_points else None
            motion = found if found is not None else CUT if self.is_cut(grey) else STILL
        self.before = grey
        self.corners = self.background_corners(grey, masks, scale)
        return motion

    def reduced(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
        """The grey picture whose longer side is `side` at most, and the image's pixels in a row for 1 pixel of it.

        By halves: OpenCV does that eight times as fast as other ratios, and a picture between half of `side` and
        `side` shows the motion as well.
        """
        grey = np.asarray(self.cv2.cvtColor(image, self.cv2.COLOR_RGB2GRAY), np.uint8)
        scale = 1.0
        while max(grey.shape) > self.settings.side and min(grey.shape) >= 2:
            grey, scale = half(self.cv2, grey), 2.0 * scale
        return grey, scale

    def is_cut(self, grey: NDArray[np.uint8]) -> bool:
        """Whether two pictures, between which no motion was found, show different scenes."""
        cv2, settings = self.cv2, self.settings
        assert self.before is not None
        small = [
            cv2.resize(each, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64) for each in (self.before, grey)
        ]
        deviations = [each.std() for each in small]
        if min(deviations) < FLAT:  # a dark or a plain picture tells nothing
            return False
        products = (small[0] - small[0].mean()) * (small[1] - small[1].mean())
        if products.mean() / (deviations[0] * deviations[1]) >= settings.cut_correlation:
            return False
        levels = [np.bincount(each.ravel() >> 3, minlength=32) / each.size for each in (self.before, grey)]
        return float(np.minimum(*levels).sum()) < settings.cut_overlap

    def common_motion(self, grey: NDArray[np.uint8], scale: float) -> NDArray[np.float64] | None:
        """The map that most corners follow; None where too few agree."""
        settings = self.settings
        assert self.before is not None
        found = followed(
            self.cv2, self.before, grey, self.corners,
            window=settings.window, levels=3, tolerance=settings.tolerance, scale=scale,
        )  # fmt: skip
        return found.motion if found is not None and found.agreeing >= settings.min_points else None

    def background_corners(self, grey: NDArray[np.uint8], masks: Masks, scale: float) -> NDArray[np.float32]:
        """(K, 1, 2) corners outside all masks' boxes, in the reduced picture.

        They are looked for in half of it, which takes a third of the time: where exactly a corner is followed from
        makes no difference.
        """
        settings = self.settings
        if min(grey.shape) < 2:
            return np.zeros((0, 1, 2), np.float32)
        small = half(self.cv2, grey)
        allowed = np.full(small.shape, 255, np.uint8)
        boxes = masks.boxes / (2 * scale)
        for x1, y1, x2, y2 in np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], 1).astype(int).tolist():
            allowed[y1:y2, x1:x2] = 0
        corners = self.cv2.goodFeaturesToTrack(
            small,
            maxCorners=settings.points,
            qualityLevel=settings.quality,
            minDistance=settings.min_distance / 2,
            mask=allowed,
        )
        return np.zeros((0, 1, 2), np.float32) if corners is None else in_larger(corners, 2.0)


def half(cv2: Any, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W) of half the size; the last line of an odd number is left out."""
    height, width = grey.shape[0] // 2, grey.shape[1] // 2
    smaller = cv2.resize(grey[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def in_larger(points: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Points (..., 2) of a picture in one that is `scale` times as large; whole numbers are pixels' centres."""
    return np.asarray(points * scale + (scale - 1) / 2, np.float32)


class Followed(NamedTuple):
    """A map (2, 3) of points to the next picture, how many corners agree on it, and how many were found again."""

    motion: NDArray[np.float64]
    agreeing: int
    found: int


def followed(
    cv2: Any,
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    corners: NDArray[np.float32],
    *,
    window: int,
    levels: int,
    tolerance: float,
    scale: float = 1.0,
) -> Followed | None:
    """The similarity transform that most corners (K, 1, 2) of one grey picture follow to the next; None where there is
    none. `scale`: the map is of a picture so many times as large. `tolerance`: by how many pixels of the map a corner
    may miss it."""
    if len(corners) < 2:
        return None
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, None, winSize=(window, window), maxLevel=levels, criteria=ENOUGH
    )
    good = status[:, 0] == 1
    if good.sum() < 2:
        return None
    cv2.setRNGSeed(0)  # the same frames give the same map
    motion, inliers = cv2.estimateAffinePartial2D(
        in_larger(corners[good, 0], scale),
        in_larger(moved[good, 0], scale),
        method=cv2.RANSAC,
        ransacReprojThreshold=tolerance,
    )
    if motion is None or not np.isfinite(motion).all():
        return None
    return Followed(np.asarray(motion, np.float64), int(inliers.sum()), int(good.sum()))
