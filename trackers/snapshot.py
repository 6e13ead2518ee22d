"""A tracker's state as plain arrays in one file, to go on with later: the only part of the core that knows files."""

from __future__ import annotations

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .appearance import Gallery
from .masks import Masks
from .tracks import Tracks

__all__ = ["flat", "read", "tracks_of", "write"]

Arrays = dict[str, NDArray[Any]]
OWN_ARRAYS = tuple(field.name for field in fields(Tracks) if field.name not in ("masks", "gallery"))


def flat(tracks: Tracks) -> Arrays:
    """The arrays of all tracks by name."""
    masks = tracks.masks.compact()
    return {
        **{name: getattr(tracks, name) for name in OWN_ARRAYS},
        **{f"gallery.{field.name}": getattr(tracks.gallery, field.name) for field in fields(Gallery)},
        "masks.size": np.array(masks.size, np.int64),
        "masks.boxes": masks.boxes,
        "masks.pixels": masks.pixels,
        "masks.starts": masks.starts,
    }


def tracks_of(arrays: Arrays) -> Tracks:
    """The tracks that `flat` took apart. Raises KeyError where an array is missing."""
    height, width = arrays["masks.size"].tolist()
    masks = Masks((height, width), arrays["masks.boxes"], arrays["masks.pixels"], arrays["masks.starts"])
    gallery = Gallery(**{field.name: arrays[f"gallery.{field.name}"] for field in fields(Gallery)})
    return Tracks(**{name: arrays[name] for name in OWN_ARRAYS}, masks=masks, gallery=gallery)


def write(path: Path, arrays: Arrays) -> None:
    """Write arrays as npz; the file is never there in part. Raises OSError when it cannot be written."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's own types miss names as keywords
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> Arrays:
    """The arrays of an npz file. Raises ValueError for something else, OSError for a file that cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (AttributeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not the state of a tracker ({error})") from error
