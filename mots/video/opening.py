"""Frames from a video file, a stream, a folder or glob of images, or a camera: read lazily, with their times.

A frame that cannot be decoded is skipped with a MotsWarning and keeps its number and its time, so that the time step
over it is longer. A video that ends before its end raises MotsError after its last frame.
"""

from __future__ import annotations

import copy
import glob
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError, MotsWarning

__all__ = ["Cuttable", "Frame", "Images", "Part", "Source", "Video", "open_source"]

IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


@dataclass(frozen=True, eq=False)
class Frame:
    """`number` in the source's own numbering, `time` in seconds from its start, `image` (H, W, 3) uint8 RGB."""

    number: int
    time: float
    image: NDArray[np.uint8]


class Source(Protocol):
    """A sequence of frames that can be read once or more."""

    name: str
    frame_rate: float  # frames a second
    length: int | None  # frames, where it is known

    def __iter__(self) -> Iterator[Frame]: ...


class Cuttable(Source, Protocol):
    """A source of which a part can be read by itself."""

    def between(self, start: int, stop: int | None, lead: int = 0) -> Cuttable:
        """The frames from the `start`-th on, up to but without the `stop`-th, numbered and timed as in the whole.

        `start` counts from 0; a `stop` of None is the end. A frame that cannot be decoded counts. `lead`: so many
        frames before come too; nothing is said of those that cannot be decoded.
        """
        ...

    def number_of(self, place: int) -> int:
        """The number of the frame at a place, which counts from 0."""
        ...


def open_source(source: str | Path | int, frame_rate: float = 30.0) -> Cuttable:
    """What a user names: a video file, a folder of images, a glob of images, a camera's number, or a stream's URL.

    `frame_rate` (frames a second) gives images their times; videos have their own. Raises MotsError when there is
    nothing, or nothing that can be read.
    """
    text = str(source)
    if text.isdigit() and not Path(text).exists():
        return camera(int(text))
    if "://" in text:
        return Video(text, live=True)
    path = Path(text)
    if path.is_dir():
        found = [entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_ENDINGS]
        if not found:
            endings = " ".join(sorted(IMAGE_ENDINGS))
            raise MotsError(f"{path}: no images in this folder: wanted files ending in {endings}")
        return Images(path.name if path.name not in ("images", "img1", "") else folder_name(path), found, frame_rate)
    if path.is_file():
        if path.suffix.lower() in IMAGE_ENDINGS:
            return Images(path.stem, [path], frame_rate)
        return Video(text)
    if any(mark in text for mark in "*?["):
        found = [Path(match) for match in glob.glob(text) if Path(match).suffix.lower() in IMAGE_ENDINGS]
        if not found:
            raise MotsError(f"{text}: no image matches")
        return Images(folder_name(found[0].parent), found, frame_rate)
    raise MotsError(f"{path}: no such file or folder: wanted a video, a folder or glob of images, or a camera's number")


def folder_name(path: Path) -> str:
    """A sequence's name: `0005` for a folder `0005/images`."""
    full = path.resolve()
    return full.parent.name if full.name in ("images", "img1") and full.parent.name else full.name or "images"


class Images:
    """A sequence of image files, in the order of their numbers, or of their names where they have none."""

    def __init__(self, name: str, paths: list[Path], frame_rate: float) -> None:
        if not frame_rate > 0:
            raise MotsError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
        self.name = name
        self.frame_rate = frame_rate
        self.numbered = numbered(paths)
        self.first = self.numbered[0][0]  # number of the frame at 0 seconds
        self.told = self.first  # of frames from this number on it is said when they are skipped
        self.length: int | None = len(self.numbered)
        self.live = False

    def between(self, start: int, stop: int | None, lead: int = 0) -> Images:
        """See `Cuttable.between`."""
        part = copy.copy(self)
        part.numbered = self.numbered[max(start - lead, 0) : stop]
        part.told = self.number_of(start)
        part.length = len(part.numbered)
        return part

    def number_of(self, place: int) -> int:
        """See `Cuttable.number_of`."""
        return self.numbered[place][0]

    def __iter__(self) -> Iterator[Frame]:
        from PIL import ImageOps

        from mots.video.images import open_image

        size: tuple[int, int] | None = None
        for number, path in self.numbered:
            try:
                image = np.asarray(ImageOps.exif_transpose(open_image(path)).convert("RGB"))
            except (OSError, SyntaxError, ValueError) as error:
                if number >= self.told:
                    warnings.warn(MotsWarning(f"{path}: frame {number} is skipped: {error}"), stacklevel=2)
                continue
            if size is not None and image.shape[:2] != size:
                raise MotsError(
                    f"{path}: an image of {image.shape[0]} x {image.shape[1]} among ones of {size[0]} x {size[1]} "
                    "(height x width): put sequences of different sizes into folders of their own"
                )
            size = (image.shape[0], image.shape[1])
            yield Frame(number, (number - self.first) / self.frame_rate, image)
        if size is None and len(self.numbered) and self.numbered[0][0] == self.first:
            raise MotsError(f"{self.numbered[0][1].parent}: none of the {len(self.numbered)} images can be read")


def numbered(paths: list[Path]) -> list[tuple[int, Path]]:
    """Frame numbers of image files: the last number in each name; the files' order from 0 where those clash."""
    found = [re.findall(r"\d+", path.stem) for path in paths]
    numbers = [int(digits[-1]) if digits else -1 for digits in found]
    if min(numbers) >= 0 and len(set(numbers)) == len(numbers) and max(numbers) < 2**31:
        return sorted(zip(numbers, paths, strict=True))
    return list(enumerate(sorted(paths)))


class Video:
    """A video file or stream, decoded by PyAV. Frames are numbered from 0."""

    def __init__(self, location: str, container_format: str | None = None, live: bool = False) -> None:
        import av

        self.location, self.format, self.live = location, container_format, live
        self.unshown = 0  # packets that the container means to be decoded and not shown
        self.start, self.stop = 0, sys.maxsize  # numbers of the first frame that is given, and the first that is not
        self.told = 0  # of frames from this number on it is said when they are skipped
        self.name = Path(location.partition("?")[0]).stem or "stream"
        try:
            with av.open(location, format=container_format) as container:
                if not container.streams.video:
                    raise MotsError(f"{location}: no video in this file")
                stream = container.streams.video[0]
                self.frame_rate = float(stream.average_rate or stream.guessed_rate or 30.0)
                self.declared, self.length = declared_length(container, stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise MotsError(f"{location}: not a video that can be read ({reason(error)})") from error

    def between(self, start: int, stop: int | None, lead: int = 0) -> Video:
        """See `Cuttable.between`. It decodes from the beginning: only so are numbers and times sure to be the same."""
        part = copy.copy(self)
        part.start, part.told, part.stop = max(start - lead, 0), start, sys.maxsize if stop is None else stop
        part.length = None if self.length is None else max(min(self.length, part.stop) - part.start, 0)
        return part

    def number_of(self, place: int) -> int:
        """See `Cuttable.number_of`."""
        return place

    def __iter__(self) -> Iterator[Frame]:
        import av

        size: tuple[int, int] | None = None
        number, time, lost_last = 0, -1.0, 0
        start: float | None = None
        with av.open(self.location, format=self.format) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for decoded in self._decoded(container, stream):
                if number >= self.stop:
                    return
                if decoded is None:
                    if number >= self.told:
                        warnings.warn(
                            MotsWarning(f"{self.location}: frame {number} is skipped: it does not decode"), stacklevel=2
                        )
                    number, lost_last = number + 1, lost_last + 1
                    continue
                lost_last = 0
                stamp = None if decoded.pts is None else float(decoded.pts * decoded.time_base)
                if start is None:
                    start = (stamp or 0.0) - number / self.frame_rate
                by_number = number / self.frame_rate
                now = by_number if stamp is None else stamp - start
                if not now > time:  # a broken clock
                    now = max(by_number, time + 0.5 / self.frame_rate)
                own = (decoded.height, decoded.width)
                if size is not None and own != size:
                    raise MotsError(
                        f"{self.location}: frame {number} is {own[0]} x {own[1]} after ones of "
                        f"{size[0]} x {size[1]} (height x width): cut the video where its size changes"
                    )
                size, time = own, now
                if number >= self.start:
                    yield Frame(number, now, decoded.to_ndarray(format="rgb24"))
                number += 1
        if size is None:
            raise MotsError(f"{self.location}: no frame of this video can be decoded")
        if self.declared is None or self.live:
            return
        due, shown = self.declared - self.unshown, number - lost_last
        # Containers count a frame or two that no decoder gives back, hence the slack.
        if due - shown > max(2, 0.01 * due):
            raise MotsError(
                f"{self.location}: the video ends after frame {shown - 1} of {due}: it is cut off or "
                "damaged there; the frames before are tracked"
            )

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        """Decoded frames in order; None for each that is damaged.

        Decoders pass over some damaged packets in silence. So the packets' time stamps are kept until a frame with
        the same or a later one comes out; what is left behind then has been lost.
        """
        import av

        self.unshown = 0
        waiting: list[int] = []
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                yield from [None] * len(waiting)
                return
            except (av.error.FFmpegError, OSError) as error:
                if self.live:
                    raise MotsError(f"{self.location}: the stream broke off ({reason(error)})") from error
                return  # the file ends in the middle of a packet; its length tells
            stamp = packet.dts if packet.pts is None and not stream.codec_context.has_b_frames else packet.pts
            if packet.is_discard:
                self.unshown += 1
            elif stamp is not None and packet.size:
                waiting.append(stamp)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                if stamp is None:
                    yield None
                continue
            for frame in frames:
                if frame.pts is not None:
                    yield from [None] * sum(stamp < frame.pts for stamp in waiting)
                    waiting = [stamp for stamp in waiting if stamp > frame.pts]
                yield None if frame.is_corrupt else frame


class Part:
    """The frames of a source from the `start`-th on, up to but without the `stop`-th, after the one before them.

    That one is there for what is measured between two frames; its number lies below `first`.
    """

    LEAD = 8  # frames that are looked through for one that decodes

    def __init__(self, source: Cuttable, start: int, stop: int | None) -> None:
        self.name, self.frame_rate = source.name, source.frame_rate
        self.first = source.number_of(start)
        self.source = source.between(start, stop, self.LEAD)
        self.length = self.source.length

    def __iter__(self) -> Iterator[Frame]:
        before: Frame | None = None
        for frame in self.source:
            if frame.number < self.first:
                before = frame
                continue
            if before is not None:
                yield before
                before = None
            yield frame


def declared_length(container: Any, stream: Any) -> tuple[int | None, int | None]:
    """How many frames a container says it has, and how many of them it means to show; None where it does not tell.

    A video that was cut without being encoded anew keeps frames before its beginning or after its end; its time then
    says less than its count.
    """
    seconds: float = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    by_time = round(seconds * float(stream.average_rate or 0))
    counts = [count for count in (int(stream.frames), by_time) if count > 0]
    return (counts[0], min(counts)) if counts else (None, None)


def camera(number: int) -> Video:
    """The camera of this number, by the system's own capture interface."""
    location, interface = {
        "darwin": (f"{number}:none", "avfoundation"),
        "win32": (str(number), "vfwcap"),
    }.get(sys.platform, (f"/dev/video{number}", "v4l2"))
    if interface == "v4l2" and not Path(location).exists():
        raise MotsError(f"camera {number}: there is no {location}")
    video = Video(location, interface, live=True)
    video.name, video.length, video.declared = f"camera{number}", None, None
    return video


def reason(error: Exception) -> str:
    """A library's own words, in one short line."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0][:200]
