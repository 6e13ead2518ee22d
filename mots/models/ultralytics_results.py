"""Frames as Ultralytics' `Results`, for scripts that expect them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_NAMES, class_name
from mots.labels import FrameLabels
from mots.optional import optional_import

__all__ = ["results_of"]


def results_of(labels: FrameLabels, image: NDArray[np.uint8], names: Mapping[int, str]) -> Any:
    """`Results` with boxes (x1 y1 x2 y2 id score class), masks in the frame's size and names by the engine's ids.

    `image`: (H, W, 3) uint8 RGB; `Results` hold it as BGR. Raises MissingDependency without ultralytics.
    """
    results = optional_import("ultralytics.engine.results", "its results", extra="models")
    torch = optional_import("torch", "Ultralytics' results", extra="models")
    columns = (labels.ids, labels.scores, labels.classes)
    rows = np.concatenate([labels.masks.boxes, np.stack(columns, axis=1)], axis=1).astype(np.float32)
    every = {**dict(enumerate(CLASS_NAMES)), **{each: class_name(each, names) for each in labels.classes.tolist()}}
    masks = torch.from_numpy(labels.masks.to_images().astype(np.uint8)) if len(labels) else None
    return results.Results(
        orig_img=np.ascontiguousarray(image[:, :, ::-1]),
        path="",
        names=every,
        boxes=torch.from_numpy(rows.reshape(-1, 7)),
        masks=masks,
    )
