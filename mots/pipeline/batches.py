"""How many frames go through the network at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TypeVar

from mots.errors import MotsError

__all__ = ["BatchSize", "batched"]

Item = TypeVar("Item")
SIZES = (1, 2, 4, 8, 16)
SECONDS = 1.0  # in which sizes are tried
ROUNDS = 3  # of one size; the first one, in which the network sets itself up, does not count
GAIN = 1.1  # a larger batch must be so many times faster: frames wait for each other in it


class BatchSize:
    """The size of the next batch: a fixed one, or one that is chosen by measuring.

    By measuring, each size is tried a few times within the first second, as long as the next larger one is faster a
    frame. `clock`: seconds.
    """

    def __init__(self, fixed: int = 0, clock: Callable[[], float] = perf_counter) -> None:
        self.clock = clock
        self.size, self.chosen = fixed or SIZES[0], fixed > 0
        self.begin: float | None = None
        self.seconds: list[float] = []  # a frame, of the batches of this size
        self.before: float | None = None  # seconds a frame of the next smaller size

    @property
    def largest(self) -> int:
        """The size beyond which no batch will go."""
        return self.size if self.chosen else SIZES[-1]

    def took(self, frames: int, seconds: float) -> None:
        """Take in that a batch of so many frames took so many seconds."""
        if self.chosen or frames < self.size:
            return
        now = self.clock()
        self.begin = now - seconds if self.begin is None else self.begin
        self.seconds.append(seconds / frames)
        if len(self.seconds) < ROUNDS and now - self.begin < SECONDS:
            return
        own = min(self.seconds[1:] or self.seconds)
        place = SIZES.index(self.size)
        if self.before is not None and own * GAIN > self.before:
            self.size, self.chosen = SIZES[place - 1], True
        elif place + 1 == len(SIZES) or now - self.begin >= SECONDS:
            self.chosen = True
        else:
            self.size, self.before, self.seconds = SIZES[place + 1], own, []


def batched(items: Iterable[Item], size: BatchSize) -> Iterator[list[Item]]:
    """The items in lists of the size that is due when a list begins; the last one may be shorter. What the items raise
    comes after those before it."""
    batch: list[Item] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) >= size.size:
                full, batch = batch, []
                yield full
    except MotsError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
