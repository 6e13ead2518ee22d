"""A source of frames with everything that tracking it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mots import setting_ranges
from mots.detection import saved_detections
from mots.detection.measurement import FrameMeasurement, Measurer, of_classes
from mots.detection.protocols import CameraMotion, Detector, Embedder, MaskRefiner, ParallelDetector, StagedDetector
from mots.detection.saved_detections import SavedDetections
from mots.errors import InputError
from mots.names import written_name
from mots.pipeline.ahead import ahead
from mots.pipeline.batches import BatchSize
from mots.pipeline.options import chosen_settings
from mots.pipeline.parts import Parts, class_ids
from mots.pipeline.steps import (
    IdentifiedFrame,
    detect,
    detect_in_steps,
    identify,
    label_frames,
    measure,
    measure_saved,
    refine_frames,
)
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings
from mots.trackers.detections import Detections
from mots.trackers.tracker import Tracker
from mots.video.frame import Frame, Part, Source
from mots.video.opening import source_of
from mots.video.selection import Selected

__all__ = ["Pipeline", "SourceLike", "is_saved", "track"]

SourceLike = str | Path | int | Source | SavedDetections | Iterable[Any]


class Pipeline:
    """Measures, identifies and labels the frames of one source. Iterating gives a `TrackedFrame` for each.

    `source`: a video, a folder or glob of images, a camera's number, a stream's URL, saved detections, a `Source`, or
    an iterable of images or of (image, time). `detections`: saved detections of the source's frames, in place of a
    detector. `detector`, `embedder`, `mask_refiner`, `camera_motion`: the caller's own; without them the settings'.
    `offline`: see all frames before the first is given; memory then grows with the detections. `name`: of the result
    files; without it the source's. `explain`: frames hold the tracks that each detection was compared with.

    `name`, `frame_rate` (frames a second), `length` (frames, None where it is not known), `names` (classes that COCO
    lacks, id to name) and `classes` (ids to track, none for all) can be read. Raises InputError, FormatError and
    MissingDependency for what can be checked at once; iterating raises them for the rest.
    """

    def __init__(
        self,
        source: SourceLike,
        settings: Settings | None = None,
        *,
        detections: str | Path | None = None,
        detector: Detector | None = None,
        embedder: Embedder | None = None,
        mask_refiner: MaskRefiner | None = None,
        camera_motion: CameraMotion | None = None,
        offline: bool = False,
        name: str | None = None,
        explain: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        setting_ranges.check(self.settings)
        self.offline, self.explain = offline, explain
        fixed_rate = self.settings.frame_rate or None
        self.source: Source | None = None
        self.saved: SavedDetections | None = None
        if isinstance(source, (str, Path)) and is_saved(source):
            if detections is not None:
                raise InputError(f"{source} and {detections} are both detections: give the frames as the source")
            source = saved_detections.read(source)
        if isinstance(source, SavedDetections):
            self.saved, self.name, self.length = source, source.path.stem, source.length
            self.frame_rate = fixed_rate or source.frame_rate or self.settings.source.default_rate
        else:
            self.source = source_of(source, fixed_rate, self.settings.source)
            self.name, self.frame_rate, self.length = self.source.name, self.source.frame_rate, self.source.length
            self.saved = None if detections is None else saved_detections.read(detections)
        self.name = written_name(name or self.name)
        if not self.frame_rate > 0:
            raise InputError(f"a frame rate of {self.frame_rate}: wanted frames a second, above 0")
        if offline and self.source is not None and self.source.live:
            raise InputError(
                f"{self.name}: offline tracking reads a source twice, and this one can be read once: record it first",
                parameters=("offline",),
            )
        given = (detector, embedder, mask_refiner, camera_motion)
        self.own_parts = all(part is None or getattr(part, "independent", False) for part in given)
        self.parts = Parts(detector, embedder, mask_refiner, camera_motion).build(
            self.settings,
            detects=self.saved is None,
            has_images=self.source is not None,
            coarse=None if self.saved is None else not self.saved.refined,
        )
        self.names = dict(self.parts.names if self.saved is None else self.saved.names)
        self.classes = class_ids(self.settings, self.names)

    def __repr__(self) -> str:
        return f"Pipeline({self.name}, {self.length if self.length is not None else 'unknown'} frames)"

    @property
    def files(self) -> list[Path]:
        """The files that are read, as far as they are single files."""
        saved = [] if self.saved is None else [self.saved.path, *self.saved.more]
        location = getattr(self.source, "location", None)
        return saved + ([Path(location)] if isinstance(location, str) and "://" not in location else [])

    @property
    def refines_masks(self) -> bool:
        """Whether the tracker's masks are refined, here or when they were saved."""
        return self.parts.mask_refiner is not None or (self.saved is not None and self.saved.refined)

    def __iter__(self) -> Iterator[TrackedFrame]:
        if not self.offline:
            return label_frames(self.identify(), self.settings.labels)
        return self.refine(list(self.identify_without_images()))

    def measure(self) -> Iterator[FrameMeasurement]:
        """All that the tracker is told of each frame; it needs no tracker and can be done elsewhere."""
        if self.source is None:
            assert self.saved is not None
            own_times = not self.settings.frame_rate
            return measure_saved(self.saved, self.frame_rate, self.classes, self.settings.camera.enabled, own_times)
        parts, room = self.parts, self._room()
        if self.saved is not None:
            joined = saved_detections.joined(
                self.source, self.saved, whole=not isinstance(self.source, (Part, Selected))
            )
            pairs: Iterator[tuple[Frame, Detections]] = (
                (frame, of_classes(detections, self.classes)) for frame, detections in joined
            )
            pairs = ahead(pairs, room, "reading")
        elif isinstance(parts.detector, StagedDetector):
            pairs = detect_in_steps(
                self.source, parts.detector, self.classes, self._batch_size(), room, self._calls(room)
            )
        else:
            assert parts.detector is not None
            pairs = ahead(detect(ahead(self.source, room, "reading"), parts.detector, self.classes), room, "detecting")
        measured = measure(pairs, Measurer(parts.mask_refiner, parts.embedder, parts.camera_motion))
        return ahead(measured, room, "measuring")

    def _room(self) -> int:
        """How many frames wait between two steps; 0 where one thread does all of them.

        Only steps of the engine's own run in other threads, and only on sources that do not depend on what the caller
        does meanwhile. A live source is read in one thread: frames that wait would be late.
        """
        return self.settings.ahead if self.own_parts and getattr(self.source, "independent", False) else 0

    def _batch_size(self) -> BatchSize:
        """Of the network. Where several frames at once take as long as one after another, and where a source is live,
        frames go through it one by one."""
        runtime = getattr(self.parts.detector, "runtime", None)
        if self.source is None or self.source.live or not getattr(runtime, "batches", False):
            return BatchSize(1)
        return BatchSize(self.settings.detector.batch)

    def _calls(self, room: int) -> int:
        """How many threads run the network at the same time. A frame then takes longer, so one does for a live source;
        several sources that share a detector see to it themselves."""
        detector = self.parts.detector
        if not isinstance(detector, ParallelDetector):
            return 1
        calls = 1 if room == 0 or self.source is None or self.source.live else detector.most_calls
        detector.expect_calls(calls)
        return calls

    def identify(self, measurements: Iterable[FrameMeasurement] | None = None) -> Iterator[IdentifiedFrame]:
        """The frames with a new tracker's ids. `measurements`: of this source, where they were made elsewhere."""
        tracker = Tracker(self.settings.tracker, self.frame_rate)
        tracker.explains = self.explain
        return identify(self.measure() if measurements is None else measurements, tracker)

    def identify_without_images(self) -> Iterator[IdentifiedFrame]:
        """The first pass of offline tracking: its frames are kept, so their images are not."""
        for each in self.identify():
            yield replace(each, measurement=each.measurement.without_image())

    def refine(self, frames: Sequence[IdentifiedFrame], images: bool = True) -> Iterator[TrackedFrame]:
        """The frames of a first pass after refinement. `images`: read the source again, for the frames' pictures."""
        return refine_frames(frames, self.settings, self.source if images and self.source is not None else ())


def is_saved(source: Any) -> bool:
    """Whether a source is saved detections, or a path that names some."""
    if not isinstance(source, (str, Path)):
        return isinstance(source, SavedDetections)
    return Path(source).suffix in saved_detections.ENDINGS and "://" not in str(source)


def track(
    source: SourceLike,
    *,
    preset: str = "default",
    settings: Settings | str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    classes: str | int | Iterable[str | int] | None = None,
    detections: str | Path | None = None,
    detector: Detector | None = None,
    embedder: Embedder | None = None,
    mask_refiner: MaskRefiner | None = None,
    camera_motion: CameraMotion | None = None,
    offline: bool = False,
    weights: str | None = None,
    conf: float | None = None,
    imgsz: int | None = None,
    device: str | None = None,
    reid: str | None = None,
    frame_rate: float | None = None,
) -> Iterator[TrackedFrame]:
    """The frames of `source` with their objects, one by one as they are needed; memory stays flat.

    `source`, `detections`, `detector`, `embedder`, `mask_refiner`, `camera_motion`, `offline`: see `Pipeline`.
    `settings`: a `Settings`, or a TOML file that is applied to the `preset`. `changes`: names of settings to values, as
    in {"tracker.stages.lost.limit": 0.5}. `classes`: names or numbers of the classes to track, or "all". `weights`,
    `conf`, `imgsz`, `device`: of the detector. `reid`: ReID weights, "colours" or "off". `frame_rate`: frames a second,
    whatever the source says.

    Raises InputError, FormatError and MissingDependency: at once for what can be checked at once, and from the
    iterator for the rest.
    """
    chosen = chosen_settings(
        preset, settings, changes, classes=classes, weights=weights, conf=conf, imgsz=imgsz, device=device, reid=reid,
        frame_rate=frame_rate,
    )  # fmt: skip
    pipeline = Pipeline(
        source,
        chosen,
        detections=detections,
        detector=detector,
        embedder=embedder,
        mask_refiner=mask_refiner,
        camera_motion=camera_motion,
        offline=offline,
    )
    return iter(pipeline)
