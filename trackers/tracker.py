"""The tracker: stages of association as data, and the loop that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import motion
from .appearance import AppearanceScale, AppearanceSettings, clean
from .assignment import Solver, assign
from .cost import Comparison, compare, stage_cost
from .detections import Detections
from .duplicates import singles
from .lifecycle import ROUNDING, LifecycleSettings, State, first_states, next_states
from .motion import STILL, MotionSettings
from .reentry import ReentrySettings, known_again, remembered
from .snapshot import flat, read, tracks_of, write
from .tracks import Track, Tracks, counted

__all__ = ["Stage", "Tracker", "TrackerSettings"]


@dataclass(frozen=True)
class Stage:
    """One pass of association: which tracks meet which detections, and how alike they must be."""

    name: str
    states: tuple[State, ...]  # the tracks that take part, as they were before the frame
    min_score: float  # detections of at least this score,
    max_score: float  # and below this one
    limit: float  # a pair of this cost or more is not made
    mask_weight: float = 0.5  # the masks' share of the overlap; the rest is the boxes'
    appearance_weight: float = 0.0  # appearance's share of the likeness where there are embeddings
    lost_for: float = np.inf  # of lost tracks, those that were seen within this many seconds
    blind_limit: float = 0.0  # the limit where there are no embeddings; 0: the same
    appearance_limit: float = 1.01  # a pair that looks this unlike (0 as the same, 1 as another object) is not made
    wary: bool = False  # whether a pair must look the more alike, the less looks tell (`AppearanceScale.unlikeness`)
    score_weight: float = 0.0  # how much a low score counts against a detection


IN_SIGHT, OUT_OF_SIGHT = (State.CONFIRMED,), (State.LOST,)
KNOWN = IN_SIGHT + OUT_OF_SIGHT
CONFIRMED, LOST, REMOVED = (int(s) for s in (State.CONFIRMED, State.LOST, State.REMOVED))  # members are slow to look up
HIGH = 0.5
HIDDEN = 0.5  # of a lost track's mask under others': it is occluded
LOOKS_LIKE_ONE_LOST = Stage(
    "lost", OUT_OF_SIGHT, HIGH, 1.01, limit=0.6, mask_weight=0.2, appearance_weight=0.6, blind_limit=0.85,
    appearance_limit=0.6, wary=True,
)  # fmt: skip
DEFAULT_STAGES = (
    Stage("confident", KNOWN, HIGH, 1.01, limit=0.7, mask_weight=0.2, appearance_weight=0.5, lost_for=0.3),
    LOOKS_LIKE_ONE_LOST,
    Stage("low score", IN_SIGHT, 0.1, HIGH, limit=0.6, appearance_weight=0.2, score_weight=0.5),
    # After those in sight: a lost track that comes first takes their low scores from them, back and forth.
    replace(LOOKS_LIKE_ONE_LOST, name="lost, low score", min_score=0.35, max_score=HIGH, score_weight=0.3),
    Stage("tentative", (State.TENTATIVE,), 0.25, 1.01, limit=0.7),
)


@dataclass(frozen=True)
class TrackerSettings:
    """Everything that decides what a tracker does."""

    stages: tuple[Stage, ...] = DEFAULT_STAGES
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    gate: float = 13.8  # squared Mahalanobis distance of the centres above which no pair is made: 0.999 of chi2(2)
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)
    reentry: ReentrySettings = field(default_factory=ReentrySettings)
    groups: tuple[tuple[int, ...], ...] = ()  # class ids that a detector may confuse on one object
    double_iou: float = 0.7  # of two masks of one group with a larger IoU, the one of lower score gets no id
    solver: Solver = "scipy"


class Tracker:
    """Gives detections identities, frame by frame. Owns its tracks and ids; two trackers share nothing.

    `frame_rate` (frames a second) is the time step where `update` is given no times.
    """

    def __init__(self, settings: TrackerSettings | None = None, frame_rate: float = 30.0) -> None:
        if not frame_rate > 0:
            raise ValueError(f"frame_rate is {frame_rate}: wanted frames a second, above 0")
        self.settings = settings or TrackerSettings()
        self.frame_rate = frame_rate
        self._tracks: Tracks | None = None
        self._time = 0.0
        self._issued = 0
        self._scale = AppearanceScale()
        self._away: Tracks | None = None  # gone, but their looks are remembered
        self._stages = [
            (stage, [int(state) for state in stage.states], np.isin(list(State), stage.states))
            for stage in self.settings.stages
        ]
        self._classes: list[int] = []  # in the order of the columns of the tracks' votes

    def update(
        self,
        detections: Detections,
        time: float | None = None,
        camera: NDArray[np.floating] = STILL,
    ) -> NDArray[np.int64]:
        """(N,) the id of each detection's track in the detections' order, positive; 0 where there is none (yet).

        `time`: seconds of this frame, later than the last one's; without it, one frame has passed. `camera`: (2, 3)
        affine map of the last frame's still points to this frame's. Nothing that is given is changed.

        Raises ValueError, before any state changes, when a field of `detections` is wrong (see `Detections.check`),
        when the frame's size differs from the last one's, or when time does not advance.
        """
        detections.check()
        dimension, views = detections.embeddings.shape[1], self.settings.appearance.views
        tracks = Tracks.empty(detections.size, dimension, views) if self._tracks is None else self._tracks
        if tracks.masks.size != detections.size:
            (h, w), (was_h, was_w) = detections.size, tracks.masks.size
            raise ValueError(f"a {h} x {w} frame after {was_h} x {was_w} ones: one tracker takes one frame size")
        if len(detections) == 0:  # nothing says how long its embeddings would be
            dimension = tracks.gallery.means.shape[1]
            detections = replace(detections, embeddings=np.zeros((0, dimension), np.float32))
        if tracks.gallery.means.shape[1] != dimension and len(tracks) + self._remembered() == 0:
            tracks, self._away = Tracks.empty(detections.size, dimension, views), None
        if tracks.gallery.means.shape[1] != dimension:
            was = tracks.gallery.means.shape[1]
            raise ValueError(f"embeddings of {dimension} numbers after ones of {was}: one tracker takes one kind")
        now, dt = self._step(time)
        if camera.shape != (2, 3) or not np.isfinite(camera).all():
            raise ValueError("camera is not a finite (2, 3) affine map")

        columns = self._columns(detections.classes)
        single = singles(detections, self._groups()[columns], self.settings.double_iou)
        tracks = self._predicted(tracks.with_classes(len(self._classes)), dt, camera)
        pairs = self._compared(tracks, detections, columns)
        rows, found = self._associate(tracks, detections, single, pairs, now)
        reported = detections.scores.astype(np.float64)
        reported[found] = (reported[found] + tracks.usual_scores[rows]) / 2
        is_clean = clean(detections, self.settings.appearance)
        self._scale = self._rescaled(tracks, detections, single, rows, found, is_clean, pairs.distance)
        tracks = self._seen(tracks, detections, columns, rows, found, now, is_clean)
        away = tracks.take(np.zeros(0, np.int64)) if self._away is None else self._away.with_classes(len(self._classes))
        away = remembered(away, tracks.take(tracks.states == REMOVED), now, self.settings.reentry)

        free = single.copy()
        free[found] = False
        starting = self._starting(detections, columns, free, found)
        rows_of = np.full(len(detections), -1, np.int64)
        rows_of[found] = rows
        rows_of[starting] = len(tracks) + np.arange(len(starting))
        everyone = tracks
        if len(starting):
            begun = Tracks.begin(
                detections.take(starting),
                columns[starting],
                len(self._classes),
                now,
                self.settings.motion,
                is_clean[starting],
                views,
            )
            states = first_states(detections.scores[starting], self.settings.lifecycle)
            everyone = tracks.join(replace(begun, states=states))
        everyone, self._away = self._known_again(everyone, away)
        alive = everyone.states != REMOVED
        everyone = self._named(everyone)
        ids = np.concatenate([everyone.ids, [0]])[rows_of]  # no row: the last one, 0
        ids[reported < self.settings.lifecycle.report_score] = 0
        if not alive.all():
            everyone = everyone.take(np.flatnonzero(alive))
        self._tracks = replace(everyone, masks=everyone.masks.compact())
        self._time = now
        return ids

    @property
    def tracks(self) -> list[Track]:
        """Every live track as it stands after the last frame."""
        t = self._tracks
        if t is None:
            return []
        boxes = motion.boxes_of(t.means)
        classes = self._voted(t.votes)
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
        return 0 if self._tracks is None else int(np.isin(self._tracks.states, KNOWN).sum())

    def classes_of(self, ids: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64]:
        """(K,) the class of each live track: the one that most of its score was detected as, over all its frames.

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
        return self._voted(self._tracks.votes[order[places]])

    def save(self, path: str | Path) -> None:
        """Write the whole state to a file of plain arrays (npz); it is never there in part.

        `load` goes on with it bit for bit. Raises OSError when the file cannot be written.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for prefix, tracks in (("", self._tracks), ("away.", self._away)):
            arrays |= {} if tracks is None else {prefix + name: array for name, array in flat(tracks).items()}
        arrays["settings"] = np.array(repr(self.settings))
        arrays["numbers"] = np.array(
            [self.frame_rate, self._time, self._scale.same, self._scale.other, self._scale.alike]
        )
        arrays["issued"] = np.array(self._issued)
        arrays["classes"] = np.array(self._classes, np.int64)
        write(Path(path), arrays)

    @classmethod
    def load(cls, path: str | Path, settings: TrackerSettings | None = None) -> Tracker:
        """The tracker that `save` wrote, with the same settings.

        Raises ValueError for a file of other settings or of something else, OSError for one that cannot be read.
        """
        settings = settings or TrackerSettings()
        arrays = read(Path(path))
        try:
            if str(arrays["settings"]) != repr(settings):
                raise ValueError(f"{path}: the tracker was saved with other settings: give those")
            frame_rate, time, *scale = arrays["numbers"].tolist()
            tracker = cls(settings, frame_rate)
            tracker._tracks = tracks_of(arrays) if "ids" in arrays else None
            away = {name.removeprefix("away."): arrays[name] for name in arrays if name.startswith("away.")}
            tracker._away = tracks_of(away) if away else None
            tracker._time, tracker._issued = time, int(arrays["issued"])
            tracker._classes = arrays["classes"].tolist()
            tracker._scale = AppearanceScale(*scale)
        except KeyError as error:
            raise ValueError(f"{path}: not the state of a tracker ({error})") from error
        return tracker

    # The steps of `update`, in the order in which it takes them

    def _remembered(self) -> int:
        """How many are away, their looks remembered."""
        return 0 if self._away is None else len(self._away)

    def _step(self, time: float | None) -> tuple[float, float]:
        """This frame's time, and the seconds since the last one's."""
        if self._tracks is None:
            now = 0.0 if time is None else float(time)
            if not np.isfinite(now):
                raise ValueError(f"time is {now}: wanted seconds")
            return now, 0.0
        now = self._time + 1.0 / self.frame_rate if time is None else float(time)
        if not now > self._time or not np.isfinite(now):
            raise ValueError(f"time is {now} after {self._time}: wanted a later one, in seconds")
        return now, now - self._time

    def _columns(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) the place of each class among the votes; a class that is new to this tracker gets the next one."""
        for class_id in sorted(set(classes.tolist())):
            if class_id not in self._classes:
                self._classes.append(class_id)
        places = {class_id: place for place, class_id in enumerate(self._classes)}
        return np.array([places[class_id] for class_id in classes.tolist()], np.int64)

    def _predicted(self, tracks: Tracks, dt: float, camera: NDArray[np.floating]) -> Tracks:
        means, covariances, anchors = tracks.means, tracks.covariances, tracks.anchors
        masks = tracks.masks
        if camera is not STILL and not np.array_equal(camera, STILL):
            still = means
            means, covariances = motion.follow_camera(means, covariances, camera)
            # The mask goes where the camera moved its own centre to; the anchor with it.
            shift = means[:, :2, 0] - still[:, :2, 0]
            masks, anchors = masks.moved(shift), anchors + np.rint(shift)
        means, covariances = motion.predict(means, covariances, dt, self.settings.motion)
        return replace(tracks, means=means, covariances=covariances, anchors=anchors, masks=masks)

    def _associate(
        self,
        tracks: Tracks,
        detections: Detections,
        single: NDArray[np.bool_],
        pairs: Comparison,
        now: float,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of tracks and of detections that belong together, stage after stage among those still free."""
        looks, scores = detections.embeddings.shape[1] > 0, detections.scores
        unlike = {} if looks else dict.fromkeys((False, True), pairs.distance)
        free_tracks, free = np.ones(len(tracks), np.bool_), single.copy()
        made_rows, made_columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        counts = np.bincount(tracks.states, minlength=len(State)).tolist()
        for stage, taking_part, states in self._stages:
            if not any(counts[state] for state in taking_part):
                continue
            found = np.flatnonzero((scores >= stage.min_score) & (scores < stage.max_score) & free)
            if len(found) == 0:
                continue
            part = states[tracks.states] & free_tracks
            if stage.lost_for < np.inf:
                part &= (tracks.states != LOST) | (now - tracks.last_seen <= stage.lost_for + ROUNDING)
            rows = np.flatnonzero(part)
            if len(rows) == 0:
                continue
            if stage.wary not in unlike:
                unlike[stage.wary] = self._scale.unlikeness(pairs.distance, stage.wary)
            cost = stage_cost(
                pairs.near, pairs.by_box, pairs.by_mask, unlike[stage.wary], rows, found, scores, stage.mask_weight,
                stage.appearance_weight if looks else 0.0, stage.appearance_limit if looks else np.inf,
                stage.score_weight,
            )  # fmt: skip
            chosen = assign(
                cost, stage.limit if looks or not stage.blind_limit else stage.blind_limit, self.settings.solver
            )
            made_rows.append(rows[chosen[:, 0]])
            made_columns.append(found[chosen[:, 1]])
            free_tracks[made_rows[-1]] = False
            free[made_columns[-1]] = False
        return np.concatenate(made_rows), np.concatenate(made_columns)

    def _compared(self, tracks: Tracks, detections: Detections, columns: NDArray[np.int64]) -> Comparison:
        """Every pair of a track and a detection."""
        groups = self._groups()
        own = groups[tracks.votes.argmax(axis=1)] if len(tracks) and len(groups) else np.zeros(len(tracks), np.int64)
        return compare(
            motion.boxes_of(tracks.means),
            tracks.masks,
            tracks.means[:, :2, 0] - tracks.anchors,
            motion.spreads(tracks.means, tracks.covariances, self.settings.motion),
            own,
            tracks.gallery.means,
            tracks.gallery.views,
            detections.boxes,
            detections.masks,
            groups[columns],
            detections.embeddings,
            self.settings.gate,
        )

    def _seen(
        self,
        tracks: Tracks,
        detections: Detections,
        columns: NDArray[np.int64],
        rows: NDArray[np.int64],
        found: NDArray[np.int64],
        now: float,
        is_clean: NDArray[np.bool_],
    ) -> Tracks:
        """Tracks after their detections were taken in, with their new states."""
        means, covariances = tracks.means.copy(), tracks.covariances.copy()
        means[rows], covariances[rows] = motion.update(
            means[rows], covariances[rows], detections.boxes[found], self.settings.motion
        )
        anchors = tracks.anchors.copy()
        anchors[rows] = means[rows, :2, 0]
        votes, hits, usual, last_seen, matched = counted(
            tracks.votes, tracks.hits, tracks.usual_scores, tracks.last_seen, rows, columns[found],
            detections.scores[found], now, self.settings.lifecycle.score_span,
        )  # fmt: skip
        unseen = now - last_seen
        hidden = self._hidden(tracks, detections, found, ~matched & (unseen > self.settings.lifecycle.memory))
        order = np.arange(len(tracks))
        order[rows] = len(tracks) + found
        sure = found[is_clean[found]]
        tracks.gallery.see(rows[is_clean[found]], detections.embeddings[sure], now, self.settings.appearance)
        both = type(tracks.masks).concatenate(detections.size, [tracks.masks, detections.masks])
        return Tracks(
            ids=tracks.ids,
            states=next_states(tracks.states, hits, usual, matched, unseen, hidden, self.settings.lifecycle),
            hits=hits,
            last_seen=last_seen,
            usual_scores=usual,
            means=means,
            covariances=covariances,
            anchors=anchors,
            votes=votes,
            masks=both.take(order),
            gallery=tracks.gallery,
        )

    def _hidden(
        self, tracks: Tracks, detections: Detections, found: NDArray[np.int64], overdue: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(T,) which of the tracks that are `overdue` (T,) are occluded: their masks, moved to where they should be by
        now, lie for the most part under those of tracks in sight. On open ground they are gone."""
        hidden = np.zeros(len(tracks), np.bool_)
        rows = np.flatnonzero(overdue)
        if len(rows) and len(found):
            moved = tracks.take(rows).moved_masks()
            hidden[rows] = moved.coverage(detections.masks.take(found)).sum(axis=1) >= HIDDEN
        return hidden

    def _starting(
        self,
        detections: Detections,
        columns: NDArray[np.int64],
        free: NDArray[np.bool_],
        found: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Rows of the `free` (N,) detections that start a track: sure enough, and no part of what was `found` (K,) of
        the same group of classes."""
        starting = np.flatnonzero(free & (detections.scores >= self.settings.lifecycle.new_score))
        if len(starting) and len(found):
            groups = self._groups()[columns]
            coverage = detections.masks.take(starting).coverage(detections.masks.take(found))
            alike = groups[starting][:, None] == groups[found]
            starting = starting[(coverage * alike).sum(axis=1) < self.settings.lifecycle.new_coverage]
        return starting

    def _rescaled(
        self,
        tracks: Tracks,
        detections: Detections,
        single: NDArray[np.bool_],
        rows: NDArray[np.int64],
        found: NDArray[np.int64],
        is_clean: NDArray[np.bool_],
        distances: NDArray[np.float64],
    ) -> AppearanceScale:
        """What distances mean, after what this frame shows of it."""
        if detections.embeddings.shape[1] == 0:
            return self._scale
        scale = self._scale.with_frame(detections.embeddings[single & (detections.scores >= HIGH)])
        sure = is_clean[found] & (tracks.states[rows] == CONFIRMED)
        return scale.with_pairs(distances[rows[sure], found[sure]])

    def _known_again(self, tracks: Tracks, away: Tracks) -> tuple[Tracks, Tracks]:
        """Newly confirmed tracks that look like one that is lost or away take up its identity; and who is still away.

        A lost track whose identity is taken up is removed.
        """
        new = np.flatnonzero((tracks.states == CONFIRMED) & (tracks.ids == 0))
        lost = np.flatnonzero(tracks.states == LOST)
        if len(new) == 0 or len(away) + len(lost) == 0 or tracks.gallery.means.shape[1] == 0:
            return tracks, away
        others = np.flatnonzero((tracks.ids > 0) & (tracks.states == CONFIRMED))
        absent = tracks.take(lost).join(away)
        groups = self._groups()
        own, theirs = groups[tracks.votes.argmax(axis=1)], groups[absent.votes.argmax(axis=1)]
        chosen = known_again(
            tracks.gallery.take(new), own[new], absent.gallery, theirs, tracks.gallery.take(others), own[others],
            self._scale, self.settings.reentry,
        )  # fmt: skip
        if len(chosen) == 0:
            return tracks, away
        rows, back = new[chosen[:, 0]], chosen[:, 1]
        ids, hits, votes, states = tracks.ids.copy(), tracks.hits.copy(), tracks.votes.copy(), tracks.states.copy()
        ids[rows] = absent.ids[back]
        hits[rows] += absent.hits[back]
        votes[rows] += absent.votes[back]
        gone = lost[back[back < len(lost)]]
        ids[gone] = 0
        states[gone] = REMOVED
        order = np.arange(len(tracks))
        order[rows] = len(tracks) + back
        gallery = tracks.gallery.join(absent.gallery).take(order)  # its new views are few, and may be half hidden
        still = np.setdiff1d(np.arange(len(away)), back - len(lost))
        return replace(tracks, ids=ids, hits=hits, votes=votes, states=states, gallery=gallery), away.take(still)

    def _named(self, tracks: Tracks) -> Tracks:
        """Newly confirmed tracks get the next ids."""
        nameless = np.flatnonzero((tracks.states == CONFIRMED) & (tracks.ids == 0))
        if len(nameless) == 0:
            return tracks
        ids = tracks.ids.copy()
        ids[nameless] = self._issued + 1 + np.arange(len(nameless))
        self._issued += len(nameless)
        return replace(tracks, ids=ids)

    def _groups(self) -> NDArray[np.int64]:
        """(C,) for each class in the order of the votes, a number that the classes of one group share."""
        group_of = {class_id: -1 - number for number, group in enumerate(self.settings.groups) for class_id in group}
        return np.array([group_of.get(class_id, class_id) for class_id in self._classes], np.int64)

    def _voted(self, votes: NDArray[np.float64]) -> NDArray[np.int64]:
        """(K,) class ids of the most votes."""
        if len(votes) == 0:
            return np.zeros(0, np.int64)
        chosen: NDArray[np.int64] = np.array(self._classes, np.int64)[votes.argmax(axis=1)]
        return chosen
