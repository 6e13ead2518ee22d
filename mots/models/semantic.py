"""Semantic segmentation: an image in, the class of every pixel out, as Cityscapes' train ids, for KITTI-STEP's maps.

Runs Ultralytics' semantic checkpoints (`.pt`, as yolo26n-sem.pt), torchvision's DeepLabV3 and LR-ASPP (`.pth`), and any
network from images to class scores or classes as `.onnx`, such as an export of SegFormer.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import ALIASES, STEP_IDS, STEP_NAMES
from mots.errors import FormatError, InputError
from mots.models.checkpoints import fill, load_semantic, load_weights
from mots.models.outputs.mask_upsampling import placed
from mots.models.runtimes.onnx_runtime import OnnxRuntime
from mots.models.runtimes.torch_runtime import TorchRuntime, import_torch
from mots.models.torchvision_operators import torchvision_models
from mots.models.weights import find
from mots.models.yolov8_seg import STRIDE, input_size, letterbox
from mots.optional import opencv

__all__ = ["VOID", "SemanticNetwork", "SemanticSettings"]

VOID = 255
# ImageNet's mean and deviation, with which all but Ultralytics' networks are trained.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
# Pascal VOC's 21 classes, in which torchvision's published weights are trained.
VOC_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


@dataclass(frozen=True)
class SemanticSettings:
    """Which network names the class of every pixel, and how its maps are smoothed over time."""

    weights: str = ""  # a path or a name; "demo-semantic": those of the toy world; empty: no maps are made
    imgsz: int = 1024  # longer side of the network's input, in pixels; smaller images are not enlarged
    smoothing: float = 0.5  # share of the frame before, moved by optical flow, in a frame's scores
    device: str = "auto"  # cpu, cuda:0, mps; auto takes a GPU where there is one


class SemanticNetwork:
    """A loaded network. `train_ids`: (C,) of its own classes Cityscapes' train ids, 255 for those that it lacks.

    Raises InputError for weights that are not found, FormatError for ones that do not fit or whose classes are unknown.
    """

    def __init__(self, settings: SemanticSettings | str | Path) -> None:
        if isinstance(settings, (str, Path)):
            settings = SemanticSettings(str(settings))
        self.settings = settings
        self.path = find(settings.weights)
        self.cv2 = opencv("semantic segmentation")
        if settings.imgsz < STRIDE:
            raise InputError(f"imgsz is {settings.imgsz}: wanted at least {STRIDE} pixels")
        self.runtime, names, self.normalised = loaded(self.path, settings.device)
        self.train_ids = train_ids_of(names, self.path)

    def scores(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
        """(height, width, C) the share of each class in each pixel of an image (H, W, 3) uint8 RGB, at this size."""
        own = (image.shape[0], image.shape[1])
        inputs = self.runtime.fixed_size or input_size(own, min(self.settings.imgsz, max(own)))
        given = letterbox(image, inputs)
        if self.normalised:
            given = (given - MEAN) / DEVIATION
        output = self.runtime(given[None])[0][0]
        return enlarged(self.cv2, shares(output, len(self.train_ids), self.path), own, inputs, size)

    def labels(self, scores: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
        """(H, W) train ids by scores (h, w, C), at the size (height, width)."""
        if scores.shape[:2] != size:
            parts = [self.cv2.resize(scores[..., k], size[::-1]) for k in range(scores.shape[2])]
            scores = np.stack(parts, axis=2)
        return np.asarray(self.train_ids[scores.argmax(axis=2)], np.uint8)


def shares(output: NDArray[Any], count: int, path: Path) -> NDArray[np.float32]:
    """(h, w, C) shares by what a network gives: scores (C, h, w) before the softmax, or classes (h, w) or (1, h, w)."""
    if output.ndim == 3 and output.shape[0] == 1:
        output = output[0]
    if output.ndim == 2:
        return np.asarray(output[..., None].astype(np.int64) == np.arange(count), np.float32)
    if output.ndim != 3 or output.shape[0] != count:
        raise FormatError(f"{path}: gives an array {output.shape} for an image: wanted scores of {count} classes")
    raised = np.exp(output - output.max(axis=0, keepdims=True))
    return np.asarray((raised / raised.sum(axis=0, keepdims=True)).transpose(1, 2, 0), np.float32)


def enlarged(
    cv2: Any, scores: NDArray[np.float32], own: tuple[int, int], inputs: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """(height, width, C) of an image's scores (h, w, C) in the network's input, without the padding there."""
    tall, wide, top, left = placed(own, inputs)
    columns = (left + (np.arange(size[1]) + 0.5) * wide / size[1]) * scores.shape[1] / inputs[1] - 0.5
    rows = (top + (np.arange(size[0]) + 0.5) * tall / size[0]) * scores.shape[0] / inputs[0] - 0.5
    x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    parts = [
        cv2.remap(np.ascontiguousarray(scores[..., k]), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for k in range(scores.shape[2])
    ]
    return np.stack(parts, axis=2)


def train_ids_of(names: Mapping[int, str], path: Path) -> NDArray[np.uint8]:
    """(C,) train ids of classes by their names. Raises FormatError where none is known."""
    known = {ALIASES.get(name, name): number for name, number in STEP_IDS.items()}
    words = [names.get(number, "").strip().lower() for number in range(max(names, default=-1) + 1)]
    ids = np.array([known.get(ALIASES.get(word, word), VOID) for word in words], np.uint8)
    if not (ids != VOID).any():
        raise FormatError(f"{path}: none of its classes is one of Cityscapes' ({', '.join(STEP_NAMES)})")
    return ids


def loaded(path: Path, device: str) -> tuple[TorchRuntime | OnnxRuntime, Mapping[int, str], bool]:
    """What runs these weights, their class names, and whether images are normalised as ImageNet's."""
    if path.suffix == ".onnx":
        runtime = OnnxRuntime(path, device)
        given = runtime.metadata.get("names")
        shape = runtime.output_shapes[0]
        count = shape[1] if len(shape) == 4 and shape[1] is not None else len(STEP_NAMES)
        try:
            names = ast.literal_eval(given) if given else usual_names(count, path)
        except (ValueError, SyntaxError) as error:
            raise FormatError(f"{path}: its class names cannot be read ({str(given)[:60]})") from error
        return runtime, {int(number): str(name) for number, name in dict(names).items()}, given is None
    if path.suffix == ".pth":
        module, names = torchvision_module(path)
        return TorchRuntime(module, device), names, True
    if path.suffix != ".pt":
        raise InputError(f"{path}: semantic weights end in .pt (Ultralytics), .pth (torchvision) or .onnx")
    model = load_semantic(path)
    names = {int(number): str(name) for number, name in dict(model.names).items()}
    if not any(name in STEP_IDS for name in names.values()) and len(names) == len(STEP_NAMES):
        names = dict(enumerate(STEP_NAMES))
    return TorchRuntime(model, device), names, False


def usual_names(count: int, path: Path) -> dict[int, str]:
    """The names of a network that tells none, by the number of its classes. Raises FormatError for another number."""
    known: dict[int, tuple[str, ...]] = {len(STEP_NAMES): STEP_NAMES, len(VOC_NAMES): VOC_NAMES}
    if count not in known:
        raise FormatError(f"{path}: {count} classes without names: wanted Cityscapes' 19 or Pascal VOC's 21")
    return dict(enumerate(known[count]))


def torchvision_module(path: Path) -> tuple[Any, dict[int, str]]:
    """torchvision's network with the weights of a file, and its class names."""
    torch = import_torch("semantic segmentation")
    segmentation = torchvision_models("segmentation", "semantic segmentation by a .pth file")
    content = load_weights(path)
    state = content.get("model", content)
    small = "backbone.0.0.weight" in state
    last = "classifier.low_classifier.weight" if "classifier.low_classifier.weight" in state else "classifier.4.weight"
    if last not in state:
        raise FormatError(f"{path}: no weights of torchvision's DeepLabV3 or LR-ASPP")
    if "low" in last:
        build = segmentation.lraspp_mobilenet_v3_large
    elif small:
        build = segmentation.deeplabv3_mobilenet_v3_large
    else:
        deep = "backbone.layer3.22.conv1.weight" in state
        build = segmentation.deeplabv3_resnet101 if deep else segmentation.deeplabv3_resnet50
    count = len(state[last])
    model = build(weights=None, weights_backbone=None, num_classes=count)
    needed = {
        name: value for name, value in state.items() if not name.startswith("aux_classifier")
    }  # only for training
    fill(model, needed, path, build.__name__)
    given = content.get("names")
    names = dict(enumerate(given)) if isinstance(given, (list, tuple)) else usual_names(count, path)

    class Scores(torch.nn.Module):  # type: ignore[misc, name-defined]
        """The scores alone of the dictionary that the network gives."""

        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, images: Any) -> Any:
            return self.network(images)["out"]

    return Scores(), {number: str(name) for number, name in names.items()}
