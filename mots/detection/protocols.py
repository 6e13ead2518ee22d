"""What can be replaced: a caller's own detector, embedder, mask refiner or camera motion. (`Source` is in video.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = [
    "CameraMotion",
    "DetectionRefiner",
    "Detector",
    "Embedder",
    "MaskRefiner",
    "ParallelDetector",
    "StagedDetector",
]

Image = NDArray[np.uint8]


class Detector(Protocol):
    """Finds objects in images. At run time `names` and `coarse` may be missing; they then count as empty and false."""

    @property
    def names(self) -> Mapping[int, str]:
        """The classes that it knows beyond COCO's, the engine's id to a name; may be empty."""
        ...

    @property
    def coarse(self) -> bool:
        """Whether its masks have a lower resolution than the images, so that a mask refiner is applied."""
        ...

    def detect(self, images: Sequence[Image], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB; of these classes only, where any are given."""
        ...


@runtime_checkable
class StagedDetector(Protocol):
    """A detector whose `detect` is three steps, which the pipeline can run for different frames at the same time."""

    def prepare(self, image: Image) -> Any:
        """What the network takes of an image."""
        ...

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        """What the network gives for each of these inputs."""
        ...

    def finish(self, output: Any, size: tuple[int, int], classes: Sequence[int] = ()) -> Detections:
        """The detections of an image of (height, width), as `detect` gives them."""
        ...


@runtime_checkable
class ParallelDetector(StagedDetector, Protocol):
    """A staged detector that gains by several calls of `infer` at the same time."""

    @property
    def most_calls(self) -> int:
        """How many threads may call `infer` at the same time and gain by it."""
        ...

    def expect_calls(self, count: int) -> None:
        """So many calls will be made at the same time."""
        ...


class Embedder(Protocol):
    """Describes the appearance of detections."""

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""
        ...

    def embed(self, image: Image, detections: Detections) -> NDArray[np.float32]:
        """(N, D) float32 of unit length for the detections in an image (H, W, 3) uint8 RGB."""
        ...


class MaskRefiner(Protocol):
    """Improves masks by means of the image."""

    def refine(self, image: Image, masks: Masks) -> Masks:
        """The N masks in their order, as the image (H, W, 3) uint8 RGB shows them."""
        ...


@runtime_checkable
class DetectionRefiner(Protocol):
    """A mask refiner that chooses among detections which masks are worth its time."""

    def refine_detections(self, image: Image, detections: Detections) -> Masks:
        """The masks of N detections in their order, as the image (H, W, 3) uint8 RGB shows them."""
        ...


class CameraMotion(Protocol):
    """Measures how the camera moved from one frame to the next."""

    def motion(self, image: Image, masks: Masks) -> NDArray[np.float64]:
        """(2, 3) affine map of the last frame's background points to those of this image (H, W, 3) uint8 RGB.

        `masks`: the objects of this frame, which are not background. The first frame gives the identity.
        """
        ...
