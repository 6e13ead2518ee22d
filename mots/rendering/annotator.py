"""Pictures and annotated video: masks, names and traces drawn by supervision, encoded by PyAV."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mots.classes import class_name
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.errors import MotsError
from mots.labels import FrameLabels

__all__ = ["Annotator", "VideoWriter"]

CLOCK = 90_000  # ticks a second of the written video


class Annotator:
    """Draws frames in order: masks in their identities' colours, classes and ids, and the traces of the feet."""

    def __init__(self, frame_rate: float, names: Mapping[int, str] | None = None) -> None:
        try:
            import cv2  # noqa: F401  (supervision imports it when it draws, and then without a word of help)
            import supervision as sv
        except ImportError as error:
            raise MotsError(
                "drawing needs supervision and OpenCV: pip install 'mots-engine[video]' opencv-python-headless"
            ) from error
        self.sv = sv
        self.names = dict(names or {})
        by_track = sv.ColorLookup.TRACK
        self.masks = sv.MaskAnnotator(opacity=0.55, color_lookup=by_track)
        self.texts = sv.LabelAnnotator(
            color_lookup=by_track, text_scale=0.4, text_padding=3, text_color=sv.Color.BLACK, border_radius=2
        )
        self.traces = sv.TraceAnnotator(
            color_lookup=by_track,
            position=sv.Position.BOTTOM_CENTER,
            trace_length=max(round(1.5 * frame_rate), 2),
            thickness=2,
        )

    def draw(self, image: NDArray[np.uint8], labels: FrameLabels) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: a copy of the frame with its objects drawn in. Frames must come in order."""
        sv = self.sv
        canvas = np.ascontiguousarray(image[:, :, ::-1])  # OpenCV's order of colours
        height, width = labels.size
        if len(labels):
            encoded = rle.encode(runs_of(labels.masks))
            boxes = labels.masks.boxes.astype(np.float32)
            inclusive = boxes - np.array([0, 0, 1, 1], np.float32)
            compact = sv.CompactMask.from_coco_rle(
                [{"size": [height, width], "counts": counts} for counts in encoded], inclusive, (height, width)
            )
            detections = sv.Detections(
                xyxy=boxes, mask=compact, class_id=labels.classes.astype(int), tracker_id=labels.ids.astype(int)
            )
            canvas = self.masks.annotate(canvas, detections)
            canvas = self.traces.annotate(canvas, detections)
            names = [
                f"{class_name(class_id, self.names)} {identity}"
                for class_id, identity in zip(labels.classes.tolist(), labels.ids.tolist(), strict=True)
            ]
            canvas = self.texts.annotate(canvas, detections, labels=names)
        return np.ascontiguousarray(canvas[:, :, ::-1])


class VideoWriter:
    """Writes H.264 in MP4 that plays in a browser, with each frame at its own time. A context manager.

    The file has a temporary name until it is closed. Odd sides get one more row or column: H.264 wants even ones.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        import av

        self.path, self.part = path, path.with_name(f"{path.name}.part")
        self.last = -1
        try:
            self.part.touch()  # FFmpeg would open the file, and fail, at the first frame only
            # The index goes to the front when the file is closed, so that a browser can begin at once.
            self.container = av.open(str(self.part), "w", format="mp4", options={"movflags": "faststart"})
            self.stream = self.container.add_stream("libx264", rate=Fraction(frame_rate).limit_denominator(1001))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise MotsError(f"{path}: the video cannot be written ({error})") from error
        self.stream.pix_fmt = "yuv420p"
        self.stream.options = {"crf": "23", "preset": "veryfast"}
        self.stream.codec_context.time_base = Fraction(1, CLOCK)
        self.started = False

    def write(self, image: NDArray[np.uint8], time: float) -> None:
        """Add a frame (H, W, 3) uint8 RGB that is shown from `time` (seconds) on."""
        import av

        image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
        if not self.started:
            self.stream.height, self.stream.width = image.shape[:2]
            self.started = True
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        self.last = max(round(time * CLOCK), self.last + 1)
        frame.pts, frame.time_base = self.last, Fraction(1, CLOCK)
        try:
            self.container.mux(self.stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise MotsError(
                f"{self.path}: the video could not be written ({error}): make room and run again"
            ) from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            if self.started:
                self.container.mux(self.stream.encode(None))
            self.container.close()
        except (av.error.FFmpegError, OSError) as late:
            self.part.unlink(missing_ok=True)
            if error is None:
                raise MotsError(f"{self.path}: the video could not be finished ({late})") from late
            return
        if self.started:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)
