"""STQ: segmentation and tracking quality of every pixel (Weber et al.: STEP, NeurIPS 2021).

STQ = sqrt(AQ * SQ). AQ asks how well the tubes of things (one object's pixels over all frames) keep their identity,
whatever class they are given; SQ is the mean IoU of the semantic classes. Conventions follow the authors' numpy
implementation: void pixels of the truth do not count in SQ, but a void prediction elsewhere counts as one more class of
IoU 0; pixels of crowd (a thing of instance 0 in the truth) do not count in AQ. Counts are 64-bit integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled

__all__ = ["CLASSES", "THINGS", "VOID", "StqCounts", "stq"]

CLASSES = 19  # semantic classes, Cityscapes' train ids
THINGS = (11, 13)  # person and car
VOID = 255
SHIFT = 16  # a pixel's code is semantic << SHIFT | instance


def no_confusion() -> NDArray[np.int64]:
    return np.zeros((CLASSES + 1, CLASSES + 1), np.int64)


@dataclass(frozen=True, eq=False)
class StqCounts:
    """Counts that add over sequences. `confusion`: (20, 20) pixels of truth class by result class, the last is void.

    `association`: summed over the tubes of the truth. `tubes`: how many there are. `frames`: how many were compared.
    """

    confusion: NDArray[np.int64] = field(default_factory=no_confusion)
    association: float = 0.0
    tubes: int = 0
    frames: int = 0

    def __add__(self, other: StqCounts) -> StqCounts:
        return StqCounts(
            self.confusion + other.confusion,
            self.association + other.association,
            self.tubes + other.tubes,
            self.frames + other.frames,
        )

    @property
    def aq(self) -> float:
        """Association quality; 0 without tubes."""
        return self.association / self.tubes if self.tubes else 0.0

    @property
    def sq(self) -> float:
        """Mean IoU over the classes that occur in truth or results; 0 where none does."""
        counted = self.confusion.copy()
        counted[CLASSES] = 0  # void in the truth
        common = counted.diagonal()
        union = counted.sum(axis=0) + counted.sum(axis=1) - common
        present = union > 0
        return float((common[present] / union[present]).mean()) if present.any() else 0.0

    @property
    def stq(self) -> float:
        return float(np.sqrt(self.aq * self.sq))

    def numbers(self) -> dict[str, float]:
        """Every number by its name."""
        return {"STQ": self.stq, "AQ": self.aq, "SQ": self.sq, "Tubes": self.tubes, "Frames": self.frames}


def stq(frames: Iterable[tuple[NDArray[np.integer], NDArray[np.integer]]]) -> StqCounts:
    """The counts of one sequence from its frames' (truth, result) codes, (H, W) integers semantic << 16 | instance.

    Raises ValueError when the two codes of a frame differ in shape, or a semantic class is none of 0 to 18 and 255.
    """
    pixels: dict[int, int] = {}  # by truth code and result code together
    count = 0
    for truth, result in frames:
        if truth.shape != result.shape:
            raise ValueError(f"frame {count}: truth of {truth.shape} and a result of {result.shape}")
        distinct, sums = joint_histogram(
            np.ascontiguousarray(truth, np.uint32).ravel(), np.ascontiguousarray(result, np.uint32).ravel()
        )
        for key, number in zip(distinct.tolist(), sums.tolist(), strict=True):
            pixels[key] = pixels.get(key, 0) + number
        count += 1
    keys, numbers = np.array(list(pixels), np.int64), np.array(list(pixels.values()), np.int64)
    truth, result = keys >> 32, keys & 0xFFFFFFFF
    confusion = no_confusion()
    np.add.at(confusion, (semantic(truth), semantic(result)), numbers)
    truth_thing, result_thing = (np.isin(codes >> SHIFT, THINGS) for codes in (truth, result))
    crowd = truth_thing & ((truth & 0xFFFF) == 0)
    tubes, sizes = totals(truth[truth_thing & ~crowd], numbers[truth_thing & ~crowd])
    claims, claimed = totals(result[result_thing & ~crowd], numbers[result_thing & ~crowd])
    both = truth_thing & result_thing & ~crowd
    common = numbers[both]
    size = sizes[np.searchsorted(tubes, truth[both])]
    claim = claimed[np.searchsorted(claims, result[both])]
    association = float((common * (common / (size + claim - common)) / size).sum())
    return StqCounts(confusion, association, len(tubes), count)


def semantic(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes of codes, with void as the last one."""
    classes = codes >> SHIFT
    unknown = (classes >= CLASSES) & (classes != VOID)
    if unknown.any():
        raise ValueError(f"semantic class {classes[unknown][0]}: wanted 0 to {CLASSES - 1}, or {VOID} for void")
    return np.where(classes == VOID, CLASSES, classes)


def totals(codes: NDArray[np.int64], numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct codes, ascending, and the sum of each one's numbers."""
    distinct, place = np.unique(codes, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, place, numbers)
    return distinct, sums


def joint_histogram(
    truth: NDArray[np.uint32], result: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each pair of codes that occurs, as truth << 32 | result, and how many pixels have it; (P,) codes each."""
    change = truth[1:] != truth[:-1]
    change |= result[1:] != result[:-1]
    ends = np.append(np.flatnonzero(change) + 1, len(truth)) if len(truth) else np.zeros(0, np.int64)
    return histogram_of_runs(truth, result, ends)


@compiled
def histogram_of_runs(
    truth: NDArray[np.uint32], result: NDArray[np.uint32], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The histogram of runs of one pair of codes each, which end before the pixels `ends`.

    It is a table with open addressing that grows when it is half full.
    """
    room = 1024  # a power of two: its last bits stand for a division's remainder
    keys = np.full(room, -1, np.int64)
    counts = np.zeros(room, np.int64)
    used = 0
    begin = 0
    for end in ends:
        key = (np.int64(truth[begin]) << 32) | np.int64(result[begin])
        place = (key ^ (key >> 29)) & (room - 1)
        while keys[place] != key and keys[place] != -1:
            place = (place + 1) & (room - 1)
        if keys[place] == -1:
            keys[place] = key
            used += 1
        counts[place] += end - begin
        begin = end
        if 2 * used > room:
            old_keys, old_counts = keys, counts
            room *= 4
            keys = np.full(room, -1, np.int64)
            counts = np.zeros(room, np.int64)
            for i in range(len(old_keys)):
                if old_keys[i] != -1:
                    place = (old_keys[i] ^ (old_keys[i] >> 29)) & (room - 1)
                    while keys[place] != -1:
                        place = (place + 1) & (room - 1)
                    keys[place] = old_keys[i]
                    counts[place] = old_counts[i]
    found = np.flatnonzero(counts)
    return keys[found], counts[found]
