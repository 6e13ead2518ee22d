"""BDD100K's segmentation tracking in Scalabel's JSON: frames with labels whose masks are COCO RLE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mots.classes import BDD_CLASSES, IGNORE
from mots.encodings import rle
from mots.encodings.runs import Runs
from mots.errors import FormatError
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelTable

__all__ = ["read"]


def read(path: str | Path, report: Report = fail) -> dict[str, LabelTable]:
    """The sequences of a file by their video's name; crowds are ignore regions.

    Labels of other categories than BDD100K's are skipped. Faults go to `report`: a label without a mask or with one
    that does not decode. Raises FormatError for a file that is no such JSON.
    """
    path = Path(path)
    try:
        frames = json.loads(path.read_bytes())
        frames = frames["frames"] if isinstance(frames, dict) else frames
        videos: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}
        for frame in frames:
            rows = videos.setdefault(str(frame["videoName"]), [])
            for label in frame.get("labels") or ():
                if label["category"] in BDD_CLASSES:
                    rows.append((int(frame["frameIndex"]), str(label["id"]), label))
        return {name: table_of(rows, f"{path}: {name}", report) for name, rows in videos.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: not Scalabel's JSON of frames with labels ({error!r})") from error


def table_of(rows: list[tuple[int, str, dict[str, Any]]], origin: str, report: Report) -> LabelTable:
    """The labels of one video; a label's place in the file takes the part of its line number."""
    names = {name: number for number, name in enumerate(sorted({identity for _, identity, _ in rows}), start=1)}
    size: tuple[int, int] | None = None
    labels: list[tuple[int, int, int, int]] = []
    encoded: list[bytes] = []
    for number, (frame, identity, label) in enumerate(rows, start=1):
        mask = label.get("rle")
        where = f"{origin}, frame {frame}, label {identity}"
        if not mask:
            report(Fault("mask", where, "no mask in 'rle'", frame=frame))
            continue
        own = (int(mask["size"][0]), int(mask["size"][1]))
        size = own if size is None else size
        if own != size:
            message = f"a frame of {own[0]} x {own[1]} where the first has {size[0]} x {size[1]}"
            report(Fault("size", where, message, frame=frame))
            continue
        try:
            rle.decode([mask["counts"].encode("ascii")], size)
        except (rle.RLEError, UnicodeEncodeError) as error:
            report(Fault("mask", where, f"the mask does not decode: {error}", frame=frame))
            continue
        crowd = bool((label.get("attributes") or {}).get("crowd"))
        labels.append((number, frame, names[identity], IGNORE if crowd else BDD_CLASSES[label["category"]]))
        encoded.append(mask["counts"].encode("ascii"))
    numbers, frames, ids, classes = np.array(labels, np.int64).reshape(-1, 4).T
    runs = rle.decode(encoded, size) if size is not None else Runs.empty((0, 0))
    return LabelTable(origin, numbers, frames, ids, classes, runs)
