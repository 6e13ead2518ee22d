"""Hints at errors without truth: tracks that are short, unsure, jump, or may be one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mots.editing.suggest import Suggestion
from mots.rendering.saved_results import SavedResults

__all__ = ["hints_of"]

SHORT = 0.5  # seconds
UNSURE = 0.3  # mean confidence of an identity
JUMP = 1.5  # heights of the object between two frames, in which nothing goes so far
PER_SECOND = 6.0  # heights a second that are possible besides


def hints_of(
    results: SavedResults,
    tracks: Mapping[int, Sequence[tuple[int, int]]],
    confidences: Mapping[int, float],
    joins: Sequence[Suggestion],
) -> list[dict[str, Any]]:
    """Hints as the page shows them: `kind`, `text`, `track`, `frame` (its number), and `other` for a join.

    `tracks`: frame and row of each mask by track. `confidences`: mean confidence by track, where it is known.
    """
    found: list[dict[str, Any]] = []
    for each in joins:
        number = tracks[each.first][-1][0]
        text = f"{each.first} and {each.second} may be one object: {each.gap:.1f} s apart"
        found.append(
            {"kind": "join", "track": each.first, "other": each.second, "frame": number, "text": text}
            | {"score": round(each.confidence, 2), "to": tracks[each.second][0][0]}
        )
    for identity, rows in tracks.items():
        times = [results.frames[number].labels.time for number, _ in rows]
        if times[-1] - times[0] < SHORT:
            text = f"{identity} is seen for {times[-1] - times[0]:.1f} s only"
            found.append({"kind": "short", "track": identity, "frame": rows[0][0], "text": text})
        if confidences.get(identity, 1.0) < UNSURE:
            text = f"{identity} has a mean confidence of {confidences[identity]:.2f}"
            found.append({"kind": "unsure", "track": identity, "frame": rows[0][0], "text": text})
        jump = jump_of(results, rows, times)
        if jump is not None:
            text = f"{identity} jumps by {jump[1]:.1f} of its heights: it may be two objects"
            found.append({"kind": "split", "track": identity, "frame": jump[0], "text": text})
    return found


def jump_of(results: SavedResults, rows: Sequence[tuple[int, int]], times: Sequence[float]) -> tuple[int, float] | None:
    """The frame of a track's largest jump, and its length in heights; None where there is none."""
    if len(rows) < 2:
        return None
    boxes = np.array([results.frames[number].labels.masks.boxes[row] for number, row in rows], np.float64)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1) / np.maximum(heights[1:], heights[:-1])
    over = steps - JUMP - PER_SECOND * np.diff(times)
    k = int(over.argmax())
    return (rows[k + 1][0], float(steps[k])) if over[k] > 0 else None
