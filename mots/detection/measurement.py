"""What is known of one frame before the tracker, and how it is measured.

Measuring a frame depends on it and the one before it only, so it can be done elsewhere, in batches and ahead of the
tracker; identifying is the only step with memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mots.detection.protocols import CameraMotion, DetectionRefiner, Detector, Embedder, MaskRefiner
from mots.errors import InputError
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL
from mots.video.frame import NO_IMAGE, Frame

__all__ = ["FrameMeasurement", "Measurer", "detected", "of_classes", "refined"]


@dataclass(frozen=True, eq=False)
class FrameMeasurement:
    """All that the tracker is told of a frame.

    `frame`: its number in the source's own numbering. `time`: seconds; NaN where a file does not hold it. `image`:
    (H, W, 3) uint8 RGB, or (0, 0, 3) where there is none. `detections`: with refined masks and embeddings. `motion`:
    (2, 3) affine map of the last frame's background points to this frame's.
    """

    frame: int
    time: float
    image: NDArray[np.uint8]
    detections: Detections
    motion: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"FrameMeasurement(frame {self.frame}, {self.detections!r})"

    def without_image(self) -> FrameMeasurement:
        """The same, with the image's memory free."""
        return replace(self, image=NO_IMAGE)


class Measurer:
    """Completes detections: refines masks, embeds, measures the camera's motion, each where there is something for it.

    Frames must come in order.
    """

    def __init__(
        self,
        mask_refiner: MaskRefiner | DetectionRefiner | None = None,
        embedder: Embedder | None = None,
        camera_motion: CameraMotion | None = None,
    ) -> None:
        self.mask_refiner, self.embedder, self.camera_motion = mask_refiner, embedder, camera_motion

    def measure(self, frame: Frame, detections: Detections) -> FrameMeasurement:
        """The measurement of a frame with these detections; embeddings that are there already are kept.

        Raises InputError where the detections are of another frame size: their masks would lie in wrong places.
        """
        height, width = frame.image.shape[:2]
        if detections.size != (height, width):
            high, wide = detections.size
            raise InputError(
                f"frame {frame.number}: detections with masks of {high} x {wide} for a frame of {height} x {width} "
                "(height x width): a detector gives masks in the frame's own size"
            )
        if self.mask_refiner is not None:
            detections = replace(detections, masks=refined(self.mask_refiner, frame.image, detections))
        if self.embedder is not None and detections.embeddings.shape[1] == 0:
            detections = replace(detections, embeddings=self.embedder.embed(frame.image, detections))
        motion = STILL if self.camera_motion is None else self.camera_motion.motion(frame.image, detections.masks)
        return FrameMeasurement(frame.number, frame.time, frame.image, detections, motion)


def refined(refiner: MaskRefiner | DetectionRefiner, image: NDArray[np.uint8], detections: Detections) -> Masks:
    """The masks of detections after a refiner of either kind."""
    if isinstance(refiner, DetectionRefiner):
        return refiner.refine_detections(image, detections)
    return refiner.refine(image, detections.masks)


def detected(detector: Detector, image: NDArray[np.uint8], classes: Sequence[int], where: str) -> Detections:
    """What a detector finds in one image. Raises InputError, which `where` begins, for an answer of another form."""
    answer = detector.detect([image], classes)
    if not isinstance(answer, (list, tuple)) or len(answer) != 1 or not isinstance(answer[0], Detections):
        found = type(answer).__name__
        if isinstance(answer, (list, tuple)):
            found = f"list of {', '.join(type(each).__name__ for each in answer) or 'nothing'}"
        raise InputError(f"{where}: the detector gives a {found}: wanted a list of one Detections for each image")
    return answer[0]


def of_classes(detections: Detections, classes: tuple[int, ...]) -> Detections:
    """The detections of these classes; all of them where `classes` is empty."""
    if not classes:
        return detections
    wanted = np.isin(detections.classes, classes)
    return detections if wanted.all() else detections.take(np.flatnonzero(wanted))
