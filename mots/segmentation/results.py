"""The folder that `mots segment` writes: a picture of object numbers for each frame, and MOTS text."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from mots.files import cannot_write, check_target, write_whole
from mots.formats import davis_png
from mots.labels import FrameLabels
from mots.pipeline.interrupts import interruptible
from mots.pipeline.results import ResultFolder
from mots.segmentation.segment import OBJECT_NAMES

__all__ = ["write_segmentation"]


def write_segmentation(
    frames: Generator[FrameLabels, None, None], folder: Path, name: str, overwrite: bool = False
) -> int:
    """Write frames as they come into `<folder>/<name>/00000.png`, ..., as DAVIS has them, and `<folder>/<name>.txt`;
    how many there were.

    Pictures have the numbers of the frames. Raises InputError where results are there and `overwrite` is false,
    MotsError where they cannot be written.
    """
    pictures = folder / name
    check_target(folder / f"{name}.txt", overwrite, [])
    count = 0
    with ResultFolder(folder, name, overwrite, OBJECT_NAMES) as results:
        try:
            pictures.mkdir(parents=True, exist_ok=True)
            with closing(frames):
                for frame in interruptible(frames):
                    write_whole(pictures / f"{frame.frame:05d}.png", davis_png.encoded(frame))
                    results.write(frame)
                    count += 1
        except OSError as error:
            raise cannot_write(pictures, error, "make room or choose another folder") from error
    return count
