"""A clip and its prompts become masks of every frame."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.labels import FrameLabels
from mots.optional import opencv
from mots.segmentation.carrying import Carrier, CarrySettings
from mots.segmentation.cutting import GrabCut, Segmenter
from mots.segmentation.flow import Flow, flow_named, reduced
from mots.segmentation.prompts import Prompt, load
from mots.trackers.masks import Masks
from mots.video.frame import Frame, Source
from mots.video.opening import source_of

__all__ = ["OBJECT", "OBJECT_NAMES", "full_masks", "resized", "segment"]

OBJECT = 80  # the engine's id of the class of what is segmented: the first one that COCO lacks
OBJECT_NAMES = {OBJECT: "object"}


def segment(
    source: str | Path | Source | Iterable[NDArray[np.uint8]],
    prompts: str | Path | Sequence[Prompt],
    *,
    segmenter: Segmenter | None = None,
    settings: CarrySettings | None = None,
    side: int = 854,
    flow: str | Flow = "dis",
    frame_rate: float | None = None,
) -> Generator[FrameLabels, None, None]:
    """The objects of the prompts in every frame of a source that can be read twice, as `track` takes it.

    `prompts`: see `prompts.load`. A prompt for a frame corrects what was carried there; frames before an object's first
    prompt are reached backwards, for which they are kept at the working size. `segmenter`: corrects masks; without it
    GrabCut. `side`: longer side of the working size, in pixels. `flow`: see `flow.flow_named`. An object that is out of
    sight has no mask. Scores say how much an object's colours are what they were, from 0 to 1.

    Raises InputError for a prompt beyond the frames or outside the picture, and what reading the source raises.
    """
    cv2 = opencv("segmenting")
    if flow not in ("dis", "farneback"):
        raise InputError(f"flow is '{flow}': wanted dis or farneback", parameters=("flow",))
    opened = source_of(source, frame_rate)
    if opened.live:
        raise InputError(f"{opened.name}: segmenting reads a source that can be read again: record it first")
    if isinstance(prompts, (str, Path)):
        prompts = load(prompts, first_number(opened))
    if not prompts:
        raise InputError("no prompts: name an object", parameters=("prompts",))
    segmenter = segmenter or GrabCut()
    flow = flow_named(flow) if isinstance(flow, str) else flow
    by_frame: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        by_frame.setdefault(prompt.frame, []).append(prompt)
    firsts = {
        number: min(each.frame for each in prompts if each.object == number) for number in {p.object for p in prompts}
    }
    earlier = before_prompts(opened, by_frame, firsts, segmenter, settings, side, flow)
    carrier = Carrier(segmenter, settings, flow)
    last = -1
    for frame in opened:
        small = reduced(cv2, frame.image, side)
        if carrier.objects:
            carrier.step(small)
        if frame.number in by_frame:
            own = {
                each.object: resized(cv2, mask_of(each, frame, segmenter), small.shape[:2]) >= 0.5
                for each in by_frame[frame.number]
            }
            carrier.set(small, own)
            carrier.before = small
        masks = {**earlier.get(frame.number, {}), **carrier.masks()}
        likeness = {number: each.likeness for number, each in carrier.objects.items()}
        yield labels_of(cv2, frame, masks, likeness)
        last = frame.number
    beyond = sorted(number for number in by_frame if number > last)
    if beyond:
        raise InputError(f"a prompt for frame {beyond[0]}: the last frame is {last}", parameters=("prompts",))


def before_prompts(
    source: Source,
    by_frame: dict[int, list[Prompt]],
    firsts: dict[int, int],
    segmenter: Segmenter,
    settings: CarrySettings | None,
    side: int,
    flow: Flow,
) -> dict[int, dict[int, NDArray[np.bool_]]]:
    """By frame, the masks of the objects whose first prompt comes later, carried backwards, at the working size."""
    cv2 = opencv("segmenting")
    begin, end = first_number(source), max(firsts.values())
    if end <= begin:
        return {}
    kept: list[tuple[int, NDArray[np.uint8]]] = []
    own: dict[int, dict[int, NDArray[np.bool_]]] = {}
    for frame in source:
        if frame.number > end:
            break
        small = reduced(cv2, frame.image, side)
        kept.append((frame.number, small))
        prompted = [each for each in by_frame.get(frame.number, []) if firsts[each.object] == frame.number]
        for each in prompted:
            mask = resized(cv2, mask_of(each, frame, segmenter), small.shape[:2]) >= 0.5
            own.setdefault(frame.number, {})[each.object] = mask
    carrier = Carrier(segmenter, settings, flow)
    masks: dict[int, dict[int, NDArray[np.bool_]]] = {}
    for number, small in reversed(kept):
        if carrier.objects:
            carrier.step(small)
            masks[number] = carrier.masks()
        if number in own:
            carrier.set(small, own[number])
            carrier.before = small
    # From its first prompt on, an object is carried forwards.
    return {number: {k: mask for k, mask in each.items() if number < firsts[k]} for number, each in masks.items()}


def first_number(source: Source) -> int:
    """The number of a source's first frame."""
    first = next(iter(source), None)
    if first is None:
        raise InputError(f"{source.name}: no frames")
    return first.number


def mask_of(prompt: Prompt, frame: Frame, segmenter: Segmenter) -> NDArray[np.bool_]:
    """(H, W) the object of a prompt. Raises InputError for one outside of the picture."""
    height, width = frame.image.shape[:2]
    where = f"object {prompt.object}, frame {prompt.frame}"
    if prompt.mask is not None:
        if prompt.mask.shape != (height, width):
            high, wide = prompt.mask.shape
            raise InputError(f"{where}: a mask of {high} x {wide} for a frame of {height} x {width} (height x width)")
        mask = prompt.mask
    elif prompt.box is not None:
        x1, y1, x2, y2 = prompt.box
        if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
            raise InputError(f"{where}: a box outside of the {height} x {width} frame")
        mask = segmenter.from_box(frame.image, prompt.box)
    else:
        assert prompt.points is not None
        assert prompt.inside is not None
        if ((prompt.points < 0) | (prompt.points >= [width, height])).any():
            raise InputError(f"{where}: a point outside of the {height} x {width} frame")
        mask = segmenter.from_points(frame.image, prompt.points, prompt.inside)
    if not mask.any():
        raise InputError(f"{where}: no pixel belongs to it")
    return mask


def labels_of(cv2: Any, frame: Frame, masks: dict[int, NDArray[np.bool_]], likeness: dict[int, float]) -> FrameLabels:
    """A frame's masks of the working size as labels of its own size."""
    height, width = frame.image.shape[:2]
    ids, found = full_masks(cv2, masks, (height, width))
    scores = np.array([min(max(likeness.get(number, 1.0), 0.0), 1.0) for number in ids], np.float32)
    none = Masks.empty((height, width))
    labels = FrameLabels(
        frame.number, frame.time, np.array(ids, np.int64), np.full(len(ids), OBJECT, np.int64), scores, found, none
    )
    return labels.take(np.flatnonzero(found.boxes[:, 2] > 0))


def full_masks(cv2: Any, masks: Mapping[int, NDArray[np.bool_]], size: tuple[int, int]) -> tuple[list[int], Masks]:
    """Masks (h, w) of the working size at a frame's (height, width): their numbers, and masks that share no pixel."""
    ids = sorted(masks)
    if not ids:
        return [], Masks.empty(size)
    stack = np.stack([resized(cv2, masks[number], size) for number in ids])
    winner = stack.argmax(axis=0)
    return ids, Masks.from_images((stack >= 0.5) & (winner == np.arange(len(ids))[:, None, None]))


def resized(cv2: Any, mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.float32]:
    """A mask (h, w) at another (height, width), from 0 to 1."""
    if mask.shape == tuple(size):
        return mask.astype(np.float32)
    way = cv2.INTER_AREA if mask.shape[0] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=way), np.float32)
