"""A video file, a stream or a camera, decoded by PyAV."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mots.errors import FormatError, InputError, MotsWarning
from mots.video.frame import Frame

__all__ = ["Video", "camera"]


class Video:
    """A video file or stream. Frames are numbered from 0.

    A frame that cannot be decoded is skipped with a MotsWarning; its number and its time stay free. Iterating raises
    FormatError after the last frame of a video that ends before its declared end, for a change of size, and for a
    stream that breaks off.
    """

    def __init__(self, location: str, container_format: str | None = None, live: bool = False) -> None:
        import av

        self.location, self.format, self.live = location, container_format, live
        self.hidden = 0  # packets that the container declares not to be shown
        self.start, self.stop = 0, sys.maxsize  # numbers of the first frame that is given, and the first that is not
        self.warn_from = 0  # no warnings for skipped frames before this number
        self.name = Path(location.partition("?")[0]).stem or "stream"
        try:
            with av.open(location, format=container_format) as container:
                if not container.streams.video:
                    raise FormatError(f"{location}: no video in this file")
                stream = container.streams.video[0]
                self.frame_rate = float(stream.average_rate or stream.guessed_rate or 30.0)
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
        number, time, lost_last = 0, -1.0, 0
        start: float | None = None
        with av.open(self.location, format=self.format) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for decoded in self._decoded(container, stream):
                if number >= self.stop:
                    return
                if decoded is None:
                    if number >= self.warn_from:
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
                if not now > time:  # a time stamp that does not advance
                    now = max(by_number, time + 0.5 / self.frame_rate)
                own = (decoded.height, decoded.width)
                if size is not None and own != size:
                    raise FormatError(
                        f"{self.location}: frame {number} is {own[0]} x {own[1]} after ones of "
                        f"{size[0]} x {size[1]} (height x width): cut the video where its size changes"
                    )
                size, time = own, now
                if number >= self.start:
                    yield Frame(number, now, decoded.to_ndarray(format="rgb24"))
                number += 1
        if size is None:
            raise FormatError(f"{self.location}: no frame of this video can be decoded")
        if self.declared is None or self.live:
            return
        expected, shown = self.declared - self.hidden, number - lost_last
        # Containers count a frame or two that no decoder returns.
        if expected - shown > max(2, 0.01 * expected):
            raise FormatError(
                f"{self.location}: the video ends after frame {shown - 1} of {expected}: it is cut off or "
                "damaged there; the frames before are tracked"
            )

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        """Decoded frames in order; None for each that is damaged.

        Decoders skip some damaged packets without an error. So the packets' time stamps are kept until a frame with
        the same or a later one is decoded; stamps before it belong to lost frames.
        """
        import av

        self.hidden = 0
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
                    raise FormatError(f"{self.location}: the stream broke off ({reason(error)})") from error
                return  # the file ends inside a packet; its length shows that
            stamp = packet.dts if packet.pts is None and not stream.codec_context.has_b_frames else packet.pts
            if packet.is_discard:
                self.hidden += 1
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


def declared_length(container: Any, stream: Any) -> tuple[int | None, int | None]:
    """How many frames a container declares, and how many of them it declares to be shown; None where it does not.

    A video that was cut without being encoded again keeps frames before its beginning or after its end; its duration
    then gives fewer frames than its count.
    """
    seconds: float = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    by_time = round(seconds * float(stream.average_rate or 0))
    counts = [count for count in (int(stream.frames), by_time) if count > 0]
    return (counts[0], min(counts)) if counts else (None, None)


def camera(number: int) -> Video:
    """The camera of this number, by the system's own capture interface. Raises InputError where there is none."""
    location, interface = {
        "darwin": (f"{number}:none", "avfoundation"),
        "win32": (str(number), "vfwcap"),
    }.get(sys.platform, (f"/dev/video{number}", "v4l2"))
    if interface == "v4l2" and not Path(location).exists():
        raise InputError(f"camera {number}: there is no {location}")
    video = Video(location, interface, live=True)
    video.name, video.length, video.declared = f"camera{number}", None, None
    return video


def reason(error: Exception) -> str:
    """A library's own message, in one short line."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0][:200]
