"""Annotated pictures: masks with their outlines, names, and the paths of the foot points."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.feet import foot_points
from mots.classes import class_name
from mots.labels import HasLabels
from mots.optional import opencv
from mots.rendering.captions import Captions
from mots.rendering.kernels import draw_masks
from mots.rendering.palette import colour_of

__all__ = ["Annotator", "Drawing"]


@dataclass(frozen=True)
class Drawing:
    """What is drawn, and how strongly."""

    opacity: float = 0.45  # of a mask over the picture
    outlines: bool = True
    captions: bool = True
    classes: bool = True  # in captions
    scores: bool = False  # in captions
    trace: float = 1.5  # seconds of an object's path; 0 for none
    smoothing: float = 0.15  # seconds over which the path's running mean falls to 1 / e
    names: Mapping[int, str] | None = None  # of single objects, by their ids, in place of class and id


class Annotator:
    """Draws frames in order: masks in the colours of their ids, classes and ids, and traces of the foot points.

    A predicted mask, which no detection shows, is hatched. Colours are the same for an id in every run (see
    `palette`). Raises MissingDependency where OpenCV is not installed.
    """

    def __init__(
        self, frame_rate: float, names: Mapping[int, str] | None = None, drawing: Drawing | None = None
    ) -> None:
        self.cv2 = opencv("drawing")
        self.frame_rate = frame_rate
        self.names = dict(names or {})
        self.drawing = drawing or Drawing()
        self.captions: Captions | None = None
        self.paths: dict[int, deque[tuple[float, float, float]]] = {}  # time, x and y of an id's last places

    def draw(
        self, image: NDArray[np.uint8], frame: HasLabels, colour: Callable[[int], tuple[int, int, int]] = colour_of
    ) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: a copy of the image with the frame's objects drawn in. Frames must come in order.

        `colour`: red, green and blue of an id.
        """
        labels, drawing = frame.labels, self.drawing
        canvas = np.array(image, order="C")
        line = max(1, round(min(canvas.shape[:2]) / 540))
        colours = [colour(identity) for identity in labels.ids.tolist()]
        if len(labels):
            predicted = np.asarray(getattr(frame, "predicted", np.zeros(len(labels), np.bool_)), np.bool_)
            shades = np.array(colours, np.uint8)
            outline = line if drawing.outlines else 0
            draw_masks(canvas, labels.masks.arrays, shades, predicted, drawing.opacity, outline)
        if drawing.trace > 0:
            self._follow(frame)
            self._draw_paths(canvas, dict(zip(labels.ids.tolist(), colours, strict=True)), line)
        if drawing.captions and len(labels):
            if self.captions is None:
                self.captions = Captions(self.cv2, max(0.4, canvas.shape[0] / 2400))
            boxes = [(x1, y1, x2, y2) for x1, y1, x2, y2 in labels.masks.boxes.tolist()]
            order = np.argsort(-labels.masks.boxes[:, 3], kind="stable").tolist()  # what is in front chooses first
            self.captions.draw(canvas, self._texts(frame), boxes, colours, order)
        return canvas

    def _texts(self, frame: HasLabels) -> list[str]:
        """The caption of each object."""
        labels, drawing, texts = frame.labels, self.drawing, []
        given = drawing.names or {}
        for identity, class_id, score in zip(
            labels.ids.tolist(), labels.classes.tolist(), labels.scores.tolist(), strict=True
        ):
            name = class_name(class_id, self.names) if drawing.classes else ""
            text = given.get(identity) or f"{name} {identity}".strip()
            # OpenCV's letters are ASCII; what it lacks would be question marks.
            text = text.encode("ascii", "replace").decode("ascii")
            texts.append(f"{text} {score:.2f}" if drawing.scores else text)
        return texts

    def _follow(self, frame: HasLabels) -> None:
        """Add the frame's places to the paths, and forget what is too old."""
        labels = frame.labels
        for identity, foot in zip(labels.ids.tolist(), foot_points(labels.masks).tolist(), strict=True):
            path = self.paths.setdefault(identity, deque())
            x, y = foot
            if path:
                then, last_x, last_y = path[-1]
                share = 1.0 - float(np.exp(-max(labels.time - then, 0.0) / self.drawing.smoothing))
                x, y = last_x + share * (x - last_x), last_y + share * (y - last_y)
            path.append((labels.time, x, y))
        for identity in list(self.paths):
            path = self.paths[identity]
            while path and labels.time - path[0][0] > self.drawing.trace:
                path.popleft()
            if not path:
                del self.paths[identity]

    def _draw_paths(self, canvas: NDArray[np.uint8], colours: Mapping[int, tuple[int, int, int]], line: int) -> None:
        """Draw the paths of the objects in this frame; older parts are thinner."""
        for identity, colour in colours.items():
            path = self.paths.get(identity, ())
            if len(path) < 2:
                continue
            points = np.rint(np.array(path)[:, 1:] * 8).astype(np.int32)  # in eighths of pixels
            half = len(points) // 2
            for part, width in ((points[: half + 1], line), (points[half:], line + 1)):
                self.cv2.polylines(canvas, [part], False, colour, width, self.cv2.LINE_AA, 3)
