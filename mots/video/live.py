"""Sources that can be read once: network streams, cameras, pipes and standard input."""

from __future__ import annotations

import errno
import re
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from mots.errors import FormatError, InputError, MotsWarning
from mots.video.frame import Frame
from mots.video.images import MAX_MEGAPIXELS
from mots.video.packets import DecodedFrame, Decoding, reason
from mots.video.video_file import (
    FrameClock,
    Matrices,
    best_stream,
    check_end,
    checked_size,
    declared_length,
    frame_rate_of,
    shown_image,
)

__all__ = ["LiveVideo", "Reconnecting", "camera", "pipe", "stream_name", "without_password"]

# Formats that hold no times: FFmpeg makes stamps up from a rate that it guesses.
CLOCKLESS = {"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "image2pipe", "jpeg_pipe", "png_pipe", "rawvideo"}
OPEN_SECONDS = 15.0  # without an answer, until a stream counts as not there
LONGEST_DELAY = 4  # seconds between two requests for the rest of a reply
START_SECONDS = 1.0  # after the first frame, in which dropped ones say nothing
MANY_DROPPED = 25  # frames: so many say something in the first second too, if they are most
POLL_SECONDS = 0.2  # at which a waiting reader looks for Ctrl-C


@dataclass(frozen=True)
class Reconnecting:
    """What is done when a network stream breaks off. (A stream that ends is not broken off.)"""

    attempts: int = 5  # in a row; 0: none
    wait: float = 1.0  # seconds before the first attempt, twice as long before each further one
    silence: float = 15.0  # seconds without data after which a stream counts as broken off
    after_end: bool = False  # connect again also where the server has ended the stream


class LiveVideo:
    """A stream that is opened once, when the object is made. Frames are numbered from 0 as they arrive.

    A frame's time is its stamp; where the format has none, the time of its arrival for a `paced` stream, and number /
    frame rate for another. `frame_rate`: frames a second, obeyed for the times where it is given. `paced`: the frames
    come by the clock, so the newest one is given and those that came meanwhile are dropped; `dropped` counts them. A
    broken connection is made again as `reconnecting` says. Iterating raises FormatError for a stream that breaks off
    for good, and InputError a second time.
    """

    live = True
    length: int | None = None

    def __init__(
        self,
        location: Any,
        name: str,
        *,
        shown: str = "",
        container_format: str | None = None,
        frame_rate: float | None = None,
        paced: bool | None = None,
        reconnecting: Reconnecting | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        self.location, self.name, self.shown = location, name, shown or str(location)
        self.format, self.fixed_rate = container_format, frame_rate
        self.reconnecting = reconnecting or Reconnecting()
        self.max_megapixels = max_megapixels
        self.reader: Newest | None = None
        self.used = False
        self.own_file: IO[bytes] | None = None  # to be closed at the end
        if isinstance(location, Path):
            self.location = self.own_file = location.open("rb")
        self.container, stream = self._opened()
        self.frame_rate = frame_rate or frame_rate_of(stream)
        # A film on a server has a duration or a size, and is read as it is needed; a camera has neither.
        self.paced = not (self.container.duration or self.container.size > 0) if paced is None else paced
        self.declared = None if self.paced else declared_length(self.container, stream)[0]
        self.hidden = 0  # packets that the film declares not to be shown
        self.clocked = not set(self.container.format.name.split(",")) & CLOCKLESS

    @property
    def dropped(self) -> int:
        """How many frames were dropped so far."""
        return 0 if self.reader is None else self.reader.dropped

    def between(self, start: int, stop: int | None, lead: int = 0) -> LiveVideo:
        """A stream cannot be cut: raises InputError."""
        raise InputError(f"{self.shown}: a stream is read once and from its beginning: record it first")

    def number_of(self, place: int) -> int:
        """See `CuttableSource.number_of`."""
        return place

    def __iter__(self) -> Iterator[Frame]:
        import av

        if self.used:
            raise InputError(f"{self.shown}: a stream can be read once: record it first")
        self.used = True
        clock = FrameClock(self.frame_rate, self.fixed_rate is not None)
        size: tuple[int, int] | None = None
        matrices: Matrices = {}
        shown = given = 0
        reader = self.reader = Newest(self._frames()) if self.paced else None
        try:
            for number, arrival, decoded in reader or self._frames():
                stamp = decoded.seconds if self.clocked or not self.paced else arrival
                if not self.clocked and not self.paced:
                    stamp = None
                now = clock.time_of(number, stamp, decoded.restarts)
                size = checked_size(decoded.picture, size, f"{self.shown}: frame {number}", self.max_megapixels)
                shown, given = number + 1, given + 1
                try:
                    image = shown_image(decoded.picture, matrices)
                except av.error.FFmpegError as error:
                    message = f"{self.shown}: frame {number} is skipped: it cannot be converted ({reason(error)})"
                    warnings.warn(MotsWarning(message), stacklevel=2)
                    continue
                yield Frame(number, now, image)
            if size is None:
                raise FormatError(f"{self.shown}: no frame of this stream can be decoded")
            if not self.paced:
                expected = None if self.declared is None else self.declared - self.hidden
                check_end(self.container, self.shown, expected, shown, clock, self.frame_rate)
        finally:
            if reader is not None:
                reader.stop()
            self.container.close()
            if self.own_file is not None:
                self.own_file.close()
        if reader is not None and (reader.late or reader.dropped > max(given, MANY_DROPPED)):
            message = f"{self.shown}: {self.dropped} frames were dropped: they came faster than they were tracked"
            warnings.warn(MotsWarning(message), stacklevel=2)

    def _opened(self) -> tuple[Any, Any]:
        """The container and its video stream. Raises FormatError."""
        import av

        silence = self.reconnecting.silence
        timeout = (max(OPEN_SECONDS, silence), silence) if isinstance(self.location, str) else None
        try:
            container = av.open(self.location, format=self.format, timeout=timeout, options=self._options())
            return container, best_stream(container, self.shown)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise FormatError(f"{self.shown}: not a video that can be read ({self._said(error)})") from error

    def _options(self) -> dict[str, str]:
        """FFmpeg's own: of a server that sends parts, it asks again for the bytes that a reply lacks."""
        if not str(self.location).startswith(("http://", "https://")):
            return {}
        return {"reconnect": "1", "reconnect_delay_max": str(LONGEST_DELAY)}

    def _said(self, error: Exception) -> str:
        """An error of a connection as messages show it."""
        import av

        if isinstance(error, av.error.ExitError):  # FFmpeg's own word is "Immediate exit requested"
            return f"nothing came for {self.reconnecting.silence:g} seconds: see source.reconnecting.silence"
        return reason(error)

    def _frames(self) -> Iterator[tuple[int, float, DecodedFrame]]:
        """Number, arrival in seconds and frame of all frames, over all connections; lost ones are left out.

        A new connection to a camera gives what comes now; one to a film begins with the film's first frame, so that
        frames which were given before are passed over.
        """
        number, attempts, again = 0, 0, False
        while True:
            stream = best_stream(self.container, self.shown)
            stream.thread_type = "AUTO" if not self.paced else "NONE"  # threads hold frames back
            decoding = Decoding(self.container, stream)
            known = 0 if self.paced else number  # frames of this connection that were given before
            for place, decoded in enumerate(decoding):
                if place < known:
                    continue
                attempts = 0
                if decoded.picture is not None:
                    restarts = decoded.restarts or (again and self.paced)
                    yield number, time.monotonic(), DecodedFrame(decoded.picture, decoded.seconds, restarts)
                    again = False
                number += 1
            self.hidden = decoding.hidden
            error = decoding.broke
            ended = error is None or is_end(error, self.container.format.name)
            if ended and self._lacks_frames(number) and not (again and number == known):
                # Broken off, unless the connection before has ended at the same frame: then the film itself is cut.
                error, ended = error or EOFError("it ended early"), False
            if ended and not self.reconnecting.after_end:
                return
            if number == 0 and not self.paced and is_remote(self.location):
                why = self._said(error or EOFError("it ended"))
                raise FormatError(
                    f"{self.shown}: no frame can be read as it comes ({why}): a film whose index is at its end needs a "
                    "server that sends parts: download it first"
                )
            again = True
            attempts = self._connected_again(error or EOFError("the stream has ended"), attempts)

    def _lacks_frames(self, number: int) -> bool:
        """Whether a film of a server ends long before the number of frames in its header: a connection that broke."""
        return (
            not self.paced
            and is_remote(self.location)
            and self.declared is not None
            and self.declared - self.hidden - number > max(2, 0.01 * self.declared)
        )

    def _connected_again(self, error: Exception, attempts: int) -> int:
        """Open the stream anew; the attempts so far. Raises FormatError after the last one."""
        while is_remote(self.location) and attempts < self.reconnecting.attempts:
            warnings.warn(MotsWarning(f"{self.shown}: broke off ({self._said(error)}); connecting again"), stacklevel=4)
            time.sleep(self.reconnecting.wait * 2**attempts)
            attempts += 1
            try:
                self.container.close()
                self.container, _ = self._opened()
                return attempts
            except FormatError as late:
                error = late
        raise FormatError(f"{self.shown}: the stream broke off ({self._said(error)}); the frames before are tracked")


class Newest:
    """Reads items in a thread of its own and gives the newest one.

    `dropped`: those that nobody took. `late`: those of them that came after the first second, in which a library hands
    over at once what it had read to recognise the stream.
    """

    def __init__(self, items: Iterator[tuple[int, float, DecodedFrame]]) -> None:
        self.items, self.dropped, self.late = items, 0, 0
        self.changed = threading.Condition()
        self.newest: tuple[int, float, DecodedFrame] | None = None
        self.ended = self.stopped = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._read, daemon=True)

    def __iter__(self) -> Iterator[tuple[int, float, DecodedFrame]]:
        self.thread.start()
        while True:
            with self.changed:
                while self.newest is None and not self.ended:
                    self.changed.wait(POLL_SECONDS)
                item, self.newest = self.newest, None
            if item is None:
                if self.error is not None:
                    raise self.error
                return
            yield item

    def stop(self) -> None:
        """End the thread, after the frame at hand."""
        self.stopped = True
        if self.thread.is_alive():
            self.thread.join(2.0)

    def _read(self) -> None:
        begin = time.monotonic()
        try:
            for item in self.items:
                with self.changed:
                    self.dropped += self.newest is not None
                    self.late += self.newest is not None and time.monotonic() - begin > START_SECONDS
                    self.newest = item
                    self.changed.notify()
                if self.stopped:
                    break
        except BaseException as error:  # it is raised where the frames are used
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify()


def is_end(error: Exception, container_format: str) -> bool:
    """Whether an error only says that the sender has closed the stream, in the middle of what a demuxer waits for.

    A stream of JPEG pictures ends so as a rule: FFmpeg waits for the next picture and reports an input error.
    """
    import av

    if isinstance(error, (av.error.InvalidDataError, av.error.EOFError)):
        return True
    return container_format == "mpjpeg" and isinstance(error, OSError) and error.errno == errno.EIO


def is_remote(location: Any) -> bool:
    """Whether a location is a URL."""
    return isinstance(location, str) and "://" in location


def stream_name(url: str) -> str:
    """The name of a stream's results: its host, port and path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]  # without user and password
    return re.sub(r"[^\w.-]+", "_", f"{host}{parts.path}").strip("_.") or "stream"


def without_password(url: str) -> str:
    """A URL as messages show it: without what stands before an @, where a password may hold any sign, and without
    the query, where keys stand."""
    return re.sub(r"\?.+", "?***", re.sub(r"://.*@", "://***@", url))


def camera(number: int, **options: Any) -> LiveVideo:
    """The camera of this number, by the system's own capture interface. Raises InputError where there is none."""
    location, interface = {
        "darwin": (f"{number}:none", "avfoundation"),
        "win32": (str(number), "vfwcap"),
    }.get(sys.platform, (f"/dev/video{number}", "v4l2"))
    if interface == "v4l2" and not Path(location).exists():
        raise InputError(f"camera {number}: there is no {location}")
    return LiveVideo(location, f"camera{number}", container_format=interface, paced=True, **options)


def pipe(location: str, **options: Any) -> LiveVideo:
    """A named pipe, or standard input for `-`: all of its frames, as they are needed."""
    if location != "-":
        return LiveVideo(Path(location), Path(location).stem or "pipe", shown=location, paced=False, **options)
    return LiveVideo(sys.stdin.buffer, "stdin", shown="standard input", paced=False, **options)
