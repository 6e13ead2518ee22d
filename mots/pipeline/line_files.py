"""Files of JSON lines that are written while frames are tracked: the comparisons behind identities, and events."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from mots.errors import MotsError
from mots.files import FrameFile, cannot_write, check_target
from mots.pipeline.tracked_frame import TrackedFrame

__all__ = ["LineFile", "comparisons"]


class LineFile:
    """Writes what `lines` makes of each frame, a JSON text a line, into a file, or to standard output for None.

    A context manager, as safe as the results are. Raises InputError where the file exists and `overwrite` is false,
    MotsError where it cannot be written.
    """

    def __init__(
        self, path: Path | None, lines: Callable[[TrackedFrame], list[dict[str, Any]]], overwrite: bool = False
    ) -> None:
        self.lines, self.path, self.file = lines, path, None
        if path is not None:
            check_target(path, overwrite, [])
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.file = FrameFile(path)
            except OSError as error:
                raise cannot_write(path, error) from error

    def write(self, frame: TrackedFrame) -> None:
        """Add one frame's lines. Raises MotsError when the disk is full; those before are kept."""
        text = "".join(f"{json.dumps(each)}\n" for each in self.lines(frame))
        if self.file is None:
            sys.stdout.write(text)
            sys.stdout.flush()  # somebody waits for it
        elif text:
            try:
                self.file.append(text.encode("utf-8"))
            except OSError as error:
                raise MotsError(f"{self.path}: could not be written ({error.strerror}): make room") from error

    def __enter__(self) -> LineFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.file is not None:
            if kind is not None and self.file.size == 0:
                self.file.discard()
            else:
                self.file.close(whole=kind is None)


def comparisons(frame: TrackedFrame, sequence: str) -> list[dict[str, Any]]:
    """What each identity of a frame was compared with: the line of `explain.jsonl`."""
    confidence = dict(zip(frame.ids.tolist(), frame.confidence.tolist(), strict=True))
    objects = [
        {
            "id": identity,
            "confidence": round(confidence[identity], 4),
            "candidates": [
                {
                    "track": each.track or None,
                    "cost": round(each.cost, 4),
                    "limit": round(each.limit, 4),
                    "stage": each.stage,
                    "mask_iou": round(each.mask_iou, 4),
                    "box_iou": round(each.box_iou, 4),
                    "appearance": round(each.dissimilarity, 4),
                    "chosen": each.chosen,
                }
                for each in candidates
            ],
        }
        for identity, candidates in frame.candidates.items()
        if identity in confidence
    ]
    return [{"sequence": sequence, "frame": frame.frame, "objects": objects}] if objects else []
