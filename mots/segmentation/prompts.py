"""What is to be segmented: a mask, a box or points of each object, for any frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.encodings import coco_rle
from mots.errors import FormatError, InputError
from mots.files import read_file
from mots.formats import davis_png

__all__ = ["Prompt", "load"]

PICTURES = (".png", ".gif")


@dataclass(frozen=True, eq=False)
class Prompt:
    """One object in one frame, by one of: `mask` (H, W) bool; `box` x1 y1 x2 y2 in pixels; `points` (P, 2) x y with
    `inside` (P,), whether each lies on the object."""

    object: int
    frame: int
    mask: NDArray[np.bool_] | None = None
    box: tuple[float, float, float, float] | None = None
    points: NDArray[np.float64] | None = None
    inside: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("mask", "box", "points") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(f"object {self.object}, frame {self.frame}: wanted one of mask, box and points")
        if self.object < 1 or self.frame < 0:
            raise InputError(f"object {self.object}, frame {self.frame}: objects count from 1 and frames from 0")
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise InputError(f"object {self.object}, frame {self.frame}: box {list(self.box)}: wanted x1 < x2, y1 < y2")


def load(path: str | Path, first_frame: int = 0) -> list[Prompt]:
    """The prompts of a file: a picture of object numbers, as DAVIS has them, for the frame `first_frame`; or JSON.

    JSON: a list of `{"object": 1, "frame": 0, ...}` with one of `"box": [x1, y1, x2, y2]`, `"points": [[x, y], ...]`
    (and `"inside": [true, false, ...]`), and `"mask"`, COCO's RLE (`{"size": [H, W], "counts": ...}`). Raises
    FormatError that names the entry.
    """
    path = Path(path)
    if path.suffix.lower() in PICTURES:
        numbers = davis_png.read_image(path)
        objects = [int(each) for each in np.unique(numbers) if each not in (0, davis_png.VOID)]
        if not objects:
            raise FormatError(f"{path}: a picture without objects: wanted 0 for the background and 1, 2, ... for them")
        return [Prompt(each, first_frame, mask=numbers == each) for each in objects]
    try:
        entries = json.loads(read_file(path).decode("utf-8"))
    except ValueError as error:
        raise FormatError(f"{path}: neither JSON nor a picture ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise FormatError(f"{path}: wanted a list of prompts, one at least")
    return [prompt_of(entry, f"{path}: prompt {k}") for k, entry in enumerate(entries, 1)]


def prompt_of(entry: Any, where: str) -> Prompt:
    """The prompt of a JSON object. Raises FormatError, which `where` begins."""
    if not isinstance(entry, dict):
        raise FormatError(f"{where}: wanted an object with object, frame, and one of box, points and mask")
    if unknown := set(entry) - {"object", "frame", "box", "points", "inside", "mask"}:
        raise FormatError(f"{where}: unknown key '{sorted(unknown)[0]}'")
    try:
        points = None if "points" not in entry else np.array(entry["points"], np.float64).reshape(-1, 2)
        inside = None
        if points is not None:
            inside = np.array(entry.get("inside", [True] * len(points)), np.bool_)
            if len(points) == 0 or inside.shape != (len(points),) or not inside.any():
                raise ValueError("wanted points, one inside at least, and as many of 'inside'")
        mask = None
        if "mask" in entry:
            mask = coco_rle.masks_of_encodings([entry["mask"]]).image(0)
        box = None if "box" not in entry else box_of(entry["box"])
        if not all(isinstance(entry[key], int) and not isinstance(entry[key], bool) for key in ("object", "frame")):
            raise ValueError("object and frame are whole numbers")
        return Prompt(entry["object"], entry["frame"], mask, box, points, inside)
    except KeyError as error:
        raise FormatError(f"{where}: {error} is missing") from error
    except (TypeError, ValueError, InputError) as error:
        raise FormatError(f"{where}: {error}") from error


def box_of(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Four finite numbers. Raises ValueError."""
    numbers = np.array(values, np.float64)
    if numbers.shape != (4,) or not np.isfinite(numbers).all():
        raise ValueError(f"box {values}: wanted x1, y1, x2, y2")
    x1, y1, x2, y2 = numbers.tolist()
    return x1, y1, x2, y2
