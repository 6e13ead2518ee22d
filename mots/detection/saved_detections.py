"""Opening saved detections, whichever form they have: `.npz` (everything, compact) or `.txt` (for exchange)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mots.detection import npz_file as detections_npz
from mots.detection import text_file as detections_text
from mots.detection.measurement import FrameDetections, Writer
from mots.errors import MotsError

__all__ = ["ENDINGS", "FrameDetections", "SavedDetections", "Writer", "create", "read"]

ENDINGS = (".npz", ".txt")


@dataclass(frozen=True)
class SavedDetections:
    """A file of detections: what is known of it as a whole, and its frames in order, read as they are asked for."""

    path: Path
    frame_rate: float  # 0 where the file does not tell
    length: int | None  # frames, where the file tells without being read
    names: dict[int, str]  # the classes that COCO does not have: our id to name
    fitted: bool = False  # whether the masks were fitted to the pictures already
    more: tuple[Path, ...] = ()  # files whose frames follow

    def __iter__(self) -> Iterator[FrameDetections]:
        for path in (self.path, *self.more):
            yield from (detections_npz.frames if path.suffix == ".npz" else detections_text.frames)(path)


def read(path: Path) -> SavedDetections:
    """Open saved detections. Raises MotsError when the file is missing or no such file."""
    if not path.is_file():
        raise MotsError(f"{path}: no such file")
    if path.suffix not in ENDINGS:
        raise MotsError(f"{path}: saved detections end in {' or '.join(ENDINGS)}")
    if path.suffix == ".txt":
        return SavedDetections(path, 0.0, None, {})
    whole = detections_npz.about(path)
    return SavedDetections(path, whole["frame_rate"], whole["length"], whole["names"], whole["fitted"])


def create(path: Path, frame_rate: float, names: Mapping[int, str], fitted: bool = False) -> Writer:
    """A writer for the form that the name's ending says. Raises OSError when the file cannot be made.

    `fitted`: whether the masks that will come were fitted to the pictures. Text cannot tell, and counts as not.
    """
    if path.suffix == ".txt":
        return detections_text.TextWriter(path)
    return detections_npz.NpzWriter(path, frame_rate, names, fitted)
