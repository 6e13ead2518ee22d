"""From what a user names to a source of frames."""

from __future__ import annotations

import glob
import stat
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mots.errors import FormatError, InputError
from mots.names import INNER_FOLDERS, is_junk, regular_files
from mots.storage import seqinfo
from mots.video.animation import Animation
from mots.video.arrays import Arrays
from mots.video.frame import CuttableSource, Source
from mots.video.image_files import IMAGE_ENDINGS, ImageFiles
from mots.video.images import MAX_MEGAPIXELS, picture_count
from mots.video.live import LiveVideo, Reconnecting, camera, pipe, stream_name, without_password
from mots.video.video_file import Video

__all__ = ["SourceSettings", "open_source", "source_of"]


@dataclass(frozen=True)
class SourceSettings:
    """How sources are opened and read."""

    default_rate: float = 30.0  # frames a second of pictures and detections that do not tell theirs
    max_megapixels: float = MAX_MEGAPIXELS  # of a frame; larger ones are refused
    reconnecting: Reconnecting = field(default_factory=Reconnecting)


def source_of(
    source: str | Path | int | Source | Iterable[Any],
    frame_rate: float | None = None,
    settings: SourceSettings | None = None,
) -> Source:
    """What `open_source` opens, or a source itself, or an iterable of images (see `Arrays`), or a list of
    images' paths, in its order."""
    if isinstance(source, (str, Path, int)):
        return open_source(source, frame_rate, settings)
    if all(hasattr(source, name) for name in ("name", "frame_rate", "__iter__")):
        return source  # type: ignore[return-value]  # it has the attributes of a Source
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, Path)) for item in source):
        rate = frame_rate or (settings or SourceSettings()).default_rate
        return ImageFiles("images", [Path(item) for item in source], rate, in_order=True)
    if isinstance(source, Iterable) and not isinstance(source, (Mapping, Set)):
        rate = frame_rate or (settings or SourceSettings()).default_rate
        return Arrays(source, rate)  # type: ignore[arg-type]  # its items are checked when they are read
    raise InputError(f"source is a {type(source).__name__}: wanted a path, a camera's number, a URL, or images")


def open_source(
    source: str | Path | int, frame_rate: float | None = None, settings: SourceSettings | None = None
) -> CuttableSource:
    """A video file, a folder of images, a glob of images, a camera by its number, a stream by its URL, a named pipe, or
    `-` for standard input.

    `frame_rate` (frames a second) gives frames their times; without it they have their own, and images those of the
    `seqinfo.ini` beside them or of the settings' `default_rate`. Raises InputError when nothing is there, FormatError
    for a file that cannot be read.
    """
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
    settings = settings or SourceSettings()
    text = str(source)
    live: dict[str, Any] = {"frame_rate": frame_rate, "max_megapixels": settings.max_megapixels}
    if text == "-":
        return pipe(text, **live)
    if text.isdigit() and not Path(text).exists():
        return camera(int(text), **live)
    if "://" in text:
        return LiveVideo(
            text, stream_name(text), shown=without_password(text), reconnecting=settings.reconnecting, **live
        )
    path = Path(text)
    if path.is_dir():
        images = regular_files(path, IMAGE_ENDINGS)
        if not images:
            endings = " ".join(sorted(IMAGE_ENDINGS))
            raise InputError(f"{path}: no images in this folder: wanted files ending in {endings}")
        name = path.name if path.name not in (*INNER_FOLDERS, "") else folder_name(path)
        rate = frame_rate or seqinfo_rate(path) or settings.default_rate
        return ImageFiles(name, images, rate, settings.max_megapixels)
    if path.is_file():
        if path.suffix.lower() not in IMAGE_ENDINGS:
            return Video(text, frame_rate, settings.max_megapixels)
        if is_animated(path, settings.max_megapixels):
            return Animation(path, frame_rate)
        return ImageFiles(path.stem, [path], frame_rate or settings.default_rate, settings.max_megapixels)
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        return pipe(text, **live)
    if any(mark in text for mark in "*?["):
        images = [Path(match) for match in glob.glob(text) if Path(match).suffix.lower() in IMAGE_ENDINGS]
        images = [image for image in images if image.is_file() and not is_junk(image.name)]
        if not images:
            raise InputError(f"{text}: no image matches")
        rate = frame_rate or seqinfo_rate(images[0].parent) or settings.default_rate
        return ImageFiles(folder_name(images[0].parent), images, rate, settings.max_megapixels)
    if path.exists():
        raise InputError(f"{path}: neither a file nor a folder")
    raise InputError(
        f"{path}: no such file or folder: wanted a video, a folder or glob of images, or a camera's number"
    )


def is_animated(path: Path, max_megapixels: float) -> bool:
    """Whether an image file holds several pictures; False for one that cannot be read."""
    try:
        return picture_count(path, max_megapixels) > 1
    except OSError:
        return False


def seqinfo_rate(folder: Path) -> float | None:
    """Frames a second in MOTSChallenge's `seqinfo.ini`, beside the images or above their folder; None where there is
    none. Raises FormatError for a rate that is no number above 0."""
    places = [folder / "seqinfo.ini", *([folder.parent / "seqinfo.ini"] if folder.name in INNER_FOLDERS else [])]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return None
    text = seqinfo.value(file, "frameRate")
    try:
        rate = None if text is None else float(text)
    except ValueError:
        rate = -1.0
    if rate is not None and not 0 < rate < 1e4:
        raise FormatError(f"{file}: a frameRate of {text}: wanted frames a second, above 0")
    return rate


def folder_name(path: Path) -> str:
    """A sequence's name: `0005` for a folder `0005/images`."""
    full = path.resolve()
    return full.parent.name if full.name in INNER_FOLDERS and full.parent.name else full.name or "images"
