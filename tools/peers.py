"""BoxMOT's and Roboflow's trackers on given detections; `tools/compare_trackers.py` starts it in their own environment:

    python3 -m venv .venv-peers
    .venv-peers/bin/pip install torch==2.13.0 torchvision==0.28.0 boxmot==25.0.0 trackers==2.6.1

    .venv-peers/bin/python tools/peers.py NAME OPTIONS FOLDER

NAME is as in `boxmot strongsort` or `roboflow bytetrack`, OPTIONS its settings as JSON. FOLDER holds `<frame>.npz` for
each frame (boxes, scores, classes, features, the masks' tight boxes, pixels and places, and the picture's path); the
ids of a frame's detections, 0 for none, are written to `ids.npz` there, and each update's seconds to `seconds.npy`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

Arrays = dict[str, Any]
Step = Callable[[Arrays, Any], tuple[Any, Any]]  # arrays and the BGR picture -> rows of detections, and their ids


def main() -> None:
    name, options, folder = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
    maker, kind = name.split()
    step = {"boxmot": boxmot, "roboflow": roboflow}[maker](kind, options)
    answers, seconds = {}, []
    for path in sorted(folder.glob("[0-9]*.npz")):
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        image = cv2.imread(str(arrays["image"]))
        begin = perf_counter()
        rows, found = step(arrays, image)
        seconds.append(perf_counter() - begin)
        ids = np.zeros(len(arrays["boxes"]), np.int64)
        ids[np.asarray(rows, np.int64)] = np.asarray(found, np.int64)
        answers[path.stem] = ids
    np.save(folder / "seconds.npy", seconds)
    np.savez(folder / "ids.npz", **answers)  # type: ignore[arg-type]  # names as keywords


def boxmot(kind: str, options: Arrays) -> Step:
    """One of BoxMOT's trackers; it gets the features if it takes them."""
    import torch
    from boxmot.structures import Boxes, Detections, MaskBatch
    from boxmot.trackers.factory import create_tracker
    from boxmot.trackers.specs import TrackerSpec

    tracker = create_tracker(TrackerSpec(kind, options=tuple(sorted(options.items()))))
    features = tracker.capabilities.accepts_embeddings
    masked = tracker.capabilities.accepts_masks

    def step(arrays: Arrays, image: Any) -> tuple[Any, Any]:
        tensors = {key: torch.from_numpy(arrays[key]) for key in ("boxes", "scores", "classes", "features")}
        found = tracker.update(
            Detections(
                Boxes(tensors["boxes"]),
                tensors["scores"],
                tensors["classes"],
                "frame",
                masks=MaskBatch(torch.from_numpy(full(arrays, image.shape[:2]))) if masked else None,
                embeddings=tensors["features"] if features else None,
            ),
            image,
        )
        rows, ids = found.detection_indices.numpy(), found.track_ids.numpy()
        return rows[rows >= 0], ids[rows >= 0] + 1

    return step


def full(arrays: Arrays, size: tuple[int, int]) -> Any:
    """(N, H, W) masks of tight crops."""
    masks = np.zeros((len(arrays["boxes"]), *size), np.bool_)
    for k, (x1, y1, x2, y2) in enumerate(arrays["mask_boxes"].tolist()):
        start = arrays["mask_starts"][k]
        crop = arrays["mask_pixels"][start : start + (x2 - x1) * (y2 - y1)]
        masks[k, y1:y2, x1:x2] = crop.reshape(y2 - y1, x2 - x1)
    return masks


def roboflow(kind: str, options: Arrays) -> Step:
    """One of Roboflow's trackers."""
    import supervision

    import trackers

    names = {
        "botsort": "BoTSORTTracker",
        "bytetrack": "ByteTrackTracker",
        "cbiou": "CBIoUTracker",
        "mcbyte": "McByteTracker",
        "ocsort": "OCSORTTracker",
        "sort": "SORTTracker",
    }
    tracker = getattr(trackers, names[kind])(**options)

    def step(arrays: Arrays, image: Any) -> tuple[Any, Any]:
        found = supervision.Detections(
            xyxy=arrays["boxes"],
            confidence=arrays["scores"],
            class_id=arrays["classes"],
            data={"row": np.arange(len(arrays["boxes"]))},
        )
        answer = tracker.update(found, frame=image[:, :, ::-1] if kind == "mcbyte" else image)
        if len(answer) == 0:
            return [], []
        named = answer.tracker_id >= 0
        return answer.data["row"][named], answer.tracker_id[named] + 1

    return step


if __name__ == "__main__":
    main()
