"""KITTI-STEP's panoptic PNG: R the semantic train id, G and B the instance's high and low byte."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.files import write_whole
from mots.names import is_junk, picture_numbers, regular_files

__all__ = ["frames", "read", "sequences", "write"]

PNG = {".png"}


def sequences(folder: Path) -> dict[str, Path]:
    """The sequences of a folder of `<sequence>/%06d.png`, by name. Raises InputError when there is none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    entries = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not is_junk(entry.name)]
    found = {entry.name: entry for entry in entries if regular_files(entry, PNG)}
    if not found:
        raise InputError(f"{folder}: no sequences here: wanted folders <sequence>/000000.png")
    return found


def frames(folder: Path) -> dict[int, Path]:
    """The frames of a sequence's folder by number: the names, or the number that differs in them.

    Raises FormatError for names without such a number.
    """
    paths = regular_files(folder, PNG)
    stems = [path.stem for path in paths]
    numbers = [int(stem) for stem in stems] if all(re.fullmatch(r"[0-9]{1,9}", stem) for stem in stems) else None
    if numbers is None:
        numbers = picture_numbers(stems)
    if numbers is None or len(set(numbers)) < len(numbers):
        path = next((each for each in paths if not each.stem.isdigit()), paths[0])
        raise FormatError(f"{path}: a frame's name is its number, as in 000017.png")
    return dict(sorted(zip(numbers, paths, strict=True)))


def read(path: Path) -> NDArray[np.uint32]:
    """(H, W) codes semantic << 16 | instance. Raises FormatError for a file that is no 8-bit RGB PNG."""
    from mots.video.images import open_image

    try:
        picture = open_image(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as a PNG ({error})") from error
    if picture.mode != "RGB":
        raise FormatError(f"{path}: expected three channels of 8 bits, found a picture of mode {picture.mode}")
    pixels = np.asarray(picture)
    wide = pixels.astype(np.uint32)
    return np.asarray((wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2], np.uint32)


def write(path: Path, codes: NDArray[np.integer]) -> None:
    """Write (H, W) codes, under a temporary name first. Raises ValueError for a code beyond 24 bits."""
    from PIL import Image

    wide = np.asarray(codes, np.int64)
    if wide.size and (wide.min() < 0 or wide.max() >= 1 << 24):
        raise ValueError("a code beyond 24 bits: instances go up to 65535, classes up to 255")
    pixels = np.stack([wide >> 16, (wide >> 8) & 0xFF, wide & 0xFF], axis=2).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    write_whole(path, content.getvalue())
