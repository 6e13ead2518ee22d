"""Labels made to fit a target format: each difference that this makes is a sentence for the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE, MOT_CHALLENGE_CLASSES, STEP_THINGS, class_name, to_mots
from mots.encodings.runs import Runs, common_pixels, masks_of, runs_of
from mots.errors import FormatError
from mots.formats.label_table import IGNORE_ID, LabelTable, listed_frames, union
from mots.formats.mots_text import SHORT, join_id, split_id

__all__ = ["TARGETS", "Target", "fitted", "joined"]

PNG_IDS = 1 << 16  # ids of a picture of 16 bits are below


@dataclass(frozen=True)
class Target:
    """What a format can hold.

    `classes`: ids of `mots.classes`; None for all. `overlaps`: masks of one frame that share pixels. `empty`: masks
    without pixels. `frames`: frames without objects. `regions`: several ignore regions in one frame. `ids`: `own` where
    a table's ids are kept, `cvat` where all but 0 are, `png` where class * 1000 + instance is stored in 16 bits, `step`
    where an instance of 1 to 65535 is.
    """

    classes: frozenset[int] | None = None
    overlaps: bool = True
    empty: bool = True
    frames: bool = True
    regions: bool = True
    ids: str = "own"


TARGETS = {
    "mots-text": Target(overlaps=False, frames=False),
    "mots-png": Target(overlaps=False, empty=False, regions=False, ids="png"),
    "cvat-mots-png": Target(overlaps=False, empty=False, regions=False, ids="png"),
    "kitti-step": Target(frozenset(STEP_THINGS), overlaps=False, empty=False, ids="step"),
    "coco": Target(empty=False),
    "youtube-vis": Target(empty=False, regions=False),
    "cvat-images": Target(empty=False, regions=False),
    "cvat-xml": Target(empty=False, regions=False, ids="cvat"),
    "parquet": Target(frames=False),
    "mot-boxes": Target(frozenset(MOT_CHALLENGE_CLASSES), empty=False, frames=False),
}


def fitted(table: LabelTable, target: Target) -> tuple[LabelTable, list[str]]:
    """What of a table the target can hold, with the ids that it has there; and what is different, a phrase each."""
    told: list[str] = []
    if target.classes is not None:
        held = np.isin(table.classes, list(target.classes))
        for class_id, count in zip(*np.unique(table.classes[~held], return_counts=True), strict=True):
            told.append(f"{count} masks of {class_name(int(class_id))}")
        table = table.take(held)
    if not target.empty and (empty := table.runs.areas == 0).any():
        told.append(f"{int(empty.sum())} masks without pixels")
        table = table.take(~empty)
    if not target.overlaps:
        table, pixels, gone = disjoint(table)
        if pixels:
            told.append(f"{pixels} pixels that several masks claim: the first mask has them")
        if gone:
            told.append(f"{gone} masks that lie whole inside earlier ones")
    if not target.regions:
        table, count = with_one_region(table)
        if count:
            told.append(f"{count} ignore regions: those of a frame are one")
    if target.ids != "own":
        table, more = renumbered(table, target.ids)
        told += more
    if not target.frames and table.listed is not None:
        without = np.setdiff1d(table.listed, table.frames)
        if len(without):
            told.append(f"{len(without)} frames without objects, of {len(listed_frames(table))}")
    return table, told


def disjoint(table: LabelTable) -> tuple[LabelTable, int, int]:
    """The table with each pixel in the first mask of its frame that claims it, objects before ignore regions; the
    pixels that others lose, and the masks that lose all."""
    left, right, _ = common_pixels(table.runs, table.frames, table.runs, table.frames)
    ignored = table.classes == IGNORE
    wrong = ~(ignored[left] & ignored[right])
    frames = np.unique(table.frames[left[wrong]])
    if len(frames) == 0:
        return table, 0, 0
    rows = np.flatnonzero(np.isin(table.frames, frames))
    pixels = gone = 0
    parts, places = [table.runs], np.arange(len(table))
    kept = np.ones(len(table), np.bool_)
    length = len(table)
    for frame in frames.tolist():
        own = rows[table.frames[rows] == frame]
        own = own[np.argsort(ignored[own], kind="stable")]
        masks = masks_of(table.runs.take(own))
        apart, lost = masks.disjoint(-np.arange(len(own), dtype=np.float64))
        pixels += int(lost.sum())
        areas = apart.areas()
        kept[own[(areas == 0) & (lost > 0)]] = False
        gone += int(((areas == 0) & (lost > 0)).sum())
        places[own] = length + np.arange(len(own))
        parts.append(runs_of(apart))
        length += len(own)
    runs = Runs.concatenate(table.size, parts).take(places)
    return replace(table, runs=runs).take(kept), pixels, gone


def with_one_region(table: LabelTable) -> tuple[LabelTable, int]:
    """The table with all ignore regions of a frame as one, and how many are gone by that."""
    rows = np.flatnonzero(table.classes == IGNORE)
    if len(rows) == len(np.unique(table.frames[rows])):
        return table, 0
    first: dict[int, int] = {}
    regions: dict[int, Runs] = {}
    for row in rows.tolist():
        frame, own = int(table.frames[row]), table.runs.take(np.array([row]))
        regions[frame] = union(regions[frame], own) if frame in regions else own
        first.setdefault(frame, row)
    kept = table.classes != IGNORE
    kept[list(first.values())] = True
    places = np.arange(len(table))
    for k, row in enumerate(first.values()):
        places[row] = len(table) + k
    runs = Runs.concatenate(table.size, [table.runs, *(regions[frame] for frame in first)]).take(places)
    return replace(table, runs=runs).take(kept), int((~kept).sum())


def renumbered(table: LabelTable, kind: str) -> tuple[LabelTable, list[str]]:
    """The table with the ids that `kind` stores: class and instance; an object keeps its id where that is one.

    Others get their own instance if it is free, otherwise the first free one of their class.
    """
    told: list[str] = []
    keys = np.unique(np.stack([table.ids, table.classes], axis=1), axis=0).tolist()
    new: dict[tuple[int, int], int] = {}
    used: set[int] = set()
    for identity, class_id in keys:
        if class_id == IGNORE:
            new[identity, class_id] = IGNORE_ID
        elif identity > 0 if kind == "cvat" else stored(identity, to_mots(class_id), kind):
            new[identity, class_id] = identity
            used.add(identity)
    left, changed = 0, []
    for identity, class_id in keys:
        if (identity, class_id) in new:
            continue
        fresh = free_id(to_mots(class_id), used, kind, identity)
        if fresh is None:
            left += 1
            continue
        new[identity, class_id] = fresh
        used.add(fresh)
        changed.append(f"{identity} ({class_name(class_id)}) is {fresh}")
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        what = "ids of 0" if kind == "cvat" else "ids that are not class * 1000 + instance"
        told.append(f"{what}: {', '.join(changed[:3])}{more} there")
    if left:
        told.append(f"{left} objects beyond the ids that it has for their class")
    pairs = list(zip(table.ids.tolist(), table.classes.tolist(), strict=True))
    kept = np.array([pair in new for pair in pairs], np.bool_)
    ids = np.array([new.get(pair, 0) for pair in pairs], np.int64)
    return replace(table, ids=ids).take(kept), told


def stored(identity: int, number: int, kind: str) -> bool:
    """Whether a format stores this id of an object of MOTS's class number as it is.

    Pictures hold the class and the instance: of the two forms of an id, 1123 and 1000123, they give the first.
    """
    own, instance = split_id(identity)
    if own != number or not 1 <= instance < PNG_IDS or join_id(own, instance) != identity:
        return False
    return identity < PNG_IDS if kind == "png" else True


def free_id(number: int, used: set[int], kind: str, before: int = 0) -> int | None:
    """An id of a class that is not used, if possible with the instance of the id `before`; None where there is none."""
    limit = min(SHORT - 1, PNG_IDS - 1 - number * SHORT) if kind == "png" else PNG_IDS - 1
    own, instance = split_id(before)
    if own == number and 1 <= instance <= limit and join_id(number, instance) not in used:
        return join_id(number, instance)
    return next((each for k in range(1, limit + 1) if (each := join_id(number, k)) not in used), None)


def joined(tables: Sequence[LabelTable]) -> tuple[LabelTable, list[str]]:
    """Labels of one sequence from several sources, in one table; what is different, a phrase each.

    Ids are kept apart: an id that two sources have becomes class * 1000 + the first free instance in the later one.
    Raises FormatError for two frame sizes.
    """
    filled = [table for table in tables if len(table)] or list(tables[:1])
    size = filled[0].size
    for table in filled[1:]:
        if table.size != size:
            raise FormatError(f"{table.origin}: frames of {table.size} where {filled[0].origin} has {size}")
    used: set[int] = set()
    parts: list[NDArray[np.int64]] = []
    changed = 0
    everywhere = {identity for table in filled for identity in np.unique(table.ids).tolist()}
    for table in filled:
        own = {identity: identity for identity in np.unique(table.ids).tolist()}
        for identity in sorted(own):
            classes = table.classes[table.ids == identity]
            if identity in used and classes[0] != IGNORE:
                fresh = free_id(to_mots(int(classes[0])), used | everywhere, "step")
                if fresh is None:
                    raise FormatError(f"{table.origin}: more objects of one class than ids")
                own[identity] = fresh
                changed += 1
        used |= set(own.values())
        parts.append(np.array([own[identity] for identity in table.ids.tolist()], np.int64))
    listed = [table.listed for table in tables if table.listed is not None]
    whole = LabelTable(
        ", ".join(table.origin for table in filled),
        np.concatenate([table.lines for table in filled]),
        np.concatenate([table.frames for table in filled]),
        np.concatenate(parts),
        np.concatenate([table.classes for table in filled]),
        Runs.concatenate(size, [table.runs for table in filled]),
        np.unique(np.concatenate(listed)) if listed else None,
    )
    told = [f"{changed} ids that an earlier source has too: they are others now"] if changed else []
    return whole.take(np.argsort(whole.frames, kind="stable")), told
