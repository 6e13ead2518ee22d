"""The semantic map of each frame of a video, smoothed over time by optical flow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.models.semantic import SemanticNetwork
from mots.optional import opencv
from mots.segmentation.flow import Flow, OpenCvFlow, agreement, moved, places_in, reduced
from mots.video.frame import Frame

__all__ = ["FrameMaps", "SmoothedMaps"]

Image = NDArray[np.uint8]
GRID = 512  # longer side at which scores are smoothed, in pixels: finer than any of these networks' own grids


class SmoothedMaps:
    """The maps of a video's frames, which must come in order.

    A frame's scores are a weighted mean of its own and of those of the frame before, moved by the optical flow, where
    the flows back and forth agree; what is uncovered rests on its own. `smoothing`: the earlier ones' weight, from 0.
    """

    def __init__(self, network: SemanticNetwork, smoothing: float | None = None, flow: Flow | None = None) -> None:
        self.network = network
        self.smoothing = network.settings.smoothing if smoothing is None else smoothing
        self.cv2 = opencv("smoothing semantic maps")
        self.flow = flow or OpenCvFlow()
        self.before: tuple[Image, NDArray[np.float32]] | None = None

    def map(self, image: Image) -> NDArray[np.uint8]:
        """(H, W) Cityscapes' train ids of the next frame (H, W, 3) uint8 RGB; 255 where no class is known."""
        size = (image.shape[0], image.shape[1])
        if self.smoothing <= 0:
            return self.network.labels(self.network.scores(image, size), size)
        small = reduced(self.cv2, image, GRID)
        scores = self.network.scores(image, (small.shape[0], small.shape[1]))
        if self.before is not None and self.before[0].shape == small.shape:
            last, earlier = self.before
            backward = self.flow.between(small, last)
            places = places_in(backward)
            share = self.smoothing * agreement(self.cv2, backward, self.flow.between(last, small), places)
            arrived = moved(self.cv2, earlier, places)
            share = share * (arrived.sum(axis=2) > 0.99)  # nothing comes from beyond the picture's edge
            scores = scores + share[..., None] * (arrived - scores)
        self.before = small, scores
        return self.network.labels(scores, size)


class FrameMaps:
    """The maps of a source's frames by number, for a writer that asks for them in order."""

    def __init__(self, source: Iterable[Frame], maps: SmoothedMaps) -> None:
        self.frames: Iterator[Frame] = iter(source)
        self.maps = maps

    def of(self, number: int) -> NDArray[np.uint8]:
        """(H, W) the map of this frame; those before it are made too, as smoothing needs them. Raises InputError where
        the source has no such frame."""
        for frame in self.frames:
            made = self.maps.map(frame.image)
            if frame.number == number:
                return made
            if frame.number > number:
                break
        raise InputError(f"frame {number} is missing in the source of the semantic maps")
