"""From packets to frames: which frames a decoder gives, and which it has lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["DecodedFrame", "Decoding", "reason"]


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """`picture`: PyAV's frame; None for one that is lost. `seconds`: its time stamp, None where it has none.
    `restarts`: whether the stream's clock has jumped back before it, as where recordings were joined."""

    picture: Any
    seconds: float | None = None
    restarts: bool = False


@dataclass(frozen=True)
class Waiting:
    """A packet whose frame the decoder has not given yet."""

    clock: int  # how often the clock had jumped back
    stamp: int


class Decoding:
    """The frames of a container's video stream, in order, and a `DecodedFrame` without a picture for each that is lost.

    A frame counts as lost only where that is certain: its packet has no time stamp and does not decode; the decoder
    calls the frame corrupt; or frames of later stamps of the same clock come and it does not. Packets before the first
    key frame, and before a jump of the clock, prove nothing. `hidden`: packets that the container declares not to be
    shown, counted so far. `broke`: what ended the reading before the container's end.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self.container, self.stream = container, stream
        self.hidden = 0
        self.broke: Exception | None = None
        self.waiting: list[Waiting] = []
        self.clock = 0
        self.last_decoded_at: int | None = None  # the last packet's decoding time stamp
        self.first_key: int | None = None  # the stamp of the first key frame of this clock
        self.shown_clock = 0  # the clock of the last frame

    def __iter__(self) -> Iterator[DecodedFrame]:
        import av

        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                yield from [DecodedFrame(None)] * len([each for each in self.waiting if each.clock == self.clock])
                return
            except (av.error.FFmpegError, OSError) as error:
                self.broke = error
                return
            stamp = self._noted(packet)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                if stamp is None and packet.size:
                    yield DecodedFrame(None)
                continue
            for frame in frames:
                yield from self._with_losses(frame)

    def _noted(self, packet: Any) -> int | None:
        """Remember a packet that a frame must come from; its time stamp."""
        if packet.dts is not None:
            if self.last_decoded_at is not None and packet.dts < self.last_decoded_at:
                self.clock, self.first_key = self.clock + 1, None
            self.last_decoded_at = packet.dts
        stamp: int | None = packet.pts
        if stamp is None and not self.stream.codec_context.has_b_frames:
            stamp = packet.dts
        if packet.is_discard:
            self.hidden += 1
        elif stamp is not None and packet.size:
            if self.first_key is None and packet.is_keyframe:
                self.first_key = stamp
            if self.first_key is not None and stamp >= self.first_key:
                self.waiting.append(Waiting(self.clock, stamp))
        return stamp

    def _with_losses(self, frame: Any) -> Iterator[DecodedFrame]:
        """A decoded frame, after those that were lost before it."""
        if frame.pts is None:
            yield DecodedFrame(None if frame.is_corrupt else frame)
            return
        own = next((each for each in self.waiting if each.stamp == frame.pts), None)
        restarts = False
        if own is not None:
            restarts, self.shown_clock = own.clock > self.shown_clock, own.clock
            before = [each for each in self.waiting if each.clock == own.clock and each.stamp < own.stamp]
            # Of two fields, each in a packet of its own, one frame is made.
            if not frame.interlaced_frame:
                yield from [DecodedFrame(None)] * len(before)
            self.waiting = [
                each for each in self.waiting if (each.clock, each.stamp) > (own.clock, own.stamp)
            ]  # a decoder gives each frame once
        yield DecodedFrame(None if frame.is_corrupt else frame, float(frame.pts * frame.time_base), restarts)


def reason(error: Exception) -> str:
    """A library's own message, in one short line."""
    return (str(getattr(error, "strerror", None) or error) or type(error).__name__).splitlines()[0][:200]
