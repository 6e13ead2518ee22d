"""COCO's RLE dictionaries, `{"size": [height, width], "counts": ...}`, as pycocotools and annotations have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mots.encodings import rle
from mots.encodings.runs import Runs, masks_of, runs_of
from mots.trackers.masks import Masks

__all__ = ["encodings_of", "masks_of_encodings", "runs_of_counts"]


def encodings_of(masks: Masks) -> list[dict[str, Any]]:
    """The compressed RLE of each mask."""
    size = list(masks.size)
    return [{"size": size, "counts": text.decode("ascii")} for text in rle.encode(runs_of(masks))]


def masks_of_encodings(encodings: Sequence[Mapping[str, Any]]) -> Masks:
    """The masks of N dictionaries of one size; `counts` is compressed (text or bytes) or a list of lengths.

    Raises ValueError for no dictionaries, two sizes, and an encoding that does not decode.
    """
    if len(encodings) == 0:
        raise ValueError("no encodings, so no frame size: use Masks.empty")
    height, width = (int(length) for length in encodings[0]["size"])
    parts = []
    for i, each in enumerate(encodings):
        if [int(length) for length in each["size"]] != [height, width]:
            raise ValueError(f"encoding {i} has the size {list(each['size'])}, the first one [{height}, {width}]")
        try:
            parts.append(runs_of_counts(each["counts"], (height, width)))
        except ValueError as error:
            raise ValueError(f"encoding {i} does not decode: {error}") from error
    return masks_of(Runs.concatenate((height, width), parts))


def runs_of_counts(counts: str | bytes | Sequence[int], size: tuple[int, int]) -> Runs:
    """The runs of one mask, from compressed counts or a list of lengths of 0 and 1 in turn. Raises ValueError."""
    if isinstance(counts, str):
        counts = counts.encode("ascii")
    if isinstance(counts, bytes):
        return rle.decode([counts], size)
    lengths = np.array(counts, np.int64)
    edges = np.cumsum(lengths)
    if len(edges) == 0 or (lengths < 0).any() or edges[-1] != size[0] * size[1]:
        raise ValueError(f"runs that do not fill a frame of {size[0]} x {size[1]}")
    starts, stops = edges[0::2][: len(edges) // 2], edges[1::2]
    full = stops > starts
    first, last = starts[full].astype(np.int32), stops[full].astype(np.int32)
    return Runs(size, first, last, np.array([0, len(first)], np.int64), np.array([(last - first).sum()], np.int64))
