"""The tracker: detections of one frame after another become track ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import motion, snapshot
from .appearance import AppearanceScale, AppearanceSettings, clean
from .assignment import Solver
from .class_groups import CONFUSABLE, ClassGroups
from .comparison import BOX_IOU, DISTANCE, Comparison, DetectionCues, Gates, TrackCues, compare, whole_offsets
from .detections import Detections
from .duplicates import without_duplicates
from .explanation import Candidate, StageTrace, candidates_of
from .kernels import hidden_behind
from .lifecycle import CONFIRMED, LOST, REMOVED, ROUNDING, LifecycleSettings, State, first_states, next_states
from .masks import Masks
from .motion import STILL, MotionSettings
from .reentry import ReentrySettings, archived, reidentified
from .stages import DEFAULT_STAGES, Matches, Stage, associate, prepared
from .tracks import Track, Tracks, counted

__all__ = ["Tracker", "TrackerSettings"]


@dataclass(frozen=True)
class TrackerSettings:
    """All settings of a tracker."""

    stages: tuple[Stage, ...] = DEFAULT_STAGES
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    gate: float = 13.8  # squared Mahalanobis distance of the centres above which no pair is made: 0.999 of chi2(2)
    contained: float = 0.8  # outside the gate, a pair is made if this share of the smaller box lies in the larger one
    contained_iou: float = 0.2  # and the boxes' IoU is at least this
    buffer: float = 0.5  # standard deviations of the predicted place by which boxes are enlarged; 0 for lost tracks
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)
    reentry: ReentrySettings = field(default_factory=ReentrySettings)
    # Of a lost track's box this share inside one confirmed track's, whose lower edge lies lower: it is behind that one.
    hidden_coverage: float = 0.15
    groups: tuple[tuple[int, ...], ...] = CONFUSABLE  # class ids that a detector may confuse on one object
    duplicate_iou: float = 0.7  # of two masks of one group with a larger IoU, the one of lower score gets no id
    solver: Solver = "scipy"  # scipy or lap: the same sums; scipy is faster on small problems


class Frame(NamedTuple):
    """One frame's detections with what is worked out once: the columns of their classes (N,), the groups of their
    classes (N,), which are no duplicates (N,), which have a clean embedding (N,); and the frame's time in seconds."""

    detections: Detections
    columns: NDArray[np.int64]
    groups: NDArray[np.int64]
    unique: NDArray[np.bool_]
    is_clean: NDArray[np.bool_]
    time: float


class Tracker:
    """Gives detections identities, frame by frame. It owns its tracks and ids; two trackers share nothing.

    `frame_rate` (frames a second) gives the time step where `update` is given no times. `started` and `ended`: (K,)
    ids that the last `update` gave for the first time, and ids whose tracks it removed (an ended id can return by
    re-identification). `confidence`: (N,) of the last `update`'s detections, from 0 to 1: for a match, the margin
    between the best and the second best pair (see `assignment.margins`); for the start of a track, 1 less its largest
    box IoU with the predicted box of a track in whose gate it lies; 0 where there is no id. `candidates`: where
    `explains` is true, for each detection of the last `update` the tracks that it was compared with.
    """

    def __init__(self, settings: TrackerSettings | None = None, frame_rate: float = 30.0) -> None:
        if not is_number(frame_rate) or not 0 < frame_rate < np.inf:
            raise ValueError(f"frame_rate is {frame_rate!r}: wanted frames a second, above 0")
        if not isinstance(settings, (TrackerSettings, type(None))):
            raise ValueError(f"settings is a {type(settings).__name__}: wanted TrackerSettings")
        self.settings = settings or TrackerSettings()
        self.frame_rate = float(frame_rate)
        self.started: NDArray[np.int64] = np.zeros(0, np.int64)
        self.ended: NDArray[np.int64] = np.zeros(0, np.int64)
        self.confidence: NDArray[np.float64] = np.zeros(0)
        self.explains = False
        self.candidates: list[list[Candidate]] = []
        self._tracks: Tracks | None = None
        self._archive: Tracks | None = None  # removed tracks that can be re-identified
        self._time = 0.0
        self._issued = 0
        self._scale = AppearanceScale()
        self._classes = ClassGroups(self.settings.groups)
        self._stages = prepared(self.settings.stages)
        self._gates = Gates(self.settings.gate, self.settings.contained, self.settings.contained_iou)

    def update(
        self, detections: Detections, time: float | None = None, camera: NDArray[np.floating] = STILL
    ) -> NDArray[np.int64]:
        """(N,) the id of each detection's track in the detections' order, positive; 0 where there is none (yet).

        `time`: seconds of this frame, later than the last one's; without it, one frame has passed. A track is forgotten
        after its memory whether or not frames lie in between. `camera`: (2, 3) affine map of the last frame's
        background points to this frame's, or `CUT` where this frame shows another scene: tracks then return by
        appearance alone. Arguments are not changed.

        Raises ValueError, before any state changes, when a field of `detections` is wrong (see `Detections.check`),
        when the frame's size differs from the last one's, or when time does not advance.
        """
        settings, camera = self.settings, np.asarray(camera)
        detections, now, dt = self._checked(detections, time, camera)
        frame = self._described(detections, now)
        tracks = self._predicted(frame, dt, camera)
        pairs = self._compared(tracks, frame)
        has_embeddings = detections.embeddings.shape[1] > 0
        traces: list[StageTrace] | None = [] if self.explains else None
        matches = associate(
            self._stages, tracks, pairs, detections.scores, frame.unique, now, self._scale, settings.appearance,
            settings.solver, has_embeddings, self._hidden(tracks), traces,
        )  # fmt: skip
        self.candidates = candidates_of(len(detections), tracks.ids, pairs, traces) if traces is not None else []
        report_scores = detections.scores.astype(np.float64)
        mean_scores = (report_scores[matches.detections] + tracks.mean_scores[matches.tracks]) / 2
        report_scores[matches.detections] = mean_scores
        self._scale = self._rescaled(tracks, frame, matches, pairs)
        tracks = self._corrected(tracks, frame, matches)
        archive = archived(self._archived(tracks), tracks, now, settings.reentry)
        tracks, row_of = self._with_new(tracks, frame, matches)
        tracks, self._archive = reidentified(
            tracks, archive, self._classes, self._scale, settings.appearance, settings.reentry
        )
        tracks = self._named(tracks)
        ids = np.concatenate([tracks.ids, [0]])[row_of]  # a detection without a track has the row -1: the last, 0
        ids[report_scores < settings.lifecycle.report_score] = 0
        self.confidence = self._confidence(pairs, matches, ids)
        self._store(tracks, now)
        return ids

    @property
    def tracks(self) -> list[Track]:
        """Every live track as it stands after the last frame."""
        t = self._tracks
        if t is None:
            return []
        boxes = motion.boxes_of(t.means)
        classes = self._classes.winners(t.votes)
        return [
            Track(
                int(t.ids[i]),
                State(int(t.states[i])),
                int(classes[i]),
                boxes[i],
                t.means[i, :2, 1].copy(),
                int(t.hits[i]),
                float(t.last_seen[i]),
            )
            for i in range(len(t))
        ]

    @property
    def alive(self) -> int:
        """How many tracks are confirmed or lost."""
        return 0 if self._tracks is None else int(np.isin(self._tracks.states, (CONFIRMED, LOST)).sum())

    def __repr__(self) -> str:
        return f"Tracker({self.alive} tracks alive, {self._issued} ids given)"

    def classes_of(self, ids: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64]:
        """(K,) the class of each live track: the one with the largest sum of scores over all its frames.

        Raises KeyError for an id that no live track has.
        """
        ids = np.asarray(ids, np.int64)
        if len(ids) == 0:
            return np.zeros(0, np.int64)
        own = np.zeros(0, np.int64) if self._tracks is None else self._tracks.ids
        order = np.argsort(own, kind="stable")
        places = np.searchsorted(own[order], ids)
        known = (places < len(own)) & (ids > 0)
        if not known.all() or (own[order[places]] != ids).any():
            raise KeyError("an id that no live track has")
        assert self._tracks is not None
        return self._classes.winners(self._tracks.votes[order[places]])

    def save(self, path: str | Path) -> None:
        """Write the whole state to a file of plain arrays (npz), under a temporary name first.

        `load` continues from it bit for bit. Raises OSError when the file cannot be written.
        """
        numbers = snapshot.Numbers(
            self.frame_rate, self._time, self._scale.same, self._scale.other, self._scale.similar, self._issued
        )
        state = snapshot.State(self.settings, numbers, self._classes.ids, self._tracks, self._archive)
        snapshot.write(Path(path), state)

    @classmethod
    def load(cls, path: str | Path, settings: TrackerSettings | None = None) -> Tracker:
        """The tracker that `save` wrote. `settings`: what it must have been saved with; without them, the file's own.

        A setting that is newer than the file has its default. Raises ValueError for a file of other settings, for one
        that is damaged or no state of a tracker, and OSError for one that cannot be read.
        """
        state = snapshot.read(Path(path), TrackerSettings, settings)
        tracker = cls(state.settings, state.numbers.frame_rate)
        tracker._tracks, tracker._archive = state.tracks, state.archive
        tracker._time, tracker._issued = state.numbers.time, state.numbers.issued
        tracker._scale = AppearanceScale(state.numbers.same, state.numbers.other, state.numbers.similar)
        tracker._classes = ClassGroups(state.settings.groups, state.classes)
        return tracker

    # The steps of `update`, in the order in which it takes them

    def _checked(
        self, detections: Detections, time: float | None, camera: NDArray[np.floating]
    ) -> tuple[Detections, float, float]:
        """The detections, this frame's time, and the seconds since the last frame. Raises ValueError; see `update`."""
        if not isinstance(detections, Detections):
            raise ValueError(f"detections is a {type(detections).__name__}: wanted Detections")
        detections.check()
        tracks = self._tracks
        if tracks is not None and tracks.masks.size != detections.size:
            (h, w), (old_h, old_w) = detections.size, tracks.masks.size
            raise ValueError(f"a {h} x {w} frame after {old_h} x {old_w} ones: one tracker takes one frame size")
        now, dt = self._step(time)
        if (
            camera.shape != (2, 3)
            or camera.dtype.kind not in "fiu"
            or not (np.isfinite(camera).all() or motion.is_cut(camera))
        ):
            raise ValueError(f"camera has the shape {camera.shape}: wanted a finite (2, 3) affine map, or CUT")
        dimension = detections.embeddings.shape[1]
        before = dimension if tracks is None else tracks.gallery.means.shape[1]
        if before == dimension:
            return detections, now, dt
        if len(detections) == 0:  # the length of its embeddings is not known
            return replace(detections, embeddings=np.zeros((0, before), np.float32)), now, dt
        archive = 0 if self._archive is None else len(self._archive)
        if tracks is not None and len(tracks) + archive:
            raise ValueError(f"embeddings of {dimension} numbers after ones of {before}: one tracker takes one kind")
        self._tracks = self._archive = None  # nothing is tracked or remembered: another kind may begin
        return detections, now, now - self._time

    def _step(self, time: float | None) -> tuple[float, float]:
        """This frame's time, and the seconds since the last frame."""
        if time is not None and not is_number(time):
            raise ValueError(f"time is {time!r}: wanted seconds")
        if self._tracks is None:
            now = 0.0 if time is None else float(time)
            if not np.isfinite(now):
                raise ValueError(f"time is {now}: wanted seconds")
            return now, 0.0
        now = self._time + 1.0 / self.frame_rate if time is None else float(time)
        if not now > self._time or not np.isfinite(now):
            raise ValueError(f"time is {now} after {self._time}: wanted a later one, in seconds")
        return now, now - self._time

    def _described(self, detections: Detections, now: float) -> Frame:
        columns = self._classes.columns_of(detections.classes)
        groups = self._classes.groups[columns]
        unique = without_duplicates(detections, groups, self.settings.duplicate_iou)
        return Frame(detections, columns, groups, unique, clean(detections, self.settings.appearance), now)

    def _predicted(self, frame: Frame, dt: float, camera: NDArray[np.floating]) -> Tracks:
        """The tracks at this frame's time, in this frame's pixels."""
        detections = frame.detections
        tracks = self._tracks
        if tracks is None:
            tracks = Tracks.empty(detections.size, detections.embeddings.shape[1], self.settings.appearance.views)
        tracks = tracks.with_classes(len(self._classes.ids))
        states = self._remaining(tracks, frame.time, dt, camera)
        means, covariances, anchors, masks = tracks.means, tracks.covariances, tracks.anchors, tracks.masks
        if motion.is_cut(camera):
            camera = STILL
        if camera is not STILL and not np.array_equal(camera, STILL):
            before = means
            means, covariances = motion.follow_camera(means, covariances, camera)
            # The mask moves as the camera moved its track's centre, and the anchor with it.
            shift = means[:, :2, 0] - before[:, :2, 0]
            masks, anchors = masks.moved(shift), anchors + np.rint(shift)
        means, covariances = motion.predict(means, covariances, dt, self.settings.motion)
        return tracks.changed(states=states, means=means, covariances=covariances, anchors=anchors, masks=masks)

    def _remaining(self, tracks: Tracks, now: float, dt: float, camera: NDArray[np.floating]) -> NDArray[np.int8]:
        """(T,) the tracks' states before association: removed where a frame before this one would have removed them,
        had there been one, and all where the scene is another one."""
        if motion.is_cut(camera):
            return np.full_like(tracks.states, REMOVED)
        step = 1.0 / self.frame_rate
        if dt <= step + ROUNDING:
            return tracks.states
        overdue = now - step - tracks.last_seen > self.settings.lifecycle.memory + ROUNDING
        return np.where(overdue, REMOVED, tracks.states).astype(np.int8)

    def _compared(self, tracks: Tracks, frame: Frame) -> Comparison:
        """Every pair of a track and a detection."""
        detections = frame.detections
        predicted = TrackCues(
            motion.boxes_of(tracks.means),
            tracks.masks.arrays,
            whole_offsets(tracks.means[:, :2, 0] - tracks.anchors, tracks.masks),
            motion.spreads(tracks.means, tracks.covariances, self.settings.motion),
            np.where(tracks.states == LOST, 0.0, self.settings.buffer),
            self._classes.groups_of(tracks.votes),
            tracks.gallery.means,
            tracks.gallery.views,
        )
        found = DetectionCues(
            np.asarray(detections.boxes, np.float64),
            detections.masks.arrays,
            frame.groups,
            np.ascontiguousarray(detections.embeddings),
        )
        return compare(predicted, found, self._gates, *detections.size)

    def _rescaled(self, tracks: Tracks, frame: Frame, matches: Matches, pairs: Comparison) -> AppearanceScale:
        """The scale of appearance after this frame's detections and matches."""
        embeddings, settings = frame.detections.embeddings, self.settings.appearance
        if embeddings.shape[1] == 0:
            return self._scale
        confident = frame.unique & (frame.detections.scores >= settings.reference_score)
        scale = self._scale.with_frame(embeddings[confident], settings)
        partner = np.full(len(tracks), -1)  # the detection by which each sure track was matched
        sure = frame.is_clean[matches.detections] & (tracks.states[matches.tracks] == CONFIRMED)
        partner[matches.tracks[sure]] = matches.detections[sure]
        return scale.with_matches(pairs.cues[partner[pairs.rows] == pairs.columns, DISTANCE], settings)

    def _corrected(self, tracks: Tracks, frame: Frame, matches: Matches) -> Tracks:
        """The tracks after their detections were taken in, with their new states."""
        rows, columns = matches.tracks, matches.detections
        detections, settings = frame.detections, self.settings
        means, covariances = tracks.means.copy(), tracks.covariances.copy()
        means[rows], covariances[rows] = motion.update(
            means[rows], covariances[rows], detections.boxes[columns], settings.motion, detections.scores[columns]
        )
        anchors = tracks.anchors.copy()
        anchors[rows] = means[rows, :2, 0]
        tallies, matched = counted(
            tracks.tallies, rows, frame.columns[columns], detections.scores[columns], frame.time,
            settings.lifecycle.score_span,
        )  # fmt: skip
        unmatched_for = frame.time - tallies.last_seen
        overdue = ~matched & (unmatched_for > settings.lifecycle.memory)
        states = next_states(
            tracks.states, tallies.hits, tallies.mean_scores, matched, unmatched_for,
            self._occluded(tracks, detections.masks, columns, overdue), settings.lifecycle.rules,
        )  # fmt: skip
        order = np.arange(len(tracks))
        order[rows] = len(tracks) + columns
        is_clean = frame.is_clean[columns]
        tracks.gallery.add(rows[is_clean], detections.embeddings[columns[is_clean]], frame.time, settings.appearance)
        masks = Masks.picked(tracks.masks, detections.masks, order)
        return tracks.changed(
            states=states, means=means, covariances=covariances, anchors=anchors, masks=masks, **tallies._asdict()
        )

    def _hidden(self, tracks: Tracks) -> NDArray[np.bool_]:
        """(T,) the lost tracks whose predicted box a confirmed track in front of it covers in part."""
        lost: NDArray[np.bool_] = tracks.states == LOST
        if not lost.any():
            return lost
        boxes, confirmed = motion.boxes_of(tracks.means), tracks.states == CONFIRMED
        return hidden_behind(boxes, lost, confirmed, self.settings.hidden_coverage)

    def _occluded(
        self, tracks: Tracks, masks: Masks, matched: NDArray[np.int64], overdue: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(T,) which of the tracks that are `overdue` (T,) are occluded: most of the mask, moved to its predicted
        place, lies inside those of the frame's masks that were `matched` (K,)."""
        occluded = np.zeros(len(tracks), np.bool_)
        rows = np.flatnonzero(overdue)
        if len(rows) and len(matched):
            coverage = tracks.take(rows).moved_masks().coverage(masks.take(matched)).sum(axis=1)
            occluded[rows] = coverage >= self.settings.lifecycle.occluded_coverage
        return occluded

    def _archived(self, tracks: Tracks) -> Tracks:
        """The remembered tracks, with the votes' columns of the others."""
        if self._archive is None:
            return tracks.take(np.zeros(0, np.int64))
        return self._archive.with_classes(len(self._classes.ids))

    def _with_new(self, tracks: Tracks, frame: Frame, matches: Matches) -> tuple[Tracks, NDArray[np.int64]]:
        """The tracks and those that start in this frame, and (N,) the row of each detection's track, -1 for none."""
        starting = self._starting(frame, matches)
        row_of = np.full(len(frame.detections), -1, np.int64)
        row_of[matches.detections] = matches.tracks
        row_of[starting] = len(tracks) + np.arange(len(starting))
        if len(starting) == 0:
            return tracks, row_of
        new = Tracks.begin(
            frame.detections.take(starting),
            frame.columns[starting],
            len(self._classes.ids),
            frame.time,
            self.settings.motion,
            frame.is_clean[starting],
            self.settings.appearance.views,
        )
        states = first_states(frame.detections.scores[starting], self.settings.lifecycle)
        return tracks.join(new.changed(states=states)), row_of

    def _starting(self, frame: Frame, matches: Matches) -> NDArray[np.int64]:
        """(K,) the unmatched detections that start a track: of a sufficient score, and no fragment of a matched
        detection of the same group of classes."""
        settings, detections = self.settings.lifecycle, frame.detections
        free = frame.unique.copy()
        free[matches.detections] = False
        starting = np.flatnonzero(free & (detections.scores >= settings.new_score))
        if len(starting) and len(matches.detections):
            coverage = detections.masks.take(starting).coverage(detections.masks.take(matches.detections))
            same_group = frame.groups[starting][:, None] == frame.groups[matches.detections]
            starting = starting[(coverage * same_group).sum(axis=1) < settings.new_coverage]
        return starting

    def _named(self, tracks: Tracks) -> Tracks:
        """Newly confirmed tracks get the next ids."""
        new = np.flatnonzero((tracks.states == CONFIRMED) & (tracks.ids == 0))
        self.started = self._issued + 1 + np.arange(len(new))
        if len(new) == 0:
            return tracks
        ids = tracks.ids.copy()
        ids[new] = self.started
        self._issued += len(new)
        return tracks.changed(ids=ids)

    def _confidence(self, pairs: Comparison, matches: Matches, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N,) how clear each detection's identity is; see the class."""
        confidence = np.ones(len(ids))
        np.minimum.at(confidence, pairs.columns, 1.0 - pairs.cues[:, BOX_IOU])
        confidence[matches.detections] = matches.confidence
        confidence[ids == 0] = 0.0
        return confidence

    def _store(self, tracks: Tracks, now: float) -> None:
        """Keep the live tracks for the next frame."""
        alive = tracks.states != REMOVED
        self.ended = np.zeros(0, np.int64)
        if not alive.all():
            self.ended = np.setdiff1d(tracks.ids[~alive], np.append(tracks.ids[alive], 0))
            tracks = tracks.take(np.flatnonzero(alive))
            tracks = tracks.changed(masks=tracks.masks.compact())
        self._tracks = tracks
        self._time = now


def is_number(value: object) -> bool:
    """Whether a value is one number, of Python or NumPy, and no bool."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
