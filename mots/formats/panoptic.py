"""Every pixel of a frame: objects laid over a semantic map, as KITTI-STEP wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_IDS
from mots.errors import MotsError
from mots.formats import kitti_step
from mots.labels import FrameLabels

__all__ = ["STEP_THINGS", "PanopticFolder", "PanopticFrame"]

STEP_THINGS = {CLASS_IDS["person"]: 11, CLASS_IDS["car"]: 13}  # our class to KITTI-STEP's train id
VOID = 255


@dataclass(frozen=True, eq=False)
class PanopticFrame:
    """`frame`: its number. `semantic`: (H, W) uint8 train ids, 255 void. `instances`: (H, W) uint16, 0 where no object
    is."""

    frame: int
    semantic: NDArray[np.uint8]
    instances: NDArray[np.uint16]

    @property
    def codes(self) -> NDArray[np.uint32]:
        """(H, W) semantic << 16 | instance, as `kitti_step` writes them."""
        return np.asarray((self.semantic.astype(np.uint32) << 16) | self.instances, np.uint32)

    @staticmethod
    def from_objects(labels: FrameLabels, semantic: NDArray[np.uint8] | None = None) -> PanopticFrame:
        """People and cars laid over a semantic map (H, W); without one all else is void. Other classes are left out.

        Where no object lies the map stays as it is, people and cars of no identity (instance 0) among it. Raises
        ValueError for a map of another size, and for an id beyond 65535, which the format cannot hold.
        """
        found = np.full(labels.size, VOID, np.uint8) if semantic is None else np.array(semantic, np.uint8)
        if found.shape != labels.size:
            raise ValueError(f"a semantic map of {found.shape} for a frame of {labels.size} (height, width)")
        instances = np.zeros(labels.size, np.uint16)
        for i, (identity, class_id) in enumerate(zip(labels.ids.tolist(), labels.classes.tolist(), strict=True)):
            if class_id not in STEP_THINGS:
                continue
            if not 0 < identity < 1 << 16:
                raise ValueError(f"id {identity}: KITTI-STEP holds 1 to 65535")
            x1, y1, x2, y2 = labels.masks.boxes[i].tolist()
            crop = labels.masks.crop(i).astype(np.bool_)
            found[y1:y2, x1:x2][crop] = STEP_THINGS[class_id]
            instances[y1:y2, x1:x2][crop] = identity
        return PanopticFrame(labels.frame, found, instances)


class PanopticFolder:
    """Writes a sequence's frames as KITTI-STEP's PNGs, over semantic maps of the same names where there are any."""

    def __init__(self, folder: Path, semantic: Path | None = None) -> None:
        self.folder, self.semantic = folder, semantic

    def write(self, labels: FrameLabels) -> None:
        """Write one frame. Raises MotsError for a semantic map that is missing or of another kind or size."""
        try:
            kitti_step.write(self.folder / f"{labels.frame:06d}.png", self._panoptic(labels).codes)
        except OSError as error:
            raise MotsError(f"{self.folder}: frame {labels.frame} could not be written ({error.strerror})") from error

    def _panoptic(self, labels: FrameLabels) -> PanopticFrame:
        if self.semantic is None:
            return PanopticFrame.from_objects(labels)
        path = self.semantic / f"{labels.frame:06d}.png"
        try:
            return PanopticFrame.from_objects(labels, semantic_map(path))
        except ValueError as error:
            raise MotsError(f"{path}: {error}") from error

    def __enter__(self) -> PanopticFolder:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left open."""


def semantic_map(path: Path) -> NDArray[np.uint8]:
    """(H, W) train ids of a PNG of one channel of 8 bits. Raises MotsError for another file."""
    from mots.video.images import open_image

    try:
        picture = open_image(path)
    except OSError as error:
        raise MotsError(f"{path}: no semantic map that can be read ({error})") from error
    if picture.mode not in ("L", "P"):
        raise MotsError(f"{path}: a picture of mode {picture.mode} where one channel of 8 bits with train ids is due")
    return np.asarray(picture).astype(np.uint8)
