"""Keyframe labels carried to the frames between them, from both sides, with a confidence for each frame.

Between two keyframes each object is carried forwards from the first and backwards from the second (`Carrier`). The
nearer a keyframe, the more its outline counts: the signed distances to both outlines are averaged. How well both agree
is the confidence; beyond the outer keyframes there is one side only, and the confidence falls with time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE
from mots.errors import FormatError, InputError
from mots.formats.convert import read
from mots.formats.mots_text import people_numbers
from mots.labels import FrameLabels
from mots.names import printable
from mots.optional import opencv
from mots.segmentation.carrying import Carrier, CarrySettings
from mots.segmentation.cutting import GrabCut, Segmenter
from mots.segmentation.flow import Flow, OpenCvFlow, reduced
from mots.segmentation.segment import full_masks, resized
from mots.trackers.masks import Masks
from mots.video.frame import Frame, Source

__all__ = ["CARRYING", "AnnotatedFrame", "annotate_frames", "keyframe_labels", "unsure_ignored"]

Image = NDArray[np.uint8]
# Two keyframes hold a mask from both sides, so little is left out, and the flow counts more than the colours. Mean IoU
# of carried masks with this, with the flow alone, and with `CarrySettings()`: schoolgirls (a keyframe in 20) 0.617,
# 0.628, 0.536; MOTS20-05 (one in 10) 0.648, 0.661, 0.582; a toy world (one in 20) 0.673, 0.608, 0.468.
CARRYING = CarrySettings(consistent=False, inertia=0.85, least_likeness=0.5)
FALLING = 2.0  # seconds after which the confidence of what has one side only is a third
ONE_SIDED = 0.5  # the most confidence where only one of two keyframes has an object, or only one side still sees it
SAME = 0.5  # IoU at a keyframe of an object carried there with one of another id that is taken for it
JPEG = 95  # quality at which the frames between two keyframes wait in memory


@dataclass(frozen=True, eq=False)
class AnnotatedFrame:
    """A frame's labels, whose scores are the confidence of each object; the frame's `confidence`, the mean over its
    objects and those that were lost on the way, 1 where there are none; whether it is a `keyframe`."""

    labels: FrameLabels
    confidence: float
    keyframe: bool


@dataclass(frozen=True, eq=False)
class Waiting:
    """A frame between two keyframes: number, time, (height, width), and the reduced picture, compressed."""

    number: int
    time: float
    size: tuple[int, int]
    picture: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Trimmed:
    """A mask of a picture of `shape` by its tight box: `corner` (row, column) and `crop`."""

    shape: tuple[int, ...]
    corner: tuple[int, int]
    crop: NDArray[np.bool_]

    @staticmethod
    def of(mask: NDArray[np.bool_]) -> Trimmed:
        """The same pixels, of a mask that has some."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        return Trimmed(mask.shape, (top, left), mask[top : rows[-1] + 1, left : columns[-1] + 1].copy())

    def whole(self) -> NDArray[np.bool_]:
        """(h, w) the mask in its picture."""
        mask = np.zeros(self.shape, np.bool_)
        top, left = self.corner
        mask[top : top + self.crop.shape[0], left : left + self.crop.shape[1]] = self.crop
        return mask


# What one side says of a frame: masks, likeness, and the seconds from its keyframe.
Side = tuple[dict[int, Trimmed], dict[int, float], float]


def keyframe_labels(path: str | Path, sequence: str | None = None) -> dict[int, FrameLabels]:
    """The labels of each keyframe of one sequence, by the frame's number: all frames that a file lists, those without
    objects too. Ids are those that people see.

    Raises InputError where the choice of the sequence is not clear or nothing is there, and what reading raises.
    """
    every = read(Path(path))
    if len(every) == 1 and sequence not in every:
        (sequence,) = every
    if sequence is None or sequence not in every:
        names = ", ".join(map(printable, sorted(every))) or "none"
        raise InputError(f"{path}: name one sequence: there are {names}", parameters=("sequence",))
    table = every[sequence]
    numbers = people_numbers(table.ids[table.classes != IGNORE].tolist())
    frames = {}
    for labels in table.to_frames():
        ids = np.array([numbers[int(identity)] for identity in labels.ids], np.int64)
        frames[labels.frame] = replace(labels, ids=ids)
    for frame in table.listed.tolist() if table.listed is not None else ():
        frames.setdefault(int(frame), FrameLabels.empty(int(frame), 0.0, table.size))
    if not frames:
        raise InputError(f"{path}: no labels of {printable(sequence)}")
    return dict(sorted(frames.items()))


def annotate_frames(
    source: Source,
    keys: Mapping[int, FrameLabels],
    *,
    segmenter: Segmenter | None = None,
    settings: CarrySettings | None = None,
    side: int = 854,
    flow: Flow | None = None,
) -> Iterator[AnnotatedFrame]:
    """Every frame of a source with labels. Raises InputError where it lacks a keyframe, FormatError for masks of
    another size than its frames."""
    work = Work(segmenter or GrabCut(), settings or CARRYING, side, flow or OpenCvFlow())
    left = dict(sorted(keys.items()))
    before: tuple[Waiting, FrameLabels] | None = None
    between: list[Waiting] = []
    names: dict[int, int] = {}  # ids at a keyframe that are another id's object
    for frame in source:
        waiting = work.waiting(frame)
        if frame.number not in left:
            between.append(waiting)
            continue
        given = left.pop(frame.number)
        if len(given) and given.size != waiting.size:
            (high, wide), (tall, broad) = given.size, waiting.size
            raise FormatError(
                f"frame {frame.number}: labels of {high} x {wide} for a frame of {tall} x {broad} (height x width)"
            )
        labels = replace(given, time=frame.time, ids=renamed(given.ids, names))
        made, joined = work.between(before, between, (waiting, labels))
        yield from made
        if joined:
            names.update({own: joined.get(name, name) for own, name in names.items()} | joined)
            labels = replace(labels, ids=np.array([joined.get(i, i) for i in labels.ids.tolist()], np.int64))
        sure = replace(labels, masks=labels.masks, scores=np.ones(len(labels), np.float32))
        yield AnnotatedFrame(sure, 1.0, True)
        before, between = (waiting, labels), []
    if left:
        raise InputError(f"{source.name}: there is no frame {min(left)}, which has labels")
    yield from work.between(before, between, None)[0]


def renamed(ids: NDArray[np.int64], names: dict[int, int]) -> NDArray[np.int64]:
    """Ids of a keyframe with other names for some. Where the object of that name is there itself, or another one has
    the name already, they were two: the id is its own again, from now on."""
    taken = {identity for identity in ids.tolist() if names.get(identity, identity) == identity}
    found = []
    for identity in ids.tolist():
        name = names.get(identity, identity)
        if name != identity and name in taken:
            del names[identity]
            name = identity
        taken.add(name)
        found.append(name)
    return np.array(found, np.int64)


def unsure_ignored(labels: FrameLabels, least: float) -> FrameLabels:
    """The labels with every object whose score is below `least` as an ignore region."""
    sure = labels.scores >= least
    ignore = Masks.concatenate(labels.size, [labels.ignore, labels.masks.take(np.flatnonzero(~sure))])
    return replace(labels.take(np.flatnonzero(sure)), ignore=ignore)


class Work:
    """Carries labels through the frames between two keyframes."""

    def __init__(self, segmenter: Segmenter, settings: CarrySettings, side: int, flow: Flow) -> None:
        self.segmenter, self.settings, self.side, self.flow = segmenter, settings, side, flow
        self.cv2 = opencv("annotating")

    def waiting(self, frame: Frame) -> Waiting:
        """A frame as it is kept."""
        small = reduced(self.cv2, frame.image, self.side)
        _, picture = self.cv2.imencode(".jpg", small[:, :, ::-1], [self.cv2.IMWRITE_JPEG_QUALITY, JPEG])
        return Waiting(frame.number, frame.time, (frame.image.shape[0], frame.image.shape[1]), picture)

    def picture(self, waiting: Waiting) -> Image:
        """Its reduced image (h, w, 3) RGB."""
        return np.ascontiguousarray(self.cv2.imdecode(waiting.picture, self.cv2.IMREAD_COLOR)[:, :, ::-1])

    def between(
        self,
        first: tuple[Waiting, FrameLabels] | None,
        frames: list[Waiting],
        last: tuple[Waiting, FrameLabels] | None,
    ) -> tuple[list[AnnotatedFrame], dict[int, int]]:
        """The frames between two keyframes, each of which may be missing; and of the last keyframe's ids those that are
        objects of the first one, with their ids there."""
        ends = [] if last is None else [last[0]]
        forward = [] if first is None else self.carried(first, [*frames, *ends])
        joined = {} if last is None or not forward else same_objects(self.cv2, forward[-1][0], first, last[1])
        if last is not None and joined:
            own = np.array([joined.get(identity, identity) for identity in last[1].ids.tolist()], np.int64)
            last = (last[0], replace(last[1], ids=own))
        backward = [] if last is None else self.carried(last, frames[::-1])[::-1]
        made = []
        for k, frame in enumerate(frames):
            sides: list[Side | None] = [None, None]
            if first is not None:
                sides[0] = (*forward[k], frame.time - first[0].time)
            if last is not None:
                sides[1] = (*backward[k], last[0].time - frame.time)
            made.append(self.joined_frame(frame, sides, first, last))
        return made, joined

    def carried(
        self, key: tuple[Waiting, FrameLabels], frames: Iterable[Waiting]
    ) -> list[tuple[dict[int, Trimmed], dict[int, float]]]:
        """By frame, the masks of a keyframe's objects carried through frames in their order, at the working size, and
        how much each looks like what it was."""
        image = self.picture(key[0])
        given = {
            int(identity): resized(self.cv2, key[1].masks.image(k), image.shape[:2]) >= 0.5
            for k, identity in enumerate(key[1].ids)
        }
        given = {identity: mask for identity, mask in given.items() if mask.any()}
        found: list[tuple[dict[int, Trimmed], dict[int, float]]] = []
        if not given:
            return [({}, {}) for _ in frames]
        carrier = Carrier(self.segmenter, self.settings, self.flow)
        carrier.set(image, given)
        for frame in frames:
            carrier.step(self.picture(frame))
            masks = {number: Trimmed.of(mask) for number, mask in carrier.masks().items()}
            found.append((masks, {number: each.likeness for number, each in carrier.objects.items()}))
        return found

    def joined_frame(
        self,
        frame: Waiting,
        sides: list[Side | None],
        first: tuple[Waiting, FrameLabels] | None,
        last: tuple[Waiting, FrameLabels] | None,
    ) -> AnnotatedFrame:
        """The labels of a frame from what either side says of it: masks, likeness, and the seconds from its key."""
        keys = [set() if key is None else set(key[1].ids.tolist()) for key in (first, last)]
        classes = {
            int(identity): int(class_id)
            for key in (last, first)
            if key is not None
            for identity, class_id in zip(key[1].ids, key[1].classes, strict=True)
        }
        there: dict[int, tuple[NDArray[np.bool_], float]] = {}
        doubts = []
        for identity in sorted(keys[0] | keys[1]):
            trimmed = [None if side is None else side[0].get(identity) for side in sides]
            masks = [None if each is None else each.whole() for each in trimmed]
            seconds = [np.inf if side is None else side[2] for side in sides]
            likeness = [0.0 if side is None else side[1].get(identity, 0.0) for side in sides]
            mask, confidence = joined_mask(
                masks, seconds, likeness, [identity in own for own in keys], None not in sides
            )
            doubts.append(confidence)
            if mask is not None:
                there[identity] = (mask, confidence)
        confidence = float(np.mean(doubts)) if doubts else 1.0
        ids, found = full_masks(self.cv2, {k: mask for k, (mask, _) in there.items()}, frame.size)
        scores = np.array([there[k][1] for k in ids], np.float32)
        own = np.array([classes[k] for k in ids], np.int64)
        labels = FrameLabels(
            frame.number, frame.time, np.array(ids, np.int64), own, scores, found, Masks.empty(frame.size)
        )
        return AnnotatedFrame(labels.take(np.flatnonzero(found.boxes[:, 2] > 0)), confidence, False)


def joined_mask(
    masks: list[NDArray[np.bool_] | None],
    seconds: list[float],
    likeness: list[float],
    known: list[bool],
    both_keys: bool,
) -> tuple[NDArray[np.bool_] | None, float]:
    """One object's mask in a frame by those of the two sides, and its confidence.

    `seconds`: from each side's keyframe. `likeness`: to what it was. `known`: whether the keyframe has the object.
    `both_keys`: whether there is a keyframe on both sides.
    """
    one, two = masks
    if one is not None and two is not None:
        share = seconds[0] / max(seconds[0] + seconds[1], 1e-9)
        union = int((one | two).sum())
        agreement = int((one & two).sum()) / union if union else 0.0
        if agreement == 0.0:  # the sides have lost each other: the nearer one is right more often
            return (one if share < 0.5 else two), 0.0
        return blended(one, two, share), agreement
    side = 0 if one is not None else 1
    mask = masks[side]
    if mask is None:
        return None, 0.0 if all(known) else ONE_SIDED
    fading = float(np.exp(-seconds[side] / FALLING)) * max(min(likeness[side], 1.0), 0.0)
    if not both_keys:
        return mask, fading
    if all(known) and seconds[side] > seconds[1 - side]:  # the nearer side does not see it: it is hidden
        return None, ONE_SIDED * fading
    return mask, ONE_SIDED * fading


def blended(one: NDArray[np.bool_], two: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """(H, W) the outline between two, by the weighted mean of the signed distances to them; `share` of the second."""
    from scipy.ndimage import distance_transform_edt

    rows, columns = np.nonzero(one | two)
    top, left = max(rows.min() - 1, 0), max(columns.min() - 1, 0)
    part = np.s_[top : rows.max() + 2, left : columns.max() + 2]
    signed = [distance_transform_edt(mask) - distance_transform_edt(~mask) for mask in (one[part], two[part])]
    found = np.zeros_like(one)
    found[part] = (1 - share) * signed[0] + share * signed[1] > 0
    return found


def same_objects(
    cv2: Any,
    arrived: Mapping[int, Trimmed],
    first: tuple[Waiting, FrameLabels] | None,
    last: FrameLabels,
) -> dict[int, int]:
    """Of the last keyframe's ids that the first one lacks, the object of the first that was carried to its place.

    Labels of single frames often have other ids in each. An object that the last keyframe has under its own id stays.
    """
    if first is None:
        return {}
    there = set(last.ids.tolist())
    earlier = {int(identity): int(c) for identity, c in zip(first[1].ids, first[1].classes, strict=True)}
    candidates = []
    for k, identity in enumerate(last.ids.tolist()):
        if identity in earlier:
            continue
        for number, mask in arrived.items():
            if number in there or earlier[number] != last.classes[k]:
                continue
            there_now = mask.whole()
            own = resized(cv2, last.masks.image(k), there_now.shape) >= 0.5
            union = int((own | there_now).sum())
            iou = int((own & there_now).sum()) / union if union else 0.0
            if iou >= SAME:
                candidates.append((iou, identity, number))
    joined: dict[int, int] = {}
    for _, identity, number in sorted(candidates, reverse=True):
        if identity not in joined and number not in joined.values():
            joined[identity] = number
    return joined
