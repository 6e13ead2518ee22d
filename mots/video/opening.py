"""From what a user names to a source of frames."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mots.errors import InputError
from mots.video.arrays import Arrays
from mots.video.frame import CuttableSource, Source
from mots.video.image_files import IMAGE_ENDINGS, ImageFiles
from mots.video.video_file import Video, camera

__all__ = ["open_source", "source_of"]

INNER_FOLDERS = ("images", "img1")  # names of folders of images that lie in a folder with the sequence's name


def source_of(source: str | Path | int | Source | Iterable[Any], frame_rate: float = 30.0) -> Source:
    """What `open_source` opens, or a source itself, or an iterable of images (see `Arrays`)."""
    if isinstance(source, (str, Path, int)):
        return open_source(source, frame_rate)
    if all(hasattr(source, name) for name in ("name", "frame_rate", "__iter__")):
        return source  # type: ignore[return-value]  # it has the attributes of a Source
    if isinstance(source, Iterable):
        return Arrays(source, frame_rate)  # type: ignore[arg-type]  # its items are checked when they are read
    raise InputError(f"source is a {type(source).__name__}: wanted a path, a camera's number, a URL, or images")


def open_source(source: str | Path | int, frame_rate: float = 30.0) -> CuttableSource:
    """A video file, a folder of images, a glob of images, a camera by its number, or a stream by its URL.

    `frame_rate` (frames a second) gives images their times; videos have their own. Raises InputError when nothing is
    there, FormatError for a file that cannot be read.
    """
    text = str(source)
    if text.isdigit() and not Path(text).exists():
        return camera(int(text))
    if "://" in text:
        return Video(text, live=True)
    path = Path(text)
    if path.is_dir():
        images = [entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_ENDINGS]
        if not images:
            endings = " ".join(sorted(IMAGE_ENDINGS))
            raise InputError(f"{path}: no images in this folder: wanted files ending in {endings}")
        return ImageFiles(path.name if path.name not in (*INNER_FOLDERS, "") else folder_name(path), images, frame_rate)
    if path.is_file():
        if path.suffix.lower() in IMAGE_ENDINGS:
            return ImageFiles(path.stem, [path], frame_rate)
        return Video(text)
    if any(mark in text for mark in "*?["):
        images = [Path(match) for match in glob.glob(text) if Path(match).suffix.lower() in IMAGE_ENDINGS]
        if not images:
            raise InputError(f"{text}: no image matches")
        return ImageFiles(folder_name(images[0].parent), images, frame_rate)
    raise InputError(
        f"{path}: no such file or folder: wanted a video, a folder or glob of images, or a camera's number"
    )


def folder_name(path: Path) -> str:
    """A sequence's name: `0005` for a folder `0005/images`."""
    full = path.resolve()
    return full.parent.name if full.name in INNER_FOLDERS and full.parent.name else full.name or "images"
