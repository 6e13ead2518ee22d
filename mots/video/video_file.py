"""A video file, decoded by PyAV."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, MotsWarning
from mots.video.frame import Frame
from mots.video.images import MAX_MEGAPIXELS
from mots.video.packets import Decoding, reason

__all__ = [
    "FrameClock",
    "Matrices",
    "Video",
    "best_stream",
    "check_end",
    "checked_size",
    "declared_length",
    "frame_rate_of",
    "shown_image",
]

DEFAULT_RATE = 30.0  # frames a second, where a container says nothing
TEXT_CODECS = ("ansi", "bintext", "xbin", "idf")  # FFmpeg draws a text file's letters
GIF_TAIL = 4096  # bytes at the end of a GIF in which its trailer is looked for
COUNTING_FORMATS = ("mov", "avi")  # their headers hold the number of frames, not only a duration


class Video:
    """A video file. Frames are numbered from 0 in the order in which they are decoded.

    The stream is the one that FFmpeg calls the best, so no cover picture; frames are turned as the file says. A frame
    that is certainly lost is skipped with a MotsWarning; its number and its time stay free. Iterating raises
    FormatError after the last frame of a video that ends before the number of frames in its header, and for a change
    of size. `frame_rate`: frames a second; without it, frames have their own times.
    """

    live = False
    independent = True  # of what is done meanwhile: it can be read ahead

    def __init__(
        self, location: str | Path, frame_rate: float | None = None, max_megapixels: float = MAX_MEGAPIXELS
    ) -> None:
        import av

        self.location, self.fixed_rate, self.max_megapixels = str(location), frame_rate, max_megapixels
        self.start, self.stop = 0, sys.maxsize  # numbers of the first frame that is given, and the first that is not
        self.warn_from = 0  # no warnings for skipped frames before this number
        self.name = Path(location).stem or "video"
        try:
            with av.open(self.location) as container:
                stream = best_stream(container, self.location)
                self.frame_rate = frame_rate or frame_rate_of(stream)
                self.declared, self.length = declared_length(container, stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise FormatError(f"{location}: not a video that can be read ({reason(error)})") from error

    def between(self, start: int, stop: int | None, lead: int = 0) -> Video:
        """See `CuttableSource.between`. It decodes from the beginning: only then are numbers and times the same."""
        part = copy.copy(self)
        part.start, part.warn_from, part.stop = max(start - lead, 0), start, sys.maxsize if stop is None else stop
        part.length = None if self.length is None else max(min(self.length, part.stop) - part.start, 0)
        return part

    def number_of(self, place: int) -> int:
        """See `CuttableSource.number_of`."""
        return place

    def __iter__(self) -> Iterator[Frame]:
        import av

        size: tuple[int, int] | None = None
        number, lost_last = 0, 0
        clock = FrameClock(self.frame_rate, self.fixed_rate is not None)
        matrices: Matrices = {}
        with av.open(self.location) as container:
            stream = best_stream(container, self.location)
            stream.thread_type = "AUTO"
            decoding = Decoding(container, stream)
            for decoded in decoding:
                if number >= self.stop:
                    return
                if decoded.picture is None:
                    if number >= self.warn_from:
                        warnings.warn(
                            MotsWarning(f"{self.location}: frame {number} is skipped: it does not decode"), stacklevel=2
                        )
                    number, lost_last = number + 1, lost_last + 1
                    continue
                lost_last = 0
                now = clock.time_of(number, decoded.seconds, decoded.restarts)
                size = checked_size(decoded.picture, size, f"{self.location}: frame {number}", self.max_megapixels)
                if number >= self.start:
                    try:
                        image = shown_image(decoded.picture, matrices)
                    except av.error.FFmpegError as error:
                        message = (
                            f"{self.location}: frame {number} is skipped: it cannot be converted ({reason(error)})"
                        )
                        warnings.warn(MotsWarning(message), stacklevel=2)
                    else:
                        yield Frame(number, now, image)
                number += 1
            if size is None:
                raise FormatError(f"{self.location}: no frame of this video can be decoded")
            expected = None if self.declared is None else self.declared - decoding.hidden
            check_end(container, self.location, expected, number - lost_last, clock, self.frame_rate)


def check_end(
    container: Any, where: str, expected: int | None, shown: int, clock: FrameClock, frame_rate: float
) -> None:
    """Raise FormatError where frames that the header counts (`expected`, None: it counts none) are not there; warn
    where its duration says so. `shown`: frames up to the last one that was decoded."""
    if expected is not None:
        # Containers count a frame or two that no decoder returns.
        if expected - shown > max(2, 0.01 * expected):
            raise FormatError(
                f"{where}: the video ends after frame {shown - 1} of {expected}: it is cut off or "
                "damaged there; the frames before are tracked"
            )
    elif "matroska" in container.format.name and container.duration and len(container.streams) == 1:
        # FFmpeg writes the last time stamp as the duration, wherever the first frame lies.
        seconds, end = container.duration / 1e6, clock.end + 1.0 / frame_rate
        if end < 0.95 * seconds - 1.0:
            message = f"its header says {seconds:.1f} seconds and its frames end after {end:.1f}: it may be cut off"
            warnings.warn(MotsWarning(f"{where}: {message}"), stacklevel=3)
    elif container.format.name == "gif" and not has_gif_trailer(where):
        message = f"it has no end mark after frame {shown - 1}: it may be cut off"
        warnings.warn(MotsWarning(f"{where}: {message}"), stacklevel=3)


def has_gif_trailer(location: str) -> bool:
    """Whether a GIF ends with its trailer (GIF89a specification, section 27), zeros after it aside; True for what is
    no local file."""
    path = Path(location)
    if not path.is_file():
        return True
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - GIF_TAIL, 0))
        return file.read().rstrip(b"\0").endswith(b"\x3b")


class FrameClock:
    """Times of frames in seconds from the first one's, always rising.

    From their stamps; by their number where they have none, or where the rate is `fixed`. Where the stream's clock
    jumps back, the time goes on by one frame.
    """

    def __init__(self, frame_rate: float, fixed: bool) -> None:
        self.frame_rate, self.fixed = frame_rate, fixed
        self.time = -1.0
        self.start: float | None = None  # the stamp of time 0
        self.end = 0.0  # the highest stamp, or the time of the last frame where the clock has jumped back

    def time_of(self, number: int, seconds: float | None, restarts: bool = False) -> float:
        """The time of frame `number` with a stamp of `seconds`."""
        by_number = number / self.frame_rate
        self.end = max(self.end, seconds or 0.0, self.time)
        if self.fixed:
            return by_number
        if self.start is None:
            self.start = (seconds or 0.0) - by_number
        if restarts and seconds is not None:
            self.start = seconds - (self.time + 1.0 / self.frame_rate)
        now = by_number if seconds is None else seconds - self.start
        if not now > self.time:  # a stamp that does not advance
            now = max(by_number, self.time + 0.5 / self.frame_rate)
        self.time, self.end = now, max(self.end, now)
        return now


def best_stream(container: Any, location: str) -> Any:
    """The video stream that FFmpeg calls the best, and no cover. Raises FormatError where there is none."""
    stream = container.streams.best("video")
    if stream is not None and is_cover(stream):
        stream = next((each for each in container.streams.video if not is_cover(each)), None)
    if stream is None:
        raise FormatError(f"{location}: no video in this file")
    if stream.codec_context is None:
        raise FormatError(f"{location}: not a video that can be read (no decoder for its codec)")
    if stream.codec_context.name in TEXT_CODECS:
        raise FormatError(f"{location}: a text, not a video")
    return stream


def is_cover(stream: Any) -> bool:
    """Whether a stream is a picture that belongs to the file, as an album's cover."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def frame_rate_of(stream: Any) -> float:
    """Frames a second of a stream: the mean; where long pauses pull it down, the rate between them."""
    average, guessed = float(stream.average_rate or 0), float(stream.guessed_rate or 0)
    if average > 0 and not (average * 8 < guessed <= 240):
        return average
    return guessed or average or DEFAULT_RATE


def declared_length(container: Any, stream: Any) -> tuple[int | None, int | None]:
    """The number of frames that a container's header holds, and how many are to be expected; None where unknown.

    A video that was cut without being encoded again keeps frames before its beginning or after its end; its duration
    then gives fewer frames than its count.
    """
    seconds: float = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    by_time = round(seconds * float(stream.average_rate or 0))
    counted = int(stream.frames) if any(name in container.format.name for name in COUNTING_FORMATS) else 0
    counts = [count for count in (int(stream.frames), by_time) if count > 0]
    return counted or None, min(counts) if counts else None


def checked_size(picture: Any, before: tuple[int, int] | None, where: str, max_megapixels: float) -> tuple[int, int]:
    """(height, width) of a decoded picture. Raises FormatError for another size than `before`, and for a huge one."""
    own = (int(picture.height), int(picture.width))
    if before is not None and own != before:
        raise FormatError(
            f"{where} is {own[0]} x {own[1]} after ones of {before[0]} x {before[1]} (height x width): cut the video "
            "where its size changes"
        )
    if own[0] * own[1] > max_megapixels * 1e6:
        raise FormatError(f"{where} is {own[0]} x {own[1]}, and the limit is {max_megapixels:g} megapixels")
    return own


Matrices = dict[float, "NDArray[np.int32] | None"]


def shown_image(picture: Any, matrices: Matrices) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a decoded picture, turned and mirrored by quarter turns as its display matrix says.

    `matrices`: those of the source's pictures so far, by their rotation. A picture whose side data were looked at keeps
    its memory until Python next looks for cycles, hundreds of pictures later: so they are looked at once for each
    rotation only.
    """
    image: NDArray[np.uint8] = picture.to_ndarray(format="rgb24")
    rotation = float(getattr(picture, "rotation", 0.0))
    if rotation not in matrices:
        matrices[rotation] = display_matrix(picture)
    matrix = matrices[rotation]
    if matrix is None:
        return image
    # The matrix (ISO 14496-12, 6.2.2) takes x to a x + c y and y to b x + d y.
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, flip_x, flip_y = image.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    image = image[:, ::-1] if flip_x else image
    return np.ascontiguousarray(image[::-1] if flip_y else image)


def display_matrix(picture: Any) -> NDArray[np.int32] | None:
    """(9,) the display matrix of a decoded picture; None where it has none."""
    for data in picture.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(bytes(data), "<i4")[:9]
    return None
