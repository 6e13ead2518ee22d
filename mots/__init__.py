"""Multi-object tracking and segmentation: video in, masks with lasting identities out.

Names are imported when they are first used, so that `import mots` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Detections",
    "DetectorSettings",
    "FrameLabels",
    "Masks",
    "MotsError",
    "MotsWarning",
    "ResultFolder",
    "Settings",
    "TrackedFrame",
    "Tracker",
    "TrackerSettings",
    "World",
    "YOLOv8Seg",
    "__version__",
    "score",
    "track",
]

if TYPE_CHECKING:
    from mots.errors import MotsError, MotsWarning
    from mots.evaluation.scoring import score
    from mots.labels import FrameLabels
    from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg
    from mots.pipeline.pipeline import TrackedFrame, track
    from mots.pipeline.results import ResultFolder
    from mots.settings import Settings
    from mots.toy.world import World
    from mots.trackers.detections import Detections
    from mots.trackers.masks import Masks
    from mots.trackers.tracker import Tracker, TrackerSettings

HOMES = {
    "Detections": "mots.trackers.detections",
    "DetectorSettings": "mots.models.yolov8_seg",
    "FrameLabels": "mots.labels",
    "Masks": "mots.trackers.masks",
    "MotsError": "mots.errors",
    "MotsWarning": "mots.errors",
    "ResultFolder": "mots.pipeline.results",
    "Settings": "mots.settings",
    "TrackedFrame": "mots.pipeline.pipeline",
    "Tracker": "mots.trackers.tracker",
    "TrackerSettings": "mots.trackers.tracker",
    "World": "mots.toy.world",
    "YOLOv8Seg": "mots.models.yolov8_seg",
    "score": "mots.evaluation.scoring",
    "track": "mots.pipeline.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'mots' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
