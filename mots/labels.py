"""The objects of one frame with their identities: truth and results alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["FrameLabels", "HasLabels", "LabelSettings", "frames_in", "label", "labels_of"]


@dataclass(frozen=True)
class LabelSettings:
    """Which of several masks gets a common pixel, and which masks are dropped."""

    # Of two masks that overlap, the object in front is usually covered by a larger share, as its mask lies whole inside
    # the other's. On MOTS20-02 and -05 this predicts the order better than score, area or foot point alone.
    contested_weight: float = 0.5  # weight of the share of a mask that others claim, added to its score
    min_kept: float = 0.5  # a mask that keeps a smaller share of its pixels is dropped


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """N objects of one frame, each with an identity; no two masks share a pixel.

    `frame`: its number in the source's own numbering. `time`: seconds from the source's start. `ids`: (N,) int64,
    positive, unique. `classes`: (N,) int64 ids of `mots.classes`. `scores`: (N,) float32, 1 in truth. `masks`: N masks.
    `ignore`: regions that are not scored (truth only).
    """

    frame: int
    time: float
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: Masks
    ignore: Masks

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"FrameLabels(frame {self.frame}, {len(self)} objects)"

    def __getitem__(self, index: NDArray[np.generic] | Sequence[int]) -> FrameLabels:
        """The same as `take`."""
        return self.take(index)

    @property
    def labels(self) -> FrameLabels:
        """Itself, so that labels and frames that hold labels can be used alike."""
        return self

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        return self.masks.size

    @staticmethod
    def empty(frame: int, time: float, size: tuple[int, int]) -> FrameLabels:
        """A frame without objects."""
        none = np.zeros(0, np.int64)
        return FrameLabels(frame, time, none, none, np.zeros(0, np.float32), Masks.empty(size), Masks.empty(size))

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> FrameLabels:
        """The objects at an integer or bool index (K,); the ignore regions stay."""
        index = np.asarray(index, np.intp) if len(index) == 0 else np.asarray(index)
        return replace(
            self,
            ids=self.ids[index],
            classes=self.classes[index],
            scores=self.scores[index],
            masks=self.masks.take(index),
        )


class HasLabels(Protocol):
    """A frame with labels: `FrameLabels` itself, or a `TrackedFrame`."""

    @property
    def labels(self) -> FrameLabels: ...


def labels_of(frame: HasLabels) -> FrameLabels:
    """The labels of a frame. Raises InputError for what is no frame."""
    labels = getattr(frame, "labels", None)
    if not isinstance(labels, FrameLabels):
        raise InputError(f"frame is a {type(frame).__name__}: wanted a frame of mots.track or mots.Stream")
    return labels


def frames_in(results: Iterable[HasLabels]) -> Iterator[HasLabels]:
    """The frames, each checked as by `labels_of`."""
    if not isinstance(results, Iterable):
        raise InputError(f"results is a {type(results).__name__}: wanted the frames of mots.track or mots.read_results")
    for frame in results:
        labels_of(frame)
        yield frame


def label(
    detections: Detections,
    ids: NDArray[np.int64],
    classes: NDArray[np.int64],
    frame: int,
    time: float,
    settings: LabelSettings | None = None,
) -> tuple[FrameLabels, int]:
    """The detections that have an id (not 0), with masks made disjoint; and how many pixels were claimed twice.

    `ids`: (N,) one per detection. `classes`: (K,) the classes of the K detections with an id, in their order. A common
    pixel goes to the mask of the highest score, to which `contested_weight` times the share that others claim is added.
    A mask that keeps less than `min_kept` of its pixels is dropped: the rest is rarely an object's outline.
    """
    settings = settings or LabelSettings()
    rows = np.flatnonzero(ids)
    chosen = detections.masks.take(rows)
    areas = chosen.areas()
    others = chosen.intersections(chosen).sum(axis=1) - areas  # claimed pixels, counted once for each other mask
    contested = np.minimum(others / np.maximum(areas, 1), 1.0)
    masks, lost = chosen.disjoint(detections.scores[rows] + settings.contested_weight * contested)
    labels = FrameLabels(frame, time, ids[rows], classes, detections.scores[rows], masks, Masks.empty(detections.size))
    kept = (masks.boxes[:, 2] > 0) & (lost <= (1.0 - settings.min_kept) * areas)
    return labels.take(np.flatnonzero(kept)), int(lost.sum())
