"""Annotated pictures: masks, names and traces, drawn by supervision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mots.classes import class_name
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.labels import HasLabels
from mots.optional import opencv, optional_import

__all__ = ["Annotator"]


class Annotator:
    """Draws frames in order: masks in the colours of their ids, classes and ids, and traces of the foot points.

    Raises MissingDependency where supervision or OpenCV is not installed.
    """

    def __init__(self, frame_rate: float, names: Mapping[int, str] | None = None) -> None:
        sv = optional_import("supervision", "drawing", extra="video")
        opencv("drawing")  # supervision imports it when it draws, without a message of how to install it
        self.sv = sv
        self.names = dict(names or {})
        by_track = sv.ColorLookup.TRACK
        self.masks = sv.MaskAnnotator(opacity=0.55, color_lookup=by_track)
        self.texts = sv.LabelAnnotator(
            color_lookup=by_track,
            text_scale=0.4,
            text_padding=3,
            text_color=sv.Color.BLACK,
            border_radius=2,
            smart_position=True,
        )
        self.traces = sv.TraceAnnotator(
            color_lookup=by_track,
            position=sv.Position.BOTTOM_CENTER,
            trace_length=max(round(1.5 * frame_rate), 2),
            thickness=2,
        )

    def draw(self, image: NDArray[np.uint8], frame: HasLabels) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: a copy of the image with the frame's objects drawn in. Frames must come in order."""
        sv, labels = self.sv, frame.labels
        canvas = np.ascontiguousarray(image[:, :, ::-1])  # OpenCV's order of channels
        height, width = labels.size
        if len(labels):
            encoded = rle.encode(runs_of(labels.masks))
            boxes = labels.masks.boxes.astype(np.float32)
            inclusive = boxes - np.array([0, 0, 1, 1], np.float32)
            compact = sv.CompactMask.from_coco_rle(
                [{"size": [height, width], "counts": counts} for counts in encoded], inclusive, (height, width)
            )
            detections = sv.Detections(
                xyxy=boxes, mask=compact, class_id=labels.classes.astype(int), tracker_id=labels.ids.astype(int)
            )
            canvas = self.masks.annotate(canvas, detections)
            canvas = self.traces.annotate(canvas, detections)
            names = [
                f"{class_name(class_id, self.names)} {identity}"
                for class_id, identity in zip(labels.classes.tolist(), labels.ids.tolist(), strict=True)
            ]
            canvas = self.texts.annotate(canvas, detections, labels=names)
        return np.ascontiguousarray(canvas[:, :, ::-1])
