"""Optical flow between two frames, and what is moved by it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.optional import opencv
from mots.video.frame import reduced_size

__all__ = ["FLOWS", "Flow", "OpenCvFlow", "agreement", "flow_named", "moved", "places_in", "reduced"]

Image = NDArray[np.uint8]
Field = NDArray[np.float32]
FLOWS = ("dis", "farneback", "raft")


class Flow(Protocol):
    """Where each pixel of one image lies in another."""

    def between(self, one: Image, two: Image) -> Field:
        """(H, W, 2) x y by which each pixel of an image (H, W, 3) uint8 RGB lies elsewhere in another one."""
        ...


class OpenCvFlow:
    """Without a network: DIS (Kroeger et al., ECCV 2016) or Farneback (SCIA 2003).

    Raises MissingDependency without OpenCV.
    """

    def __init__(self, kind: str = "dis") -> None:
        self.cv2 = opencv("optical flow")
        self.dis = self.cv2.DISOpticalFlow_create(self.cv2.DISOPTICAL_FLOW_PRESET_MEDIUM) if kind == "dis" else None

    def between(self, one: Image, two: Image) -> Field:
        """See `Flow.between`."""
        grey = [self.cv2.cvtColor(each, self.cv2.COLOR_RGB2GRAY) for each in (one, two)]
        if self.dis is not None:
            return np.asarray(self.dis.calc(grey[0], grey[1], None), np.float32)
        return np.asarray(self.cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 4, 21, 3, 7, 1.5, 0), np.float32)


def flow_named(name: str) -> Flow:
    """The flow of this name, or of RAFT's weights at this path. Raises InputError for another name, and what loading
    weights raises."""
    if name in ("dis", "farneback"):
        return OpenCvFlow(name)
    if name == "raft" or name.endswith(".pth"):
        from mots.models.raft import OFFICIAL_WEIGHTS, RaftFlow

        return RaftFlow(OFFICIAL_WEIGHTS if name == "raft" else name)
    raise InputError(f"unknown flow '{name}': there are {', '.join(FLOWS)}, or RAFT's weights in a .pth file")


def reduced(cv2: Any, image: Image, side: int) -> Image:
    """An image whose longer side has at most `side` pixels: itself where it has no more."""
    height, width = reduced_size(image.shape[:2], side)
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def places_in(backward: Field) -> tuple[Field, Field]:
    """(H, W) columns and rows where each pixel comes from, by the flow from its image to the other one."""
    height, width = backward.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x + backward[..., 0], y + backward[..., 1]


def moved(cv2: Any, values: NDArray[np.float32], places: tuple[Field, Field], border: float = 0.0) -> Field:
    """(H, W) or (H, W, C) values of the other image at the places of this one's pixels; `border` beyond its edges."""
    if values.ndim == 2 or values.shape[2] <= 4:
        border_value = (border,) * 4
        return np.asarray(cv2.remap(values, *places, cv2.INTER_LINEAR, borderValue=border_value), np.float32)
    return np.stack([moved(cv2, values[..., k], places, border) for k in range(values.shape[2])], axis=2)


def agreement(cv2: Any, backward: Field, forward: Field, places: tuple[Field, Field]) -> Field:
    """(H, W) 1 where the flows back and forth lead to the same place, 0 where they do not, as in what an object
    uncovers (Sundaram, Brox, Keutzer, ECCV 2010, equation 5)."""
    back = cv2.remap(forward, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = ((backward + back) ** 2).sum(axis=2)
    limit = 0.01 * ((backward**2).sum(axis=2) + (back**2).sum(axis=2)) + 0.5
    return np.asarray(apart < limit, np.float32)
