"""Functions both ways between the engine and the packages that scripts use already: supervision, Ultralytics, pandas.

motmetrics is fed by `mots.metrics.events.accumulate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import class_name, engine_ids
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.labels import HasLabels
from mots.optional import opencv, optional_import
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = [
    "SupervisionDetector",
    "UltralyticsDetector",
    "from_supervision",
    "from_ultralytics",
    "to_supervision",
    "to_ultralytics",
]

FULL = 0.5  # of a mask in the network's resolution, above which a pixel belongs to the object


def to_supervision(frame: HasLabels, names: Mapping[int, str] | None = None) -> Any:
    """A frame as `supervision.Detections`: boxes, compact masks, scores, class ids, `tracker_id`, `class_name`.

    `names`: classes that COCO lacks, id to name. Raises MissingDependency without supervision.
    """
    sv = optional_import("supervision", "its detections", extra="supervision")
    labels = frame.labels
    if len(labels) == 0:
        return sv.Detections.empty()
    height, width = labels.size
    boxes = labels.masks.boxes.astype(np.float32)
    # supervision cuts masks by inclusive corners, and our boxes are half-open.
    compact = sv.CompactMask.from_coco_rle(
        [{"size": [height, width], "counts": text} for text in rle.encode(runs_of(labels.masks))],
        boxes - np.array([0, 0, 1, 1], np.float32),
        (height, width),
    )
    return sv.Detections(
        xyxy=boxes,
        mask=compact,
        confidence=labels.scores.astype(np.float32),
        class_id=labels.classes.astype(int),
        tracker_id=labels.ids.astype(int),
        data={"class_name": np.array([class_name(each, names) for each in labels.classes.tolist()])},
    )


def from_supervision(detections: Any, size: tuple[int, int]) -> Detections:
    """`supervision.Detections` with masks as the engine's, of a frame of (height, width).

    Without scores they are 1, without class ids 0. Raises ValueError for detections without masks, or with masks of
    another size.
    """
    count = len(detections)
    if count == 0:
        return Detections.empty(size)
    if detections.mask is None:
        raise ValueError("detections.mask is None: the engine tracks masks; use a segmentation model")
    images = np.asarray(detections.mask)
    if images.shape[1:] != size:
        raise ValueError(f"detections.mask has the shape {images.shape}: wanted {(count, *size)}")
    scores = np.ones(count) if detections.confidence is None else detections.confidence
    classes = np.zeros(count, int) if detections.class_id is None else detections.class_id
    return Detections.from_masks(Masks.from_images(images), scores, classes, detections.xyxy)


def to_ultralytics(frame: HasLabels, image: NDArray[np.uint8], names: Mapping[int, str] | None = None) -> Any:
    """A frame as `ultralytics.engine.results.Results`, with `boxes.id` and masks in the frame's size.

    `image`: (H, W, 3) uint8 RGB. `names`: classes that COCO lacks, id to name. Raises MissingDependency without
    ultralytics.
    """
    from mots.models.ultralytics_results import results_of

    return results_of(frame.labels, image, names or {})


def from_ultralytics(results: Any) -> Detections:
    """One `Results` of an Ultralytics segmentation model as the engine's detections, in the picture's own size.

    Class numbers become the engine's by the model's names. Masks in the network's resolution are enlarged
    (`retina_masks=True` spares that). Raises ValueError for a model without masks.
    """
    size = (int(results.orig_shape[0]), int(results.orig_shape[1]))
    if results.boxes is None or len(results.boxes) == 0:
        return Detections.empty(size)
    if results.masks is None:
        raise ValueError("results.masks is None: the engine tracks masks; use a segmentation model")
    images = results.masks.data.detach().cpu().numpy()
    if images.shape[1:] != size:
        images = enlarged(images.astype(np.float32), size) > FULL
    own = engine_ids(dict(results.names))
    numbers = results.boxes.cls.detach().cpu().numpy().astype(int)
    classes = np.array([own.get(number, number) for number in numbers.tolist()], np.int64)
    boxes = results.boxes.xyxy.detach().cpu().numpy()
    return Detections.from_masks(Masks.from_images(images > 0), results.boxes.conf, classes, boxes)


def enlarged(images: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(N, H, W) of masks (N, h, w) in a letterboxed input: without its margins, enlarged to (height, width)."""
    cv2 = opencv("enlarging masks")
    height, width = size
    h, w = images.shape[1:]
    gain = min(h / height, w / width)
    top, left = (h - height * gain) / 2, (w - width * gain) / 2
    inner = images[:, round(top - 0.1) : h - round(top - 0.1), round(left - 0.1) : w - round(left - 0.1)]
    return np.stack([cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in inner])


class UltralyticsDetector:
    """A `Detector` around an Ultralytics model that a script has already: `mots.track(source, detector=...)`.

    `arguments`: of the model's call, as `conf` and `imgsz`. `names`: the model's own classes that COCO lacks.
    """

    coarse = True  # masks come from the network's prototypes: they are refined along the picture's edges

    def __init__(self, model: Callable[..., Sequence[Any]], **arguments: Any) -> None:
        self.model, self.arguments = model, {"retina_masks": True, "verbose": False, **arguments}
        every: Mapping[int, str] = dict(getattr(model, "names", {}))
        self.names = {
            own: every[number] for number, own in engine_ids(every).items() if class_name(own) != every[number]
        }

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, of these classes (all where there are none)."""
        found = self.model([np.ascontiguousarray(image[:, :, ::-1]) for image in images], **self.arguments)
        every = [from_ultralytics(each) for each in found]
        return [each.take(np.flatnonzero(np.isin(each.classes, classes))) if classes else each for each in every]


class SupervisionDetector:
    """A `Detector` around any model whose answers supervision can wrap: `mots.track(source, detector=...)`.

    `predict`: from an image (H, W, 3) uint8 RGB to `supervision.Detections` with masks, as in
    `lambda image: sv.Detections.from_transformers(model(image))`. `names`: the model's own class numbers to names;
    without them the numbers count as the engine's. `coarse`: whether its masks have a lower resolution than the images,
    so that they are refined along the picture's edges.
    """

    def __init__(
        self, predict: Callable[[NDArray[np.uint8]], Any], names: Mapping[int, str] | None = None, coarse: bool = False
    ) -> None:
        self.predict, self.coarse = predict, coarse
        every = dict(names or {})
        self.own = engine_ids(every)
        self.names = {ours: every[number] for number, ours in self.own.items() if class_name(ours) != every[number]}

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, of these classes (all where there are none)."""
        found = []
        for image in images:
            each = from_supervision(self.predict(image), (image.shape[0], image.shape[1]))
            own = np.array([self.own.get(number, number) for number in each.classes.tolist()], np.int64)
            each = replace(each, classes=own)
            found.append(each.take(np.flatnonzero(np.isin(own, classes))) if classes else each)
        return found
