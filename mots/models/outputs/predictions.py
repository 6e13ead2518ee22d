"""What a segmentation network of Ultralytics predicts: boxes, scores and coefficients, before and after suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.models.outputs.suppression import suppressed

__all__ = ["Candidates", "candidates", "is_end_to_end", "likely"]

MAX_CANDIDATES = 30_000  # before suppression, as Ultralytics has it; far above what an image gives


@dataclass(frozen=True, eq=False)
class Candidates:
    """K boxes (K, 4) in the input's pixels, with scores (K,), the checkpoint's classes (K,), coefficients (K, nm)."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    coefficients: NDArray[np.float32]


def candidates(
    prediction: NDArray[np.float32],
    classes: int,
    count: int,
    keep: NDArray[np.int64],
    *,
    conf: float,
    nms_iou: float,
    most: int,
) -> Candidates:
    """The detections with a score above `conf` after non-maximum suppression, highest score first, so many at most.

    `prediction`: (4 + classes + count, A) with centre boxes, as YOLOv8 and YOLO11 give them, or (A, 6 + count) with
    corner boxes, score and class, as networks trained for use without suppression give them.
    """
    if is_end_to_end(prediction.shape, classes, count):
        rows = prediction[(prediction[:, 4] > conf) & np.isin(prediction[:, 5].astype(np.int64), keep)]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")][:most]
        return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64), rows[:, 6:])
    scores = prediction[4 : 4 + classes]
    above = np.flatnonzero(scores.max(axis=0) > conf)
    best = scores[:, above].argmax(axis=0)
    top = scores[best, above]
    wanted = np.isin(best, keep)
    above, best, top = above[wanted], best[wanted], top[wanted]
    order = np.argsort(-top, kind="stable")[:MAX_CANDIDATES]
    above, best, top = above[order], best[order], top[order]
    centre, half = prediction[:2, above].T, prediction[2:4, above].T / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    chosen = suppressed(boxes, best, nms_iou, most)
    return Candidates(boxes[chosen], top[chosen], best[chosen], prediction[4 + classes :, above[chosen]].T)


def is_end_to_end(shape: Sequence[int], classes: int, count: int) -> bool:
    """Whether predictions of this shape (rows, columns) are those of a network that is used without suppression."""
    return shape[1] == 6 + count and shape[0] != 4 + classes + count


def likely(predictions: Any, classes: int, count: int, conf: float) -> list[NDArray[np.float32]]:
    """Of each image's predictions (B, 4 + classes + count, A), a tensor, the columns with a score above `conf`, on the
    CPU. Those of networks for use without suppression, which are few, come as they are."""
    if is_end_to_end(predictions.shape[1:], classes, count):
        return list(predictions.cpu().numpy())
    above = predictions[:, 4 : 4 + classes].amax(dim=1) > conf
    rows = predictions.transpose(1, 2)[above].cpu().numpy()
    ends = np.cumsum(above.sum(dim=1).cpu().numpy())
    return [part.T for part in np.split(rows, ends[:-1])]
