"""The camera's motion between two frames, from points of the background: what is outside all masks.

Corners of the last frame (Shi and Tomasi, 1994) are followed by pyramidal optical flow (Lucas and Kanade, 1981) in a
reduced picture, and the similarity (shift, turn, zoom) that most of them agree on is taken (RANSAC).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL

__all__ = ["Camera", "CameraSettings"]


@dataclass(frozen=True)
class CameraSettings:
    """Whether and how the camera's motion is measured."""

    enabled: bool = True
    side: int = 480  # the longer side of the reduced picture, in pixels
    points: int = 200  # corners that are followed
    min_points: int = 20  # with fewer that agree the camera counts as still


class Camera:
    """Measures the camera's motion frame by frame. Raises MotsError where OpenCV is not installed."""

    def __init__(self, settings: CameraSettings | None = None) -> None:
        self.settings = settings or CameraSettings()
        self.cv2 = opencv("measuring the camera's motion needs OpenCV", ", or go without by --set camera.enabled=false")
        self.before: NDArray[np.uint8] | None = None
        self.corners: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32)  # of the last frame's background

    def motion(self, image: NDArray[np.uint8], masks: Masks) -> NDArray[np.float64]:
        """(2, 3) affine map of the last frame's still points to this frame's, in pixels.

        `image`: (H, W, 3) uint8 RGB. `masks`: this frame's objects. The first frame, and a frame in which too few
        points agree, answer that the camera stood still.
        """
        cv2, settings = self.cv2, self.settings
        height, width = image.shape[:2]
        factor = min(1.0, settings.side / max(height, width))
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor < 1 else image
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        scale = np.array([width / size[0], height / size[1]])
        found = STILL
        if self.before is not None and self.before.shape == grey.shape and len(self.corners) >= settings.min_points:
            found = self.agreed(grey, scale)
        self.before = grey
        self.corners = self.background_corners(grey, masks, scale)
        return found

    def agreed(self, grey: NDArray[np.uint8], scale: NDArray[np.float64]) -> NDArray[np.float64]:
        """The map that most corners follow."""
        cv2 = self.cv2
        after, followed, _ = cv2.calcOpticalFlowPyrLK(
            self.before, grey, self.corners, None, winSize=(15, 15), maxLevel=3
        )
        good = followed[:, 0] == 1
        if good.sum() < self.settings.min_points:
            return STILL
        old, new = self.corners[good, 0] * scale, after[good, 0] * scale
        cv2.setRNGSeed(0)  # the same frames give the same map
        found, inliers = cv2.estimateAffinePartial2D(old, new, method=cv2.RANSAC, ransacReprojThreshold=3.0)
        if found is None or not np.isfinite(found).all() or int(inliers.sum()) < self.settings.min_points:
            return STILL
        return np.asarray(found, np.float64)

    def background_corners(
        self, grey: NDArray[np.uint8], masks: Masks, scale: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """(K, 1, 2) corners outside all masks' boxes, in the reduced picture."""
        allowed = np.full(grey.shape, 255, np.uint8)
        boxes = masks.boxes / np.concatenate([scale, scale])
        for x1, y1, x2, y2 in np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], 1).astype(int).tolist():
            allowed[y1:y2, x1:x2] = 0
        corners = self.cv2.goodFeaturesToTrack(
            grey, maxCorners=self.settings.points, qualityLevel=0.01, minDistance=8, mask=allowed
        )
        return np.zeros((0, 1, 2), np.float32) if corners is None else corners
