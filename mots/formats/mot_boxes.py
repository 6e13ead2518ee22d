"""MOTChallenge's box text: `frame,id,x,y,width,height,confidence,class,visibility`, x and y from 1. Written only."""

from __future__ import annotations

import numpy as np

from mots.classes import IGNORE, MOT_CHALLENGE_CLASSES, class_name
from mots.encodings.runs import tight_boxes
from mots.formats.label_table import LabelTable

__all__ = ["dumps", "not_held"]


def dumps(table: LabelTable) -> bytes:
    """The tight boxes of a table's masks, with MOTChallenge's class numbers; what it cannot hold is left out."""
    rows = table.take(np.isin(table.classes, list(MOT_CHALLENGE_CLASSES)))
    columns = (rows.frames, rows.ids, rows.classes, tight_boxes(rows.runs))
    return "".join(
        f"{frame},{identity},{x1 + 1},{y1 + 1},{x2 - x1},{y2 - y1},1,{MOT_CHALLENGE_CLASSES[class_id]},1\n"
        for frame, identity, class_id, (x1, y1, x2, y2) in zip(*(column.tolist() for column in columns), strict=True)
    ).encode("ascii")


def not_held(table: LabelTable) -> list[str]:
    """What the format cannot hold of a table, a phrase each."""
    classes, counts = np.unique(table.classes, return_counts=True)
    return [
        f"{count} masks of {class_name(class_id)}"
        for class_id, count in zip(classes.tolist(), counts.tolist(), strict=True)
        if class_id not in MOT_CHALLENGE_CLASSES and class_id != IGNORE
    ]
