"""The loop: frames to detections to identities to labels.

`Run` joins the parts for one source; `track` is what most callers want.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mots import settings as knobs
from mots.classes import names_to_ids
from mots.detection import saved_detections as saved
from mots.detection.camera_motion import Camera
from mots.errors import MotsError, MotsWarning
from mots.labels import FrameLabels, labelled
from mots.settings import Settings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL
from mots.trackers.offline import Observed, Refined, refined
from mots.trackers.tracker import Tracker

if TYPE_CHECKING:
    from mots.detection.colour_histograms import Appearance
    from mots.detection.mask_refinement import Outline
    from mots.video.opening import Frame, Source

__all__ = ["Detector", "Run", "TrackedFrame", "track"]


Made = TypeVar("Made")
NO_IMAGE: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)


class Detector(Protocol):
    """Anything that finds detections in images: `YOLOv8Seg`, or a caller's own.

    One with an attribute `coarse` that is true has its masks fitted to the pictures.
    """

    names: dict[int, str]  # our class id to name

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, of these classes only where any are given."""
        ...


@dataclass(frozen=True, eq=False)
class TrackedFrame(FrameLabels):
    """One frame's objects, and its picture.

    `predicted`: (N,) bool, whether a mask was moved into a gap after the fact and no detection shows it.
    """

    predicted: NDArray[np.bool_]
    image: NDArray[np.uint8]  # (H, W, 3) RGB; (0, 0, 3) where saved detections were tracked without their frames
    alive: int  # tracks that are confirmed or lost after this frame
    moved_pixels: int  # pixels that changed hands when the masks were made disjoint

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> TrackedFrame:
        """The objects at an integer or bool index (K,)."""
        index = np.asarray(index, np.intp) if len(index) == 0 else np.asarray(index)
        taken = super().take(index)
        assert isinstance(taken, TrackedFrame)
        return replace(taken, predicted=self.predicted[index])


def track(
    source: str | Path | int,
    *,
    preset: str = "default",
    settings: Settings | str | Path | None = None,
    classes: Sequence[str] | None = None,
    detections: str | Path | None = None,
    detector: Detector | None = None,
    offline: bool = False,
    **flags: Any,
) -> Iterator[TrackedFrame]:
    """Frames of `source` with their objects, one by one as they are asked for; memory stays flat.

    `source`: a video, a folder or glob of images, a camera's number, a stream's URL, or saved detections.
    `settings`: a `Settings`, or a TOML file over the `preset`. `classes`: names to track. `detections`: saved ones
    of `source`'s frames, in place of the network. `detector`: one to use in place of YOLOv8-Seg. `offline`: see all
    frames before the first comes out, and use what only the future can tell; memory then grows with the detections.
    Other flags are the command line's: weights, conf, imgsz, device, reid, frame_rate.

    Raises MotsError for anything wrong with the input: at once for what can be seen at once, and from the iterator for
    the rest.
    """
    changes = {flag_name(name): value for name, value in flags.items() if value is not None}
    if classes is not None:
        changes["classes"] = tuple(classes)
    if isinstance(settings, Settings):
        chosen = settings
        for name, value in changes.items():
            *tables, knob = name.split(".")
            nested: Any = value
            for table in [knob, *reversed(tables)]:
                nested = {table: nested}
            chosen = knobs.replaced(chosen, nested, "settings")
    else:
        chosen = knobs.load(preset, None if settings is None else Path(settings), changes)
    run = Run(source, chosen, detections=detections, detector=detector)
    return run.refined() if offline else run.tracked()


def flag_name(flag: str) -> str:
    """The dotted name of the knob that a flag sets."""
    if flag == "reid":
        return "reid.weights"
    if flag in ("weights", "conf", "imgsz", "device", "half"):
        return f"detector.{flag}"
    return flag


class Run:
    """One source with everything that tracking it takes.

    `name` is the source's; `frame_rate` in frames a second; `length` in frames where it is known.
    """

    def __init__(
        self,
        source: str | Path | int | Source | saved.SavedDetections,
        settings: Settings | None = None,
        detections: str | Path | None = None,
        detector: Detector | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.source: Source | None = None
        self.saved: saved.SavedDetections | None = None
        self.detector = detector
        if isinstance(source, saved.SavedDetections):
            self._take_saved(source)
        elif not isinstance(source, (str, Path, int)):
            self.source = source
            self.name, self.frame_rate, self.length = source.name, source.frame_rate, source.length
        elif Path(str(source)).suffix in saved.ENDINGS and "://" not in str(source):
            if detections is not None:
                raise MotsError(f"{source} and {detections} are both detections: give the frames as SOURCE")
            self._take_saved(saved.read(Path(str(source))))
        else:
            from mots.video.opening import open_source

            self.source = open_source(source, self.settings.frame_rate)
            self.name, self.frame_rate, self.length = self.source.name, self.source.frame_rate, self.source.length
        if detections is not None:
            self.saved = saved.read(Path(detections))
        if not self.frame_rate > 0:
            raise MotsError(f"a frame rate of {self.frame_rate}: wanted frames a second, above 0")
        if self.saved is None and self.detector is None:
            from mots.models.yolov8_seg import YOLOv8Seg

            self.detector = YOLOv8Seg(self.settings.detector)
        self.outline, self.appearance = self._outline(), self._appearance()
        self.names: dict[int, str] = {}
        if self.saved is not None:
            self.names = self.saved.names
        elif self.detector is not None:
            self.names = self.detector.names
        try:
            self.classes = names_to_ids(self.settings.classes, self.names)
        except ValueError as error:
            raise MotsError(str(error)) from error

    def _take_saved(self, detections: saved.SavedDetections) -> None:
        """Track detections without their frames."""
        self.saved, self.name, self.length = detections, detections.path.stem, detections.length
        self.frame_rate = detections.frame_rate or self.settings.frame_rate

    def tracked(self) -> Iterator[TrackedFrame]:
        """The frames with their objects, as they come."""
        for image, tracker, each in self._identified():
            classes = tracker.classes_of(each.ids[each.ids > 0])
            labels, moved = labelled(each.detections, each.ids, classes, each.frame, each.time)
            own = {field.name: getattr(labels, field.name) for field in fields(labels)}
            none = np.zeros(len(labels), np.bool_)
            yield TrackedFrame(**own, predicted=none, image=image, alive=each.alive, moved_pixels=moved)

    def observed(self) -> Iterator[Observed]:
        """The first pass of an offline run: every frame's detections with the tracker's ids.

        Raises MotsError for a source that is there only once.
        """
        if getattr(self.source, "live", False):
            raise MotsError(f"{self.name}: --offline sees all frames before it answers: record the stream first")
        for _, _, each in self._identified():
            yield each

    def refined(self, observed: Sequence[Observed] | None = None, images: bool = True) -> Iterator[TrackedFrame]:
        """The frames with their objects, in the light of all of them. `observed`: the first pass, if it was made.

        `images`: read the source once more, so that each frame comes with its picture.
        """
        first = list(self.observed()) if observed is None else observed
        tracker = self.settings.tracker
        after = refined(first, self.settings.refine, tracker.appearance, tracker.groups)
        pictures = iter(self.source) if images and self.source is not None else iter(())
        for each, new in zip(first, after, strict=True):
            picture = next((frame for frame in pictures if frame.number >= each.frame), None)
            yield refined_frame(each, new, NO_IMAGE if picture is None else picture.image)

    def _identified(self) -> Iterator[tuple[NDArray[np.uint8], Tracker, Observed]]:
        """Each frame's picture, the tracker after it, and what it said."""
        tracker = Tracker(self.settings.tracker, self.frame_rate)
        for frame, found, motion in self.measured():
            try:
                ids = tracker.update(found, frame.time, motion)
            except ValueError as error:
                raise MotsError(f"frame {frame.number}: {error}") from error
            yield frame.image, tracker, Observed(frame.number, frame.time, found, ids, motion, tracker.alive)

    def _camera(self) -> Camera | None:
        """What measures the camera's motion; nothing without frames, without OpenCV, or where it is switched off."""
        if self.source is None or not self.settings.camera.enabled:
            return None
        return made_or_warned(lambda: Camera(self.settings.camera), "the camera counts as still")

    @property
    def fitted(self) -> bool:
        """Whether the masks that the tracker gets are fitted to the pictures, here or when they were saved."""
        return self.outline is not None or (self.saved is not None and self.saved.fitted)

    def _outline(self) -> Outline | None:
        """What fits masks to the pictures; nothing without those, without OpenCV, where it is switched off, or where
        the masks are fitted already or come of a detector that draws them finely."""
        coarse = not self.saved.fitted if self.saved is not None else getattr(self.detector, "coarse", False)
        if self.source is None or not coarse or not self.settings.outline.enabled:
            return None
        from mots.detection.mask_refinement import Outline

        return made_or_warned(lambda: Outline(self.settings.outline), "masks stay as they were detected")

    def _appearance(self) -> Appearance | None:
        """What embeds detections; nothing without frames."""
        if self.source is None or self.settings.reid.weights == "off":
            return None
        from mots.detection.colour_histograms import Appearance

        return Appearance(self.settings.reid)

    def measured(self) -> Iterator[tuple[Frame, Detections, NDArray[np.float64]]]:
        """All that the tracker is told of each frame: it is the same whatever came before, but for the camera's motion.

        The frame, its detections of the wanted classes (saved ones where there are any) with fitted masks and
        embeddings, and the (2, 3) map of the last frame's still points to this frame's.
        """
        if self.source is None:
            assert self.saved is not None
            yield from self._saved_alone(self.saved)
            return
        appearance, camera, outline = self.appearance, self._camera(), self.outline
        for frame, found in self._found(self.source):
            if outline is not None:
                found = replace(found, masks=outline.fitted(frame.image, found.masks))
            if appearance is not None and found.embeddings.shape[1] == 0:
                found = appearance.embedded(frame.image, found)
            yield frame, found, STILL if camera is None else camera.motion(frame.image, found.masks)

    def _found(self, source: Source) -> Iterator[tuple[Frame, Detections]]:
        if self.saved is None:
            assert self.detector is not None
            for frame in source:
                yield frame, self.detector.detect([frame.image], self.classes)[0]
        else:
            from mots.video.opening import Part

            whole = not isinstance(source, Part)
            yield from ((frame, self._wanted(found)) for frame, found in joined(source, self.saved, whole))

    def _saved_alone(
        self, detections: saved.SavedDetections
    ) -> Iterator[tuple[Frame, Detections, NDArray[np.float64]]]:
        from mots.video.opening import Frame

        first: int | None = None
        for each in detections:
            first = each.frame if first is None else first
            time = each.time if np.isfinite(each.time) else (each.frame - first) / self.frame_rate
            yield Frame(each.frame, time, NO_IMAGE), self._wanted(each.detections), self._moved(each.camera)

    def _moved(self, camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """A saved motion, where the settings ask for one."""
        return camera if self.settings.camera.enabled else STILL

    def _wanted(self, found: Detections) -> Detections:
        if not self.classes:
            return found
        wanted = np.isin(found.classes, self.classes)
        return found if wanted.all() else found.take(np.flatnonzero(wanted))


def made_or_warned(make: Callable[[], Made], without: str) -> Made | None:
    """What `make` makes; where this installation cannot, nothing, and a warning of how it goes on `without`."""
    try:
        return make()
    except MotsError as error:
        warnings.warn(MotsWarning(f"{without}: {error}"), stacklevel=3)
        return None


def refined_frame(each: Observed, new: Refined, image: NDArray[np.uint8]) -> TrackedFrame:
    """What a frame shows after the fact; masks moved into gaps lie under all others, with a score of 0."""
    found, filled = each.detections, len(new.filled)
    both = Detections(
        np.concatenate([found.boxes, new.filled.boxes.astype(np.float32)]),
        Masks.concatenate(found.size, [found.masks, new.filled]),
        np.concatenate([found.scores, np.zeros(filled, np.float32)]),
        np.concatenate([found.classes, np.zeros(filled, np.int64)]),
        np.zeros((len(found) + filled, 0), np.float32),
    )
    ids = np.concatenate([new.ids, new.filled_ids])
    classes = np.array([new.classes[name] for name in ids[ids > 0].tolist()], np.int64)
    labels, moved = labelled(both, ids, classes, each.frame, each.time)
    own = {field.name: getattr(labels, field.name) for field in fields(labels)}
    predicted = np.isin(labels.ids, new.filled_ids)
    return TrackedFrame(**own, predicted=predicted, image=image, alive=each.alive, moved_pixels=moved)


def joined(source: Source, detections: saved.SavedDetections, whole: bool = True) -> Iterator[tuple[Frame, Detections]]:
    """Frames with the saved detections of the same number; none where the file has none for a frame.

    Raises MotsError where detections are of another size than the frames, or, of a `whole` source, belong to no frame.
    """
    found = iter(detections)
    current = next(found, None)
    matched = 0
    for frame in source:
        size = (frame.image.shape[0], frame.image.shape[1])
        while current is not None and current.frame < frame.number:  # of a frame that was skipped, or of none
            current = next(found, None)
        if current is None or current.frame != frame.number:
            yield frame, Detections.empty(size)
            continue
        if current.detections.size != size:
            (h, w), (high, wide) = current.detections.size, size
            raise MotsError(f"{detections.path}: detections of {h} x {w} frames for frames of {high} x {wide}")
        matched += len(current.detections)
        yield frame, current.detections
        current = next(found, None)
    if matched == 0 and whole:
        raise MotsError(
            f"{detections.path}: no detections for any frame of {source.name}: are the frame numbers the same?"
        )
