"""Mask R-CNN of torchvision (He et al., ICCV 2017): images in, detections with masks in the images' resolution out.

The network gives each object a mask of 28 x 28. torchvision enlarges it to an array as large as the image for each
object; here it is enlarged inside the object's box only, as bilinear interpolation is a matrix for each axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import engine_ids
from mots.errors import FormatError, InputError
from mots.models.checkpoints import fill, load_weights
from mots.models.runtimes.torch_runtime import chosen_device, import_torch
from mots.models.torchvision_operators import torchvision_models
from mots.models.weights import find
from mots.models.yolov8_seg import DetectorSettings, check_settings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["OFFICIAL_WEIGHTS", "MaskRCNN"]

OFFICIAL_WEIGHTS = "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"
UNUSED = "N/A"  # of torchvision's 91 numbers, those that COCO does not use
INSIDE = 0.5  # a pixel of at least this value belongs to the object, as in torchvision


class MaskRCNN:
    """A loaded detector. `names`: the classes of the weights, the engine's id to a name.

    Weights: a state dict of `maskrcnn_resnet50_fpn` or `maskrcnn_resnet50_fpn_v2`, of any number of classes; a file
    {"model": state dict, "names": [name of class 1, ...]} names them, otherwise 90 classes are COCO's. Of the settings,
    `imgsz` is the longer side of the input (the official weights were trained at up to 1333). Raises InputError for
    weights that are not found, FormatError for ones that do not fit.
    """

    coarse = False  # its masks have no bias that the refinement along edges would mend

    def __init__(self, settings: DetectorSettings | str | Path | None = None) -> None:
        if isinstance(settings, (str, Path)):
            settings = DetectorSettings(weights=str(settings))
        self.settings = settings or DetectorSettings(weights=OFFICIAL_WEIGHTS)
        check_settings(self.settings)
        self.path = find(self.settings.weights)
        self.torch = import_torch("running Mask R-CNN")
        self.device = self.torch.device(chosen_device(self.settings.device))
        model, own_names = loaded(self.path, self.settings)
        self.module = model.to(self.device).eval()
        self.classes = engine_ids(own_names)
        self.names = {ours: own_names[theirs] for theirs, ours in self.classes.items()}

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, highest score first; of these classes, where any are given.

        Raises InputError where a GPU has too little memory for one image.
        """
        found = []
        for image in images:
            with self.torch.inference_mode():
                tensor = self.torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(self.device)
                try:
                    (output,) = self.module([tensor.float() / 255])
                except self.torch.OutOfMemoryError as error:
                    raise InputError(
                        f"{self.device} has no memory left for one image: take a smaller imgsz, or the device cpu",
                        parameters=("imgsz", "device"),
                    ) from error
                arrays = {name: value.cpu().numpy() for name, value in output.items()}
            found.append(self.detections(arrays, (image.shape[0], image.shape[1]), classes))
        return found

    def detections(
        self, output: Mapping[str, NDArray[Any]], size: tuple[int, int], classes: Sequence[int]
    ) -> Detections:
        """The detections of an image of (height, width) from the network's `boxes` (N, 4), `scores`, `labels` and
        `masks` (N, 1, h, w)."""
        known = np.array([self.classes.get(int(label), -1) for label in output["labels"]], np.int64)
        wanted = np.flatnonzero((known >= 0) & (np.isin(known, classes) if classes else True))
        limit = np.array([size[1], size[0]] * 2, np.float32)
        boxes = np.clip(output["boxes"][wanted], 0, limit).astype(np.float32)
        corners, crops = [], []
        for box, mask in zip(boxes.astype(np.float64), output["masks"][wanted, 0], strict=True):
            corner, crop = pasted(mask, box)
            corners.append(corner)
            crops.append(crop)
        masks = Masks.from_crops(size, corners, crops)
        full = np.flatnonzero(masks.boxes[:, 2] > 0)
        return Detections.from_masks(masks, output["scores"][wanted], known[wanted], boxes).take(full)


def pasted(mask: NDArray[np.float32], box: NDArray[np.float64]) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The corner x y and the pixels of a mask (h, w) from 0 to 1 that fills a box (4,)."""
    low, high = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
    across = interpolation(low[0], high[0], box[0], box[2], mask.shape[1])
    along = interpolation(low[1], high[1], box[1], box[3], mask.shape[0])
    return (int(low[0]), int(low[1])), along @ mask @ across.T >= INSIDE


def interpolation(first: int, last: int, begin: float, end: float, count: int) -> NDArray[np.float64]:
    """(last - first, count) by which `count` values, spread from `begin` to `end`, become those at the centres of the
    pixels from `first` to before `last`; beyond them there are zeros."""
    places = (np.arange(first, max(last, first)) + 0.5 - begin) / max(end - begin, 1e-6) * count - 0.5
    return np.asarray(np.maximum(1.0 - np.abs(places[:, None] - np.arange(count)), 0.0))


def loaded(path: Path, settings: DetectorSettings) -> tuple[Any, dict[int, str]]:
    """The network with the weights of a file, and its class names by torchvision's numbers."""
    purpose = "running Mask R-CNN"
    detection, coco = torchvision_models("detection", purpose), torchvision_models("_meta", purpose)._COCO_CATEGORIES
    content = load_weights(path)
    state = content.get("model", content)
    predictor = state.get("roi_heads.box_predictor.cls_score.bias") if isinstance(state, dict) else None
    if predictor is None:
        raise FormatError(f"{path}: no weights of torchvision's Mask R-CNN: they lack its box predictor")
    count = len(predictor)
    names = class_names(content.get("names"), count, list(coco), path)
    second = "roi_heads.box_head.0.0.weight" in state  # the second version's box head has convolutions
    build = detection.maskrcnn_resnet50_fpn_v2 if second else detection.maskrcnn_resnet50_fpn
    model = build(
        weights=None,
        weights_backbone=None,
        num_classes=count,
        min_size=settings.imgsz,
        max_size=settings.imgsz,
        box_score_thresh=settings.conf,
        box_nms_thresh=settings.nms_iou,
        box_detections_per_img=settings.max_detections,
    )
    fill(model, state, path, build.__name__)
    model.transform.postprocess = boxes_in_image
    return model, names


def class_names(given: Any, count: int, coco: list[str], path: Path) -> dict[int, str]:
    """The names of `count` classes, the background among them, by number. Raises FormatError for other than so many."""
    if given is not None:
        listed = (
            [str(given[key]) for key in sorted(given)] if isinstance(given, dict) else [str(each) for each in given]
        )
        if len(listed) != count - 1:
            raise FormatError(f"{path}: {len(listed)} names for {count - 1} classes")
        return dict(enumerate(listed, start=1))
    if count == len(coco):
        return {number: name for number, name in enumerate(coco) if number and name != UNUSED}
    return {number: f"class {number}" for number in range(1, count)}


def boxes_in_image(result: list[dict[str, Any]], inputs: Sequence[Any], sizes: Sequence[Any]) -> list[dict[str, Any]]:
    """In place of torchvision's last step: boxes in the image's pixels, masks as the network gives them."""
    for each, (tall, wide), (height, width) in zip(result, inputs, sizes, strict=True):
        scale = each["boxes"].new_tensor([width / wide, height / tall] * 2)
        each["boxes"] = each["boxes"] * scale
    return result
