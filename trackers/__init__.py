"""The association core: arrays in, track ids out. No torch, no images, no files, no printing."""

from .assignment import assign
from .detections import Detections
from .lifecycle import LifecycleSettings, State
from .masks import Masks
from .motion import CUT, STILL, MotionSettings
from .stages import Stage
from .tracker import Tracker, TrackerSettings
from .tracks import Track, Tracks

__all__ = [
    "CUT",
    "STILL",
    "Detections",
    "LifecycleSettings",
    "Masks",
    "MotionSettings",
    "Stage",
    "State",
    "Track",
    "Tracker",
    "TrackerSettings",
    "Tracks",
    "assign",
]
