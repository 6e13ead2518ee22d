"""Refinement of a whole sequence: what can only be decided when all frames are known.

The first pass is the tracker's. Refinement splits a track where two objects share one id, joins tracks of one object,
gives tracks the free detections that continue them (their tentative frames among them), drops very short tracks, and
fills short gaps with moved masks that are marked as predicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .appearance import UNKNOWN_SAME, AppearanceSettings, clean
from .assignment import assign
from .detections import Detections
from .kernels import box_ious
from .masks import Masks
from .motion import is_cut

__all__ = ["RefineSettings", "Refined", "refine"]


@dataclass(frozen=True)
class RefineSettings:
    """What is done after the first pass. Times are in seconds; dissimilarity runs from 0 (same) to 1 (other object)."""

    split_dissimilarity: float = 0.9  # a track whose appearance after a gap is this dissimilar is split
    split_views: int = 5  # clean embeddings on either side of a gap that are needed to split
    join_gap: float = 3.0  # two tracks at most this far apart in time can be joined
    join_limit: float = 0.4  # if dissimilarity plus weighted distance is below this
    join_distance_weight: float = 0.2  # weight of the distance, in heights per second, from the predicted start
    join_slack: float = 0.3  # seconds added to a gap before a distance is divided by it, for jumps of boxes
    join_max_growth: float = 1.1  # largest logarithm of the ratio of two heights over a joined gap
    join_similar_share: float = 0.01  # dissimilarity that this share of all simultaneous pairs lies below also limits
    velocity_span: float = 0.34  # seconds of a track from which its velocity is fitted
    extend_step: float = 0.3  # a track takes a free detection at most this long before its start or after its end
    extend: float = 1.0  # and is extended by at most this in all; a constant false positive would never end
    max_gap: float = 2.0  # it takes free detections inside gaps of at most this length
    min_score: float = 0.1  # of a free detection that is taken
    report_score: float = 0.4  # least mean of the detection's score and the track's mean score
    min_overlap: float = 0.4  # least mean of mask and box IoU with the track, moved to that frame
    min_frames: int = 5  # tracks of fewer frames are dropped
    min_mean_score: float = 0.38  # and tracks of a lower mean score
    fill: float = 0.2  # gaps of at most this length are filled with moved masks,
    fill_visible: float = 0.7  # where at least this share of the moved mask is free of other objects
    write_filled: bool = False  # whether filled masks are written to result files; frames have them, as `predicted`


@dataclass(frozen=True, eq=False)
class Refined:
    """The result for one frame: an id for each detection (N,), 0 for none, and masks in gaps.

    `filled`: K masks moved into gaps, `filled_ids` (K,) their tracks. `classes`: the class of every track, by id.
    """

    ids: NDArray[np.int64]
    filled: Masks
    filled_ids: NDArray[np.int64]
    classes: Mapping[int, int]


def refine(
    times: Sequence[float],
    detections: Sequence[Detections],
    ids: Sequence[NDArray[np.int64]],
    motions: Sequence[NDArray[np.float64]],
    settings: RefineSettings | None = None,
    appearance: AppearanceSettings | None = None,
    groups: Sequence[Sequence[int]] = (),
) -> list[Refined]:
    """Refine F frames of a first pass.

    `times`: (F,) seconds, ascending. `detections`: of each frame. `ids`: for each frame (N,) the tracker's ids.
    `motions`: for each frame the (2, 3) camera motion to it. `appearance`, `groups`: the tracker's settings, which say
    what is a clean detection and which classes may be confused on one object. Nothing that is given is changed.
    """
    if not detections:
        return []
    tracklets = Tracklets(
        times, detections, ids, motions, settings or RefineSettings(), appearance or AppearanceSettings(), groups
    )
    tracklets.split()
    tracklets.join()
    tracklets.take_free(side=1)
    tracklets.take_free(side=-1)
    tracklets.drop_short()
    return tracklets.result()


class Tracklets:
    """The tracks of a sequence while they are refined: `rows[id][frame index]` is the row of a detection."""

    def __init__(
        self,
        times: Sequence[float],
        detections: Sequence[Detections],
        ids: Sequence[NDArray[np.int64]],
        motions: Sequence[NDArray[np.float64]],
        settings: RefineSettings,
        appearance: AppearanceSettings,
        groups: Sequence[Sequence[int]],
    ) -> None:
        self.times, self.detections, self.settings = np.array(times, np.float64), detections, settings
        self.maps = stabilising_maps(motions)
        self.places = [places(each, back) for each, back in zip(detections, self.maps, strict=True)]
        self.clean = [clean(each, appearance) for each in detections]
        self.group = {class_id: group[0] for group in groups for class_id in group}
        self.rows: dict[int, dict[int, int]] = {}
        self.free = [each == 0 for each in ids]
        for f, each in enumerate(ids):
            for row in np.flatnonzero(each).tolist():
                self.rows.setdefault(int(each[row]), {})[f] = row
        self.same, self.other, self.similar = self.usual_distances()

    # Appearance

    def usual_distances(self) -> tuple[float, float, float]:
        """Median cosine distances of the two halves of one track and of two simultaneous tracks, and the low quantile
        of the latter (`join_similar_share`). nan where there is nothing to measure."""
        names = sorted(self.rows)
        nothing = (float("nan"),) * 3
        if len(names) < 2 or self.detections[0].embeddings.shape[1] == 0:
            return nothing
        embeddings = np.stack([self.mean_embedding(list(self.rows[name].items())) for name in names])
        begins = np.array([min(self.rows[name]) for name in names])
        ends = np.array([max(self.rows[name]) for name in names])
        together = (begins[:, None] <= ends) & (begins <= ends[:, None]) & ~np.eye(len(names), dtype=np.bool_)
        if not together.any():
            return nothing
        distances = (1.0 - embeddings @ embeddings.T)[together]
        other = float(np.median(distances))
        similar = float(np.quantile(distances, self.settings.join_similar_share))
        halves = []
        for name in names:
            views = self.clean_views(name)
            if len(views) >= 4 * self.settings.split_views:
                middle = len(views) // 2
                one, two = self.mean_embedding(views[:middle]), self.mean_embedding(views[middle:])
                halves.append(1.0 - float(one @ two))
        return (float(np.median(halves)) if halves else UNKNOWN_SAME * other), other, similar

    def dissimilarity(self, distance: float) -> float:
        """A cosine distance on the scale from 0, the same object, to 1, another one, and beyond."""
        return (distance - self.same) / max(self.other - self.same, 1e-6)

    def clean_views(self, name: int) -> list[tuple[int, int]]:
        """A track's frames and rows whose detections are clean, in order."""
        return [(f, row) for f, row in sorted(self.rows[name].items()) if self.clean[f][row]]

    def mean_embedding(self, views: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """(D,) of unit length: the mean of the clean ones of these views, or of all where none is clean."""
        chosen = [(f, row) for f, row in views if self.clean[f][row]] or views
        total = np.sum([self.detections[f].embeddings[row] for f, row in chosen], axis=0, dtype=np.float64)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))

    # Splitting and joining

    def split(self) -> None:
        """Split a track whose appearance after a gap is that of another object."""
        if not np.isfinite(self.other):
            return
        enough = self.settings.split_views
        new_names = itertools.count(max(self.rows) + 1)
        waiting = sorted(self.rows)
        while waiting:
            name = waiting.pop()
            views = self.clean_views(name)
            frames = sorted(self.rows[name])
            for before, after in itertools.pairwise(frames):
                early, late = [v for v in views if v[0] <= before], [v for v in views if v[0] >= after]
                if after - before == 1 or len(early) < enough or len(late) < enough:
                    continue
                distance = 1.0 - float(self.mean_embedding(early) @ self.mean_embedding(late))
                if self.dissimilarity(distance) >= self.settings.split_dissimilarity:
                    own, rest = self.rows[name], next(new_names)
                    self.rows[name] = {f: row for f, row in own.items() if f <= before}
                    self.rows[rest] = {f: row for f, row in own.items() if f >= after}
                    waiting.append(rest)
                    break

    def join(self) -> None:
        """Give tracks of one object one id: the pairs of an end and a later start with the lowest total cost."""
        names = sorted(self.rows)
        if not np.isfinite(self.other):
            return
        embeddings = {name: self.mean_embedding(list(self.rows[name].items())) for name in names}
        begins, ends = {n: min(self.rows[n]) for n in names}, {n: max(self.rows[n]) for n in names}
        settings = self.settings
        limit = min(settings.join_limit, self.dissimilarity(self.similar))
        cost = np.full((len(names), len(names)), np.inf)
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                gap = self.times[begins[b]] - self.times[ends[a]]
                if not 0 < gap <= settings.join_gap or self.group_of(a) != self.group_of(b):
                    continue
                dissimilarity = max(self.dissimilarity(1.0 - float(embeddings[a] @ embeddings[b])), 0.0)
                if dissimilarity < limit:
                    distance = self.distance(a, ends[a], b, begins[b]) / (settings.join_slack + gap)
                    cost[i, j] = dissimilarity + settings.join_distance_weight * distance
        earlier = {names[j]: names[i] for i, j in assign(cost, limit).tolist()}
        for name in names:
            first = name
            while first in earlier:
                first = earlier[first]
            if first != name:
                self.rows[first].update(self.rows.pop(name))

    def distance(self, a: int, end: int, b: int, start: int) -> float:
        """Of the start of track b from where track a stopped or was moving to, in heights of a; inf where their
        heights differ too much."""
        last, first = self.place(a, end), self.place(b, start)
        if abs(np.log(max(last[3], 1.0) / max(first[3], 1.0))) > self.settings.join_max_growth:
            return np.inf
        step = self.velocity(a, end, -1) * (self.times[start] - self.times[end])
        apart = min(np.hypot(*(last[:2] + share * step - first[:2])) for share in (0.0, 0.5, 1.0))
        return float(apart / max(last[3], 1.0))

    # Free detections. A track is followed into a frame from one `side`: 1 from later frames, -1 from earlier ones.

    def take_free(self, side: int) -> None:
        """Follow every track through the frames in which it has no detection, and give it a free one that fits."""
        known = {name: sorted(own) for name, own in self.rows.items()}
        ends = {name: self.times[own[0 if side == 1 else -1]] for name, own in known.items()}
        scores = {name: self.mean_score(name) for name in self.rows}
        for f in range(len(self.detections))[::-side]:
            detections = self.detections[f]
            free = np.flatnonzero(self.free[f] & (detections.scores >= self.settings.min_score))
            if len(free) == 0:
                continue
            followed = [
                name
                for name, own in self.rows.items()
                if f not in own
                and (ends[name] - self.times[f]) * side <= self.settings.extend
                and self.reaches(known[name], f, side)
            ]
            if not followed:
                continue
            overlap = self.overlap(followed, known, f, side, free)
            summed = detections.scores[free] + np.array([[scores[name]] for name in followed])  # (G, K)
            overlap = np.where(summed >= 2 * self.settings.report_score, overlap, 0.0)
            for i, j in assign(1.0 - overlap, 1.0 - self.settings.min_overlap).tolist():
                self.rows[followed[i]][f] = int(free[j])
                self.free[f][free[j]] = False
                known[followed[i]] = sorted(self.rows[followed[i]])

    def mean_score(self, name: int) -> float:
        """Of a track's detections."""
        return float(np.mean([self.detections[f].scores[row] for f, row in self.rows[name].items()]))

    def reaches(self, known: list[int], f: int, side: int) -> bool:
        """Whether a track that is known in these frames is followed to frame f from this side."""
        before, after = neighbours(known, f)
        nearest = after if side == 1 else before
        if nearest is None:
            return False
        if before is not None and after is not None:
            return bool(self.times[after] - self.times[before] <= self.settings.max_gap)
        return bool(abs(self.times[nearest] - self.times[f]) <= self.settings.extend_step)

    def overlap(
        self, followed: list[int], known: dict[int, list[int]], f: int, side: int, free: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """(G, K) mean of mask and box IoU of tracks, moved to frame f, and its detections `free`."""
        detections = self.detections[f].take(free)
        moved = [self.moved(name, known[name], f, side) for name in followed]
        mask_iou = Masks.concatenate(detections.size, [mask for _, mask in moved]).iou(detections.masks)
        box_iou = box_ious(np.stack([box for box, _ in moved]), detections.boxes.astype(np.float64))
        same_group = np.array([[self.group_of(name)] for name in followed]) == [
            self.group.get(class_id, class_id) for class_id in detections.classes.tolist()
        ]
        return np.where(same_group, (box_iou + mask_iou) / 2, 0.0)

    def moved(self, name: int, known: list[int], f: int, side: int) -> tuple[NDArray[np.float64], Masks]:
        """A track's box (4,) in frame f, and its mask of the nearest frame on that side, moved there."""
        before, after = neighbours(known, f)
        anchor = after if side == 1 else before
        assert anchor is not None
        if before is not None and after is not None:
            share = (self.times[f] - self.times[before]) / (self.times[after] - self.times[before])
            place = (1 - share) * self.place(name, before) + share * self.place(name, after)
        else:
            place = self.place(name, anchor).copy()
            place[:2] += self.velocity(name, anchor, side) * (self.times[f] - self.times[anchor])
        forward = np.linalg.inv(self.maps[f])
        centre = forward[:2, :2] @ place[:2] + forward[:2, 2]
        half = place[2:] * np.sqrt(abs(np.linalg.det(forward[:2, :2]))) / 2
        row, own = self.rows[name][anchor], self.detections[anchor]
        old_centre = (own.boxes[row, :2].astype(np.float64) + own.boxes[row, 2:]) / 2
        return np.concatenate([centre - half, centre + half]), own.masks.take([row]).moved((centre - old_centre)[None])

    def velocity(self, name: int, f: int, side: int) -> NDArray[np.float64]:
        """(2,) pixels a second at frame f, fitted to the track's frames on that side of it; 0 for fewer than 3."""
        span = self.settings.velocity_span
        own = [g for g in self.rows[name] if 0 <= (self.times[g] - self.times[f]) * side <= span]
        if len(own) < 3:
            return np.zeros(2)
        times = self.times[own] - self.times[own].mean()
        centres = np.array([self.place(name, g)[:2] for g in own])
        return np.asarray(times @ (centres - centres.mean(axis=0)) / (times @ times))

    def place(self, name: int, f: int) -> NDArray[np.float64]:
        """(4,) centre and size of a track in a frame; see `places`."""
        return np.asarray(self.places[f][self.rows[name][f]])

    def group_of(self, name: int) -> int:
        """The class of a track's first detection, or the first class of its group."""
        f, row = next(iter(self.rows[name].items()))
        class_id = int(self.detections[f].classes[row])
        return self.group.get(class_id, class_id)

    # The result

    def drop_short(self) -> None:
        """Drop tracks of very few frames or of a low mean score."""
        self.rows = {
            name: own
            for name, own in self.rows.items()
            if len(own) >= self.settings.min_frames and self.mean_score(name) >= self.settings.min_mean_score
        }

    def result(self) -> list[Refined]:
        """The result for each frame."""
        ids = [np.zeros(len(each), np.int64) for each in self.detections]
        classes = {}
        for name, own in self.rows.items():
            votes: dict[int, float] = {}
            for f, row in own.items():
                ids[f][row] = name
                class_id = int(self.detections[f].classes[row])
                votes[class_id] = votes.get(class_id, 0.0) + float(self.detections[f].scores[row])
            classes[name] = max(votes, key=lambda class_id: votes[class_id])
        filled = self.filled(ids)
        return [
            Refined(
                ids[f],
                Masks.concatenate(each.size, [mask for _, mask in filled[f]]),
                np.array([name for name, _ in filled[f]], np.int64),
                classes,
            )
            for f, each in enumerate(self.detections)
        ]

    def filled(self, ids: list[NDArray[np.int64]]) -> list[list[tuple[int, Masks]]]:
        """For each frame the tracks that have a short gap there, each with its moved mask, where it is visible."""
        filled: list[list[tuple[int, Masks]]] = [[] for _ in self.detections]
        for name, own in self.rows.items():
            known = sorted(own)
            for before, after in itertools.pairwise(known):
                if self.times[after] - self.times[before] > self.settings.fill:
                    continue
                for f in range(before + 1, after):
                    side = 1 if self.times[after] - self.times[f] < self.times[f] - self.times[before] else -1
                    _, mask = self.moved(name, known, f, side)
                    others = self.detections[f].masks.take(np.flatnonzero(ids[f]))
                    occluded = float(mask.coverage(others).sum())
                    if mask.areas()[0] > 0 and 1.0 - occluded >= self.settings.fill_visible:
                        filled[f].append((name, mask))
        return filled


OTHER_SCENE = 1e6  # pixels between two scenes, in the coordinates in which a sequence's places are compared


def neighbours(known: list[int], f: int) -> tuple[int | None, int | None]:
    """The last known frame before f, and the first one from f on."""
    place = int(np.searchsorted(known, f))
    return (known[place - 1] if place else None), (known[place] if place < len(known) else None)


def stabilising_maps(motions: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """(3, 3) for each frame: the map of its points to the first frame's coordinates, by the camera's motion.

    Another scene is mapped far away from the one before, so that nothing is near to both.
    """
    maps = [np.eye(3)]
    for motion in motions[1:]:
        if is_cut(motion):
            motion = np.array([[1.0, 0.0, -OTHER_SCENE], [0.0, 1.0, 0.0]])
        maps.append(maps[-1] @ np.linalg.inv(np.vstack([motion, [0.0, 0.0, 1.0]])))
    return maps


def places(detections: Detections, back: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) centre x y, width and height of each box in the first frame's coordinates."""
    boxes = detections.boxes.astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ back[:2, :2].T + back[:2, 2]
    return np.concatenate([centres, (boxes[:, 2:] - boxes[:, :2]) * np.sqrt(abs(np.linalg.det(back[:2, :2])))], axis=1)
