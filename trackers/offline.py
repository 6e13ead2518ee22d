"""Whole-sequence clean-up after the fact: what only the future can tell.

The first pass is the tracker's; this one sees all frames at once. It splits a track where two objects share one id,
joins tracks of one object, takes up the detections that a track would have taken had it been known earlier (its
tentative frames among them), drops blips, and fills short gaps with masks that are marked as predicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .appearance import AppearanceSettings, clean
from .assignment import assign
from .detections import Detections
from .masks import Masks

__all__ = ["Observed", "RefineSettings", "Refined", "refined"]

VELOCITY_SPAN = 0.34  # seconds of a track that tell where it was going
LARGEST_GROWTH = 1.1  # of a height's logarithm over a joined gap: who comes from behind a wall grows threefold
SLACK = 0.3  # seconds that are added to a gap before a distance is divided by it: boxes leap
LOOK_ALIKES = 0.01  # of all pairs of tracks look so alike that their looks do not tell who is who
ENOUGH_VIEWS = 5  # clean views on either side of a gap that tell whether they show one object


@dataclass(frozen=True)
class RefineSettings:
    """What is done after the fact. Times are in seconds; the defaults were chosen on MOTS20-02 and -05."""

    split_unlike: float = 0.9  # a track that looks this unlike after a gap becomes two (0 as the same, 1 as another)
    join_gap: float = 3.0  # two tracks at most this far apart in time may be one object
    join_limit: float = 0.4  # if unlikeness and distance together are below this; the distance counts `join_away`
    join_away: float = 0.2  # for each height a second that the later one starts from where the earlier one was going
    reach: float = 0.3  # a track takes up free detections as far as this before its first and after its last frame
    extend: float = 1.0  # step by step no further than this in all: a false detection that stays would never end
    inside: float = 2.0  # and in gaps as long as this
    least_score: float = 0.1  # of a free detection that is taken up
    report_score: float = 0.4  # and of the mean of its score and its track's
    overlap: float = 0.4  # of its mask and box with the track's, moved along
    blip_frames: int = 5  # tracks of fewer frames are dropped,
    blip_score: float = 0.38  # and those with a lower mean score
    fill: float = 0.2  # gaps as long as this are filled with moved masks, where nothing hides the object
    fill_visible: float = 0.7  # if this much of the moved mask is free of other objects
    write_filled: bool = False  # whether filled masks go into result files; frames have them, marked `predicted`


@dataclass(frozen=True, eq=False)
class Observed:
    """A frame of the first pass: its detections, the tracker's ids for them (N,), and the camera's motion to it."""

    frame: int
    time: float
    detections: Detections
    ids: NDArray[np.int64]
    camera: NDArray[np.float64]  # (2, 3)
    alive: int = 0  # tracks that are confirmed or lost after this frame


@dataclass(frozen=True, eq=False)
class Refined:
    """What becomes of a frame: an id for each detection (N,), 0 for none, and masks that no detection shows.

    `filled`: masks moved into gaps, `filled_ids` (K,) the tracks that they belong to. `classes`: of every track, by id.
    """

    ids: NDArray[np.int64]
    filled: Masks
    filled_ids: NDArray[np.int64]
    classes: Mapping[int, int]


def refined(
    frames: Sequence[Observed],
    settings: RefineSettings | None = None,
    appearance: AppearanceSettings | None = None,
    groups: Sequence[Sequence[int]] = (),
) -> list[Refined]:
    """What becomes of each frame when all are known.

    `appearance`, `groups`: the tracker's, which say whose looks count and which classes may be confused on one object.
    """
    if not frames:
        return []
    tracks = Tracklets(frames, settings or RefineSettings(), appearance or AppearanceSettings(), groups)
    tracks.split()
    tracks.join()
    tracks.take_up(near=1)
    tracks.take_up(near=-1)
    tracks.drop_blips()
    return tracks.result()


class Tracklets:
    """The tracks of a sequence while they are being refined: `rows[id][frame index]` is a detection's row."""

    def __init__(
        self,
        frames: Sequence[Observed],
        settings: RefineSettings,
        appearance: AppearanceSettings,
        groups: Sequence[Sequence[int]],
    ) -> None:
        self.frames, self.settings = frames, settings
        self.times = np.array([each.time for each in frames])
        self.maps = stabilised(frames)
        self.spots = [spots(each.detections, back) for each, back in zip(frames, self.maps, strict=True)]
        self.clean = [clean(each.detections, appearance) for each in frames]
        self.group = {class_id: group[0] for group in groups for class_id in group}
        self.rows: dict[int, dict[int, int]] = {}
        self.free = [each.ids == 0 for each in frames]
        for f, each in enumerate(frames):
            for row in np.flatnonzero(each.ids).tolist():
                self.rows.setdefault(int(each.ids[row]), {})[f] = row
        self.same, self.other, self.alike = self.usual_distances()

    # Looks

    def usual_distances(self) -> tuple[float, float, float]:
        """The median cosine distances of the halves of one track, and of two tracks that are seen together; and one
        that hardly any two tracks that are seen together fall below. nan where nothing tells."""
        names = sorted(self.rows)
        nothing = (float("nan"),) * 3
        if len(names) < 2 or self.frames[0].detections.embeddings.shape[1] == 0:
            return nothing
        looks = np.stack([self.looks(list(self.rows[name].items())) for name in names])
        begins = np.array([min(self.rows[name]) for name in names])
        ends = np.array([max(self.rows[name]) for name in names])
        together = (begins[:, None] <= ends) & (begins <= ends[:, None]) & ~np.eye(len(names), dtype=np.bool_)
        if not together.any():
            return nothing
        distances = (1.0 - looks @ looks.T)[together]
        other, alike = float(np.median(distances)), float(np.quantile(distances, LOOK_ALIKES))
        halves = []
        for name in names:
            views = self.clean_views(name)
            if len(views) >= 4 * ENOUGH_VIEWS:
                middle = len(views) // 2
                halves.append(1.0 - float(self.looks(views[:middle]) @ self.looks(views[middle:])))
        return (float(np.median(halves)) if halves else 0.25 * other), other, alike

    def unlike(self, distance: float) -> float:
        """A cosine distance from 0, as the same, to 1, as another object and beyond."""
        return (distance - self.same) / max(self.other - self.same, 1e-6)

    def clean_views(self, name: int) -> list[tuple[int, int]]:
        """A track's frames and rows that show it surely and unhidden, in order."""
        return [(f, row) for f, row in sorted(self.rows[name].items()) if self.clean[f][row]]

    def looks(self, views: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """(D,) the mean embedding, of unit length, of the clean ones of these views, or of all where none is."""
        chosen = [(f, row) for f, row in views if self.clean[f][row]] or views
        total = np.sum([self.frames[f].detections.embeddings[row] for f, row in chosen], axis=0, dtype=np.float64)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))

    # Splitting and joining

    def split(self) -> None:
        """Make two tracks of one that looks like another object after a gap."""
        if not np.isfinite(self.other):
            return
        fresh = itertools.count(max(self.rows) + 1)
        waiting = sorted(self.rows)
        while waiting:
            name = waiting.pop()
            views = self.clean_views(name)
            known = sorted(self.rows[name])
            for before, after in itertools.pairwise(known):
                early, late = [v for v in views if v[0] <= before], [v for v in views if v[0] >= after]
                if after - before == 1 or len(early) < ENOUGH_VIEWS or len(late) < ENOUGH_VIEWS:
                    continue
                distance = 1.0 - float(self.looks(early) @ self.looks(late))
                if self.unlike(distance) >= self.settings.split_unlike:
                    own, rest = self.rows[name], next(fresh)
                    self.rows[name] = {f: row for f, row in own.items() if f <= before}
                    self.rows[rest] = {f: row for f, row in own.items() if f >= after}
                    waiting.append(rest)
                    break

    def join(self) -> None:
        """Give tracks of one object one id: the pairs, each an end and a later start, that together gain most."""
        names = sorted(self.rows)
        if not np.isfinite(self.other):
            return
        looks = {name: self.looks(list(self.rows[name].items())) for name in names}
        begins, ends = {n: min(self.rows[n]) for n in names}, {n: max(self.rows[n]) for n in names}
        settings = self.settings
        limit = min(settings.join_limit, self.unlike(self.alike))
        cost = np.full((len(names), len(names)), np.inf)
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                gap = self.times[begins[b]] - self.times[ends[a]]
                if not 0 < gap <= settings.join_gap or self.group_of(a) != self.group_of(b):
                    continue
                unlike = max(self.unlike(1.0 - float(looks[a] @ looks[b])), 0.0)
                if unlike < limit:
                    cost[i, j] = unlike + settings.join_away * self.away(a, ends[a], b, begins[b]) / (SLACK + gap)
        earlier = {names[j]: names[i] for i, j in assign(cost, limit).tolist()}
        for name in names:
            first = name
            while first in earlier:
                first = earlier[first]
            if first != name:
                self.rows[first].update(self.rows.pop(name))

    def away(self, a: int, end: int, b: int, start: int) -> float:
        """How far track b starts from where track a was going or stopped, in a's heights."""
        last, first = self.spot(a, end), self.spot(b, start)
        if abs(np.log(max(last[3], 1.0) / max(first[3], 1.0))) > LARGEST_GROWTH:
            return np.inf
        step = self.velocity(a, end, -1) * (self.times[start] - self.times[end])
        apart = min(np.hypot(*(last[:2] + share * step - first[:2])) for share in (0.0, 0.5, 1.0))
        return float(apart / max(last[3], 1.0))

    # Taking up detections that no track has. A track comes to a frame from its side `near`: 1 from later, -1 earlier.

    def take_up(self, near: int) -> None:
        """Follow every track through the frames in which it has no detection, and give it a free one that fits."""
        known = {name: sorted(own) for name, own in self.rows.items()}
        ends = {name: self.times[own[0 if near == 1 else -1]] for name, own in known.items()}
        scores = {name: self.mean_score(name) for name in self.rows}
        for f in range(len(self.frames))[::-near]:
            found = self.frames[f].detections
            free = np.flatnonzero(self.free[f] & (found.scores >= self.settings.least_score))
            if len(free) == 0:
                continue
            going = [
                name
                for name, own in self.rows.items()
                if f not in own
                and (ends[name] - self.times[f]) * near <= self.settings.extend
                and self.reaches(known[name], f, near)
            ]
            if not going:
                continue
            overlap = self.overlap(going, known, f, near, free)
            sure = found.scores[free] + np.array([[scores[name]] for name in going])  # (G, K)
            overlap = np.where(sure >= 2 * self.settings.report_score, overlap, 0.0)
            for i, j in assign(1.0 - overlap, 1.0 - self.settings.overlap).tolist():
                self.rows[going[i]][f] = int(free[j])
                self.free[f][free[j]] = False
                known[going[i]] = sorted(self.rows[going[i]])

    def mean_score(self, name: int) -> float:
        """Of a track's detections."""
        return float(np.mean([self.frames[f].detections.scores[row] for f, row in self.rows[name].items()]))

    def reaches(self, known: list[int], f: int, near: int) -> bool:
        """Whether a track that is known in these frames is followed to frame f from its side `near`."""
        before, after = neighbours(known, f)
        one = after if near == 1 else before
        if one is None:
            return False
        if before is not None and after is not None:
            return bool(self.times[after] - self.times[before] <= self.settings.inside)
        return bool(abs(self.times[one] - self.times[f]) <= self.settings.reach)

    def overlap(
        self, going: list[int], known: dict[int, list[int]], f: int, near: int, free: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """(G, K) mean of mask and box IoU of tracks, moved to frame f, and its detections `free`."""
        found = self.frames[f].detections.take(free)
        moved = [self.moved(name, known[name], f, near) for name in going]
        by_mask = Masks.concatenate(found.size, [mask for _, mask in moved]).iou(found.masks)
        by_box = box_iou(np.stack([box for box, _ in moved]), found.boxes.astype(np.float64))
        alike = np.array([[self.group_of(name)] for name in going]) == [
            self.group.get(class_id, class_id) for class_id in found.classes.tolist()
        ]
        return np.where(alike, (by_box + by_mask) / 2, 0.0)

    def moved(self, name: int, known: list[int], f: int, near: int) -> tuple[NDArray[np.float64], Masks]:
        """A track's box (4,) in frame f, and its mask of the nearest frame on side `near` moved there."""
        before, after = neighbours(known, f)
        anchor = after if near == 1 else before
        assert anchor is not None
        if before is not None and after is not None:
            share = (self.times[f] - self.times[before]) / (self.times[after] - self.times[before])
            spot = (1 - share) * self.spot(name, before) + share * self.spot(name, after)
        else:
            spot = self.spot(name, anchor).copy()
            spot[:2] += self.velocity(name, anchor, near) * (self.times[f] - self.times[anchor])
        forth = np.linalg.inv(self.maps[f])
        centre = forth[:2, :2] @ spot[:2] + forth[:2, 2]
        half = spot[2:] * np.sqrt(abs(np.linalg.det(forth[:2, :2]))) / 2
        row, own = self.rows[name][anchor], self.frames[anchor].detections
        was = (own.boxes[row, :2].astype(np.float64) + own.boxes[row, 2:]) / 2
        return np.concatenate([centre - half, centre + half]), own.masks.take([row]).moved((centre - was)[None])

    def velocity(self, name: int, f: int, near: int) -> NDArray[np.float64]:
        """(2,) pixels a second at frame f, fitted to the track's frames on the side `near` of it."""
        own = [g for g in self.rows[name] if 0 <= (self.times[g] - self.times[f]) * near <= VELOCITY_SPAN]
        if len(own) < 3:
            return np.zeros(2)
        times = self.times[own] - self.times[own].mean()
        places = np.array([self.spot(name, g)[:2] for g in own])
        return np.asarray(times @ (places - places.mean(axis=0)) / (times @ times))

    def spot(self, name: int, f: int) -> NDArray[np.float64]:
        """(4,) where a track is in a frame: see `spots`."""
        return np.asarray(self.spots[f][self.rows[name][f]])

    def group_of(self, name: int) -> int:
        """The class of a track's first detection, or what stands for all that it may be confused with."""
        f, row = next(iter(self.rows[name].items()))
        class_id = int(self.frames[f].detections.classes[row])
        return self.group.get(class_id, class_id)

    # What is left, and what is added

    def drop_blips(self) -> None:
        """Forget tracks of very few frames, and those that were never sure."""
        self.rows = {
            name: own
            for name, own in self.rows.items()
            if len(own) >= self.settings.blip_frames and self.mean_score(name) >= self.settings.blip_score
        }

    def result(self) -> list[Refined]:
        """What becomes of each frame."""
        ids = [np.zeros(len(each.detections), np.int64) for each in self.frames]
        classes = {}
        for name, own in self.rows.items():
            votes: dict[int, float] = {}
            for f, row in own.items():
                ids[f][row] = name
                found = self.frames[f].detections
                votes[int(found.classes[row])] = votes.get(int(found.classes[row]), 0.0) + float(found.scores[row])
            classes[name] = max(votes, key=lambda class_id: votes[class_id])
        filled = self.filled(ids)
        return [
            Refined(
                ids[f],
                Masks.concatenate(each.detections.size, [mask for _, mask in filled[f]]),
                np.array([name for name, _ in filled[f]], np.int64),
                classes,
            )
            for f, each in enumerate(self.frames)
        ]

    def filled(self, ids: list[NDArray[np.int64]]) -> list[list[tuple[int, Masks]]]:
        """For each frame the tracks that have a short gap there, each with its moved mask, where it would be seen."""
        found: list[list[tuple[int, Masks]]] = [[] for _ in self.frames]
        for name, own in self.rows.items():
            known = sorted(own)
            for before, after in itertools.pairwise(known):
                if self.times[after] - self.times[before] > self.settings.fill:
                    continue
                for f in range(before + 1, after):
                    near = 1 if self.times[after] - self.times[f] < self.times[f] - self.times[before] else -1
                    _, mask = self.moved(name, known, f, near)
                    shown = self.frames[f].detections.masks.take(np.flatnonzero(ids[f]))
                    hidden = float(mask.coverage(shown).sum())
                    if mask.areas()[0] > 0 and 1.0 - hidden >= self.settings.fill_visible:
                        found[f].append((name, mask))
        return found


def neighbours(known: list[int], f: int) -> tuple[int | None, int | None]:
    """The last known frame before f, and the first one from f on."""
    place = int(np.searchsorted(known, f))
    return (known[place - 1] if place else None), (known[place] if place < len(known) else None)


def stabilised(frames: Sequence[Observed]) -> list[NDArray[np.float64]]:
    """(3, 3) for each frame: the map of its points to where they would be had the camera not moved."""
    maps = [np.eye(3)]
    for each in frames[1:]:
        maps.append(maps[-1] @ np.linalg.inv(np.vstack([each.camera, [0.0, 0.0, 1.0]])))
    return maps


def spots(detections: Detections, back: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) centre x y, width and height of each box where the camera stood in the first frame."""
    boxes = detections.boxes.astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ back[:2, :2].T + back[:2, 2]
    return np.concatenate([centres, (boxes[:, 2:] - boxes[:, :2]) * np.sqrt(abs(np.linalg.det(back[:2, :2])))], axis=1)


def box_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, B) IoU of boxes (A, 4) and (B, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    whole = (a[:, 2:] - a[:, :2]).prod(axis=1)[:, None] + (b[:, 2:] - b[:, :2]).prod(axis=1) - common
    return np.asarray(common / np.maximum(whole, 1e-9))
