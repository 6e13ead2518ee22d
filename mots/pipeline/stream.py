"""Tracking for scripts that own their loop: one image at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots import setting_ranges
from mots.detection.measurement import Measurer, detected, of_classes
from mots.detection.protocols import CameraMotion, Detector, Embedder, MaskRefiner
from mots.errors import InputError
from mots.pipeline.options import chosen_settings
from mots.pipeline.parts import Parts, class_ids
from mots.pipeline.steps import identify, label_frames
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings
from mots.trackers.detections import Detections
from mots.trackers.tracker import Tracker
from mots.video.arrays import checked_image
from mots.video.frame import Frame

__all__ = ["Stream"]


class Stream:
    """Detector, appearance, camera motion and tracker for one stream of images; arguments as in `track`.

    `frame_rate`: frames a second, for images without times. `tracker` can be read. Raises InputError, FormatError and
    MissingDependency.
    """

    def __init__(
        self,
        *,
        preset: str = "default",
        settings: Settings | str | Path | None = None,
        changes: Mapping[str, Any] | None = None,
        classes: str | int | Iterable[str | int] | None = None,
        detector: Detector | None = None,
        embedder: Embedder | None = None,
        mask_refiner: MaskRefiner | None = None,
        camera_motion: CameraMotion | None = None,
        weights: str | None = None,
        conf: float | None = None,
        imgsz: int | None = None,
        device: str | None = None,
        reid: str | None = None,
        frame_rate: float | None = None,
    ) -> None:
        self.settings = chosen_settings(
            preset, settings, changes, classes=classes, weights=weights, conf=conf, imgsz=imgsz, device=device,
            reid=reid, frame_rate=frame_rate,
        )  # fmt: skip
        setting_ranges.check(self.settings)
        self.parts = Parts(detector, embedder, mask_refiner, camera_motion).build(
            self.settings, detects=True, has_images=True
        )
        self.names = dict(self.parts.names)
        self.classes = class_ids(self.settings, self.names)
        self.frame_rate = self.settings.frame_rate or self.settings.source.default_rate
        self.tracker = Tracker(self.settings.tracker, self.frame_rate)
        self.measurer = Measurer(self.parts.mask_refiner, self.parts.embedder, self.parts.camera_motion)
        self.frames = 0

    def update(
        self, image: NDArray[np.uint8], time: float | None = None, detections: Detections | None = None
    ) -> TrackedFrame:
        """The next image (H, W, 3) uint8 RGB with its objects; its number counts from 0.

        `time`: seconds, later than the last image's; without it, number / frame rate. `detections`: in place of the
        detector's. Raises InputError for an array of another type or shape, another frame size, or a time that does
        not advance.
        """
        image = checked_image(image, "image")
        frame = Frame(self.frames, self.frames / self.frame_rate if time is None else float(time), image)
        if detections is None:
            assert self.parts.detector is not None
            detections = detected(self.parts.detector, image, self.classes, f"frame {self.frames}")
        if not isinstance(detections, Detections):
            raise InputError(f"detections is a {type(detections).__name__}: wanted Detections")
        measurement = self.measurer.measure(frame, of_classes(detections, self.classes))
        (tracked,) = label_frames(identify([measurement], self.tracker), self.settings.labels)
        self.frames += 1
        return tracked
