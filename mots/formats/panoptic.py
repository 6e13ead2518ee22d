"""Panoptic frames: objects drawn over a semantic map, as KITTI-STEP's PNGs hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mots.classes import STEP_THINGS
from mots.errors import FormatError
from mots.files import cannot_write
from mots.formats import kitti_step
from mots.labels import FrameLabels, HasLabels

__all__ = ["PanopticFolder", "PanopticFrame", "SavedMaps", "SemanticMaps"]

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
        """People and cars drawn over a semantic map (H, W); without one the rest is void. Other classes are left out.

        Elsewhere the map stays as it is, including people and cars without an identity (instance 0). Raises ValueError
        for a map of another size, and for an id beyond 65535, which the format cannot hold.
        """
        classes = np.full(labels.size, VOID, np.uint8) if semantic is None else np.array(semantic, np.uint8)
        if classes.shape != labels.size:
            raise ValueError(f"a semantic map of {classes.shape} for a frame of {labels.size} (height, width)")
        instances = np.zeros(labels.size, np.uint16)
        for i, (identity, class_id) in enumerate(zip(labels.ids.tolist(), labels.classes.tolist(), strict=True)):
            if class_id not in STEP_THINGS:
                continue
            if not 0 < identity < 1 << 16:
                raise ValueError(f"id {identity}: KITTI-STEP holds 1 to 65535")
            x1, y1, x2, y2 = labels.masks.boxes[i].tolist()
            crop = labels.masks.crop(i).astype(np.bool_)
            classes[y1:y2, x1:x2][crop] = STEP_THINGS[class_id]
            instances[y1:y2, x1:x2][crop] = identity
        return PanopticFrame(labels.frame, classes, instances)


class SemanticMaps(Protocol):
    """The semantic maps of a sequence, asked for in the order of its frames."""

    def of(self, number: int) -> NDArray[np.uint8]:
        """(H, W) train ids of the frame of this number, 255 void."""
        ...


class SavedMaps:
    """Maps of a folder, `%06d.png` of train ids. Raises FormatError for one that is missing or of another type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, number: int) -> NDArray[np.uint8]:
        """See `SemanticMaps.of`."""
        return semantic_map(self.folder / f"{number:06d}.png")


class PanopticFolder:
    """Writes a sequence's frames as KITTI-STEP's PNGs, over semantic maps if given. A context manager."""

    def __init__(self, folder: Path, semantic: Path | SemanticMaps | None = None) -> None:
        self.folder = folder
        self.semantic = SavedMaps(semantic) if isinstance(semantic, Path) else semantic

    def write(self, frame: HasLabels) -> None:
        """Write one frame. Raises FormatError for a semantic map that is missing or of another type or size, MotsError
        where the frame cannot be written."""
        labels = frame.labels
        path = self.folder / f"{labels.frame:06d}.png"
        try:
            kitti_step.write(path, self._panoptic(labels).codes)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _panoptic(self, labels: FrameLabels) -> PanopticFrame:
        if self.semantic is None:
            return PanopticFrame.from_objects(labels)
        own = self.semantic.of(labels.frame)
        try:
            return PanopticFrame.from_objects(labels, own)
        except ValueError as error:
            where = f"{self.semantic.folder}: " if isinstance(self.semantic, SavedMaps) else ""
            raise FormatError(f"{where}frame {labels.frame}: {error}") from error

    def __enter__(self) -> PanopticFolder:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """No file is open between frames."""


def semantic_map(path: Path) -> NDArray[np.uint8]:
    """(H, W) train ids of a PNG of one channel of 8 bits. Raises FormatError for another file."""
    from mots.video.images import open_image

    try:
        picture = open_image(path)
    except OSError as error:
        raise FormatError(f"{path}: the semantic map cannot be read ({error})") from error
    if picture.mode not in ("L", "P"):
        raise FormatError(
            f"{path}: expected one channel of 8 bits with train ids, found a picture of mode {picture.mode}"
        )
    return np.asarray(picture).astype(np.uint8)
