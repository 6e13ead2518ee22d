"""The classes that a tracker has met: a column of the votes for each, and the groups of confusable classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONFUSABLE", "ClassGroups"]

# COCO's ids of car, bus, train and truck, and of bicycle and motorcycle: detectors confuse them on one object.
CONFUSABLE: tuple[tuple[int, ...], ...] = ((2, 5, 6, 7), (1, 3))


class ClassGroups:
    """Class ids in the order of their columns (`ids`), and (C,) a number that the classes of one group share."""

    def __init__(self, confusable: Sequence[Sequence[int]], ids: Sequence[int] = ()) -> None:
        self.group_of = {class_id: -1 - k for k, group in enumerate(confusable) for class_id in group}
        self.ids: list[int] = []
        self.columns: dict[int, int] = {}
        self.groups = np.zeros(0, np.int64)
        self._add(ids)

    def columns_of(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) the column of each class; a class that is new to this tracker gets the next one."""
        wanted = classes.tolist()
        self._add(sorted(set(wanted) - self.columns.keys()))
        return np.array([self.columns[class_id] for class_id in wanted], np.int64)

    def winners(self, votes: NDArray[np.float64]) -> NDArray[np.int64]:
        """(K,) class ids with the most votes (K, C)."""
        if len(votes) == 0:
            return np.zeros(0, np.int64)
        return np.asarray(np.array(self.ids, np.int64)[votes.argmax(axis=1)])

    def groups_of(self, votes: NDArray[np.float64]) -> NDArray[np.int64]:
        """(K,) groups of the classes with the most votes (K, C)."""
        if len(votes) == 0 or len(self.ids) == 0:
            return np.zeros(len(votes), np.int64)
        return np.asarray(self.groups[votes.argmax(axis=1)])

    def _add(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        for class_id in ids:
            self.columns[class_id] = len(self.ids)
            self.ids.append(class_id)
        self.groups = np.array([self.group_of.get(class_id, class_id) for class_id in self.ids], np.int64)
