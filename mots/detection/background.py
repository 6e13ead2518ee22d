"""Moving objects before a fixed camera, without any network: what differs from a learnt background.

The background of each pixel is a mixture of Gaussians (MOG2: Zivkovic, ICPR 2004) or its recent values (KNN: Zivkovic
and van der Heijden, Pattern Recognition Letters 27(7), 2006), both of OpenCV, adaptive and with shadows told apart.
What is not background is cleaned, cut into connected pieces, and split or joined by what was seen before (`blobs.py`).
A shaking camera is held still by following corners of the background.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mots.classes import engine_ids
from mots.detection.blobs import BlobMemory, BlobSettings
from mots.detection.camera_motion import followed
from mots.errors import InputError
from mots.optional import opencv
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL
from mots.video.frame import reduced_size

__all__ = ["BackgroundDetector", "BackgroundMotion", "BackgroundSettings"]

FOREGROUND = 255  # OpenCV's mark; shadows have another
MIN_POINTS = 12  # corners that must agree on a movement
STILL_PIXELS = 0.4  # of the reduced picture: smaller movements are not undone, as interpolation blurs more than they do
MOST_AHEAD = 1100  # frames that can be detected before the first of them is tracked: more than `ahead` allows
RENEWED = 50  # frames after which corners are chosen anew


@dataclass(frozen=True)
class BackgroundSettings:
    """How the background is learnt, and what counts as an object. Sizes are shares of the reduced picture's area."""

    model: Literal["mog2", "knn"] = "mog2"
    side: int = 640  # longer side of the reduced picture, in pixels
    history: int = 500  # frames after which the background has taken in what stands still
    warm_up: int = 10  # first frames without detections, in which the background is learnt
    sensitivity: float = 1.0  # 2: half the difference from the background is enough
    opened: int = 3  # side of the window by which specks are removed, in pixels of the reduced picture
    closed: int = 7  # side of the window by which gaps are closed
    least_area: float = 0.0004  # of an object
    most_area: float = 0.5  # if more of the picture differs, the light has changed: the frame has no objects
    still: bool = True  # hold a shaking camera still
    class_name: str = "object"  # what the objects are called
    blobs: BlobSettings = field(default_factory=BlobSettings)


class BackgroundMotion:
    """The camera's motion frame by frame, as a `BackgroundDetector` has noted it; see `CameraMotion`."""

    independent = True

    def __init__(self, motions: deque[NDArray[np.float64]]) -> None:
        self.motions = motions

    def motion(self, image: NDArray[np.uint8], masks: Masks) -> NDArray[np.float64]:
        """(2, 3) affine map of the last frame's background points to this frame's, in pixels."""
        return self.motions.popleft() if self.motions else STILL


class BackgroundDetector:
    """A detector with a memory: it sees the frames of one source, in order. Raises MissingDependency without OpenCV.

    Its scores say how long an object has been seen: 0.3 in the first frame, up to 0.9 in the fourth.
    """

    coarse = False
    independent = True  # of what its caller does meanwhile: it can run ahead

    def __init__(self, settings: BackgroundSettings | None = None) -> None:
        self.settings = settings or BackgroundSettings()
        self.cv2 = opencv("finding moving objects")
        self.class_id = engine_ids({0: self.settings.class_name})[0]
        self.names = {self.class_id: self.settings.class_name}
        self.size: tuple[int, int] | None = None
        self.motions: deque[NDArray[np.float64]] = deque(maxlen=MOST_AHEAD)
        self.before: NDArray[np.float64] = np.eye(3)  # the last image's place; see `_place`

    @property
    def camera_motion(self) -> BackgroundMotion | None:
        """The motion of a shaking camera, which the detector has measured; None where it does not (`still`)."""
        return BackgroundMotion(self.motions) if self.settings.still else None

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The objects of the next images (H, W, 3) uint8 RGB of the source. Raises InputError for another size."""
        return [self._next(image, classes) for image in images]

    def _next(self, image: NDArray[np.uint8], classes: Sequence[int]) -> Detections:
        height, width = image.shape[:2]
        if self.size is None:
            self._begin((height, width))
        if self.size != (height, width):
            raise InputError(f"a {height} x {width} frame after ones of {self.size}: the background has one size")
        small = self._reduced(image)
        move = self._movement(small)
        place = self._place(move)
        self.motions.append((place @ np.linalg.inv(self.before))[:2])
        self.before = place
        wanted = not classes or self.class_id in classes
        mask = self._foreground(small, move)
        self.seen += 1
        if self.seen <= self.settings.warm_up or mask.mean() > self.settings.most_area or not wanted:
            return Detections.empty((height, width))
        regions, ages = self.memory.regions(mask)
        if len(regions) == 0:
            return Detections.empty((height, width))
        masks = self._in_image(regions, place @ self.enlarge)
        scores = np.minimum(0.3 + 0.2 * ages, 0.9)
        found = Detections.from_masks(masks, scores, np.full(len(masks), self.class_id))
        return found.take(np.flatnonzero(masks.boxes[:, 2] > 0))

    def _begin(self, size: tuple[int, int]) -> None:
        """Set up for frames of (height, width)."""
        cv2, settings = self.cv2, self.settings
        self.size, self.seen = size, 0
        self.small = reduced_size(size, settings.side)
        scale = np.array([size[1] / self.small[1], size[0] / self.small[0]])
        # OpenCV's own thresholds, divided by the square of the sensitivity as they are squared distances.
        looser = max(settings.sensitivity, 1e-3) ** 2
        if settings.model == "mog2":
            self.model: Any = cv2.createBackgroundSubtractorMOG2(settings.history, 16.0 / looser, True)
        else:
            self.model = cv2.createBackgroundSubtractorKNN(settings.history, 400.0 / looser, True)
        self.windows = [
            cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (n, n)) for n in (settings.opened, settings.closed)
        ]
        self.memory = BlobMemory(
            self.small, max(settings.least_area * self.small[0] * self.small[1], 4.0), settings.blobs
        )
        # Points of the reduced picture to the image's. OpenCV's maps are of pixel centres: at 0.5 of a pixel.
        self.enlarge = np.diag([*scale, 1.0])
        self.enlarge[:2, 2] = scale / 2 - 0.5
        self.reference: NDArray[np.float32] | None = None
        self.corners: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32)

    def _reduced(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image.shape[:2] == self.small:
            return image
        # The mean of areas takes five times as long, and below a half only is it better.
        way = self.cv2.INTER_LINEAR if 2 * self.small[0] > image.shape[0] else self.cv2.INTER_AREA
        return np.asarray(self.cv2.resize(image, self.small[::-1], interpolation=way), np.uint8)

    def _movement(self, small: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """(2, 3) map of the reference's points to the reduced picture's; None where the camera holds still."""
        if not self.settings.still:
            return None
        cv2 = self.cv2
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if self.reference is None:
            self.reference = grey.astype(np.float32)
            self.corners = self._corners(grey)
            return None
        move = None
        if len(self.corners) >= MIN_POINTS:
            before = cv2.convertScaleAbs(self.reference)
            found = followed(cv2, before, grey, self.corners, window=15, levels=2, tolerance=1.5)
            if found is not None and found.agreeing >= max(MIN_POINTS, 0.5 * found.found):
                centre = np.array([self.small[1] / 2, self.small[0] / 2, 1.0])
                corner = np.array([self.small[1], self.small[0], 1.0])
                shift = max(np.abs(found.motion @ each - each[:2]).max() for each in (centre, corner))
                move = found.motion if shift > STILL_PIXELS else None
        if move is None:
            cv2.accumulateWeighted(grey, self.reference, 0.02)
        if self.seen % RENEWED == 0:
            self.corners = self._corners(cv2.convertScaleAbs(self.reference))
        return move

    def _place(self, move: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """(3, 3) map of the reference's points to the image's, both in the image's pixels.

        `move`: from the reference to the reduced picture.
        """
        if move is None:
            return np.eye(3)
        return np.asarray(self.enlarge @ np.vstack([move, [0.0, 0.0, 1.0]]) @ np.linalg.inv(self.enlarge))

    def _corners(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = self.cv2.goodFeaturesToTrack(grey, maxCorners=150, qualityLevel=0.01, minDistance=8)
        return np.zeros((0, 1, 2), np.float32) if found is None else found

    def _foreground(self, small: NDArray[np.uint8], move: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """(h, w) what is not background, in the reference's coordinates."""
        cv2, settings = self.cv2, self.settings
        if move is not None:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            size = self.small[::-1]
            outside = cv2.warpAffine(np.ones(self.small, np.uint8), move, size, flags=flags) == 0
            held = cv2.warpAffine(small, move, size, flags=flags)
            background = self.model.getBackgroundImage()
            if background is not None and background.shape == held.shape:
                held[outside] = background[outside]
            small = held
        marks = self.model.apply(np.ascontiguousarray(small))
        _, mask = cv2.threshold(marks, FOREGROUND - 1, 1, cv2.THRESH_BINARY)
        if settings.opened > 1:
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self.windows[0])
        if settings.closed > 1:
            mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self.windows[1])
        return np.asarray(mask, np.uint8).view(np.bool_)

    def _in_image(self, regions: Masks, place: NDArray[np.float64]) -> Masks:
        """The regions of the reduced picture at the image's size. `place`: (3, 3) map of their points there."""
        cv2 = self.cv2
        assert self.size is not None
        corners: list[tuple[int, int]] = []
        crops: list[NDArray[np.bool_]] = []
        matrix, offset = place[:2, :2], place[:2, 2]
        for i in range(len(regions)):
            x1, y1, x2, y2 = regions.boxes[i].tolist()
            ends = np.array([[x, y] for x in (x1 - 1, x2) for y in (y1 - 1, y2)], np.float64) @ matrix.T + offset
            left, top = np.floor(ends.min(axis=0)).astype(int)
            right, bottom = np.ceil(ends.max(axis=0)).astype(int) + 1
            local = np.column_stack([matrix, matrix @ [x1, y1] + offset - [left, top]])
            crop = regions.crop(i).astype(np.float32)
            drawn = cv2.warpAffine(crop, local, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR)
            corners.append((int(left), int(top)))
            crops.append(np.asarray(drawn >= 0.5))
        return Masks.from_crops(self.size, corners, crops)
