"""Multi-object tracking and segmentation: video in, masks with lasting identities out.

Names are imported when they are first used, so that `import mots` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mots.lazy import lazy_package

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mots.analytics import tables
    from mots.analytics.ground import Ground, SpeedMeter
    from mots.analytics.lines import LineCounter
    from mots.analytics.scene import Line, Zone
    from mots.benchmarks.validation import validate
    from mots.counting.counts import count
    from mots.counting.live import SceneWatcher, ZoneCounter
    from mots.detection.measurement import FrameMeasurement
    from mots.detection.protocols import CameraMotion, Detector, Embedder, MaskRefiner
    from mots.detection.saved_detections import DetectionWriter
    from mots.errors import FormatError, InputError, MissingDependency, MotsError, MotsWarning
    from mots.evaluation.scoring import score
    from mots.formats.convert import convert, read_results
    from mots.formats.label_table import LabelTable
    from mots.labelling.drift import changes_between, seen_in
    from mots.labelling.keyframes import annotate_frames, keyframe_labels
    from mots.labelling.selection_task import selected_frames, write_task
    from mots.labels import FrameLabels
    from mots.models.mask_rcnn import MaskRCNN
    from mots.models.semantic import SemanticNetwork
    from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg
    from mots.pipeline.pipeline import Pipeline, track
    from mots.pipeline.record import record
    from mots.pipeline.results import ResultFolder
    from mots.pipeline.stream import Stream
    from mots.pipeline.streams import record_streams, track_streams
    from mots.pipeline.tracked_frame import TrackedFrame
    from mots.segmentation.clean import clean
    from mots.segmentation.segment import segment
    from mots.segmentation.semantic_maps import SmoothedMaps
    from mots.settings import Settings
    from mots.trackers.detections import Detections
    from mots.trackers.masks import Masks
    from mots.trackers.tracker import Tracker, TrackerSettings
    from mots.video.frame import Frame, Source
    from mots.video.opening import open_source
    from mots.video.selection import select


__all__ = [
    "CameraMotion",
    "DetectionWriter",
    "Detections",
    "Detector",
    "DetectorSettings",
    "Embedder",
    "FormatError",
    "Frame",
    "FrameLabels",
    "FrameMeasurement",
    "Ground",
    "InputError",
    "LabelTable",
    "Line",
    "LineCounter",
    "MaskRCNN",
    "MaskRefiner",
    "Masks",
    "MissingDependency",
    "MotsError",
    "MotsWarning",
    "Pipeline",
    "ResultFolder",
    "SceneWatcher",
    "SemanticNetwork",
    "Settings",
    "SmoothedMaps",
    "Source",
    "SpeedMeter",
    "Stream",
    "TrackedFrame",
    "Tracker",
    "TrackerSettings",
    "YOLOv8Seg",
    "Zone",
    "ZoneCounter",
    "annotate_frames",
    "changes_between",
    "clean",
    "convert",
    "count",
    "keyframe_labels",
    "open_source",
    "read_results",
    "record",
    "record_streams",
    "score",
    "seen_in",
    "segment",
    "select",
    "selected_frames",
    "tables",
    "track",
    "track_streams",
    "validate",
    "write_task",
    "__version__",
]

__getattr__, __dir__ = lazy_package(
    __name__,
    (
        "adapters", "analytics", "batch", "benchmarks", "classes", "counting", "detection", "editing", "encodings",
        "errors", "evaluation", "exports", "formats", "labelling", "labels", "metrics", "models", "pipeline",
        "rendering", "segmentation", "settings", "storage", "toy", "trackers", "training", "video",
    ),
    {
        "CameraMotion": "mots.detection.protocols",
        "DetectionWriter": "mots.detection.saved_detections",
        "Detections": "mots.trackers.detections",
        "Detector": "mots.detection.protocols",
        "DetectorSettings": "mots.models.yolov8_seg",
        "Embedder": "mots.detection.protocols",
        "FormatError": "mots.errors",
        "Frame": "mots.video.frame",
        "FrameLabels": "mots.labels",
        "FrameMeasurement": "mots.detection.measurement",
        "InputError": "mots.errors",
        "LabelTable": "mots.formats.label_table",
        "MaskRefiner": "mots.detection.protocols",
        "Masks": "mots.trackers.masks",
        "MissingDependency": "mots.errors",
        "MotsError": "mots.errors",
        "MotsWarning": "mots.errors",
        "Pipeline": "mots.pipeline.pipeline",
        "ResultFolder": "mots.pipeline.results",
        "Ground": "mots.analytics.ground",
        "Line": "mots.analytics.scene",
        "LineCounter": "mots.analytics.lines",
        "SceneWatcher": "mots.counting.live",
        "Settings": "mots.settings",
        "Source": "mots.video.frame",
        "SpeedMeter": "mots.analytics.ground",
        "Stream": "mots.pipeline.stream",
        "TrackedFrame": "mots.pipeline.tracked_frame",
        "Tracker": "mots.trackers.tracker",
        "TrackerSettings": "mots.trackers.tracker",
        "YOLOv8Seg": "mots.models.yolov8_seg",
        "Zone": "mots.analytics.scene",
        "ZoneCounter": "mots.counting.live",
        "convert": "mots.formats.convert",
        "count": "mots.counting.counts",
        "open_source": "mots.video.opening",
        "read_results": "mots.formats.convert",
        "record": "mots.pipeline.record",
        "record_streams": "mots.pipeline.streams",
        "score": "mots.evaluation.scoring",
        "segment": "mots.segmentation.segment",
        "select": "mots.video.selection",
        "tables": "mots.analytics",
        "track": "mots.pipeline.pipeline",
        "track_streams": "mots.pipeline.streams",
        "validate": "mots.benchmarks.validation",
        "MaskRCNN": "mots.models.mask_rcnn",
        "SemanticNetwork": "mots.models.semantic",
        "SmoothedMaps": "mots.segmentation.semantic_maps",
        "annotate_frames": "mots.labelling.keyframes",
        "changes_between": "mots.labelling.drift",
        "clean": "mots.segmentation.clean",
        "keyframe_labels": "mots.labelling.keyframes",
        "seen_in": "mots.labelling.drift",
        "selected_frames": "mots.labelling.selection_task",
        "write_task": "mots.labelling.selection_task",
    },
)  # fmt: skip
