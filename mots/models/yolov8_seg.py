"""YOLOv8-Seg: images in, detections with masks at the images' own resolution out.

Runs any Ultralytics segmentation checkpoint: `.pt` with torch or by an export of it, `.onnx` with onnxruntime and
`.xml` with OpenVINO, both without torch, `.engine` with TensorRT. They share everything around the network, which works
on arrays: letterbox, non-maximum suppression, masks. A mask's logits are linear in the prototypes and bilinear
upsampling is a matrix for each axis, so each mask is upsampled inside its own box only, and an array (N, H, W) never
exists.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mots.classes import engine_ids
from mots.errors import FormatError, InputError
from mots.models import weights
from mots.models.outputs.device_masks import DeviceMasks
from mots.models.outputs.mask_upsampling import masks_in_boxes, placed, upsampling
from mots.models.outputs.predictions import candidates, likely
from mots.models.runtimes import exports
from mots.models.runtimes.choice import Backend, ExportingRuntime, Runtime, chosen_backend
from mots.models.runtimes.onnx_runtime import OnnxRuntime
from mots.models.runtimes.openvino_runtime import OpenVinoRuntime
from mots.models.runtimes.tensorrt_runtime import TensorRtRuntime
from mots.models.runtimes.torch_runtime import TorchRuntime
from mots.optional import opencv
from mots.trackers.detections import Detections

__all__ = ["DetectorSettings", "YOLOv8Seg"]

STRIDE = 32  # input sides are multiples of the step of the coarsest grid
GREY = 114  # Ultralytics' padding
SCALING = "scaling images for the detector"


@dataclass(frozen=True)
class DetectorSettings:
    """What detects; and of a network which one, on which input, and what is kept."""

    weights: str = "yolov8n-seg.pt"  # a path, or a name that `mots.models.weights` finds
    conf: float = 0.1  # detections of at most this score are dropped; the tracker uses low scores too
    imgsz: int = 640  # longer side of the network's input, in pixels
    nms_iou: float = 0.7  # of two boxes of one class with a larger IoU, the one of lower score is dropped
    max_detections: int = 300  # the most detections of a frame, by score
    device: str = "auto"  # cpu, cuda:0, mps; auto takes a GPU where there is one
    backend: Backend = "auto"  # what runs a .pt; auto: OpenVINO on a CPU where it is installed, else torch
    half: bool = False  # half precision (torch on a GPU only)
    batch: int = 0  # frames that go through the network at once; 0: chosen by measuring in the first second
    kind: Literal["yolov8", "mask-rcnn", "background"] = "yolov8"  # the last: what moves before a fixed camera


class Output(NamedTuple):
    """Of one image: predictions (4 + classes + nm, A) or (A, 6 + nm), and prototypes (nm, mh, mw). From a GPU come the
    likely predictions alone, and the prototypes stay there."""

    prediction: NDArray[np.float32]
    prototypes: Any


class YOLOv8Seg:
    """A loaded detector. `names`: the classes of the checkpoint, the engine's id to a name.

    Raises InputError for weights that are not found and for settings that make no sense, FormatError for a file that
    is no segmentation network.
    """

    coarse = True  # its masks have a quarter of the input's resolution

    def __init__(self, settings: DetectorSettings | str | Path | None = None) -> None:
        if isinstance(settings, (str, Path)):
            settings = DetectorSettings(weights=str(settings))
        self.settings = settings or DetectorSettings()
        self.path = weights.find(self.settings.weights)
        check_settings(self.settings)
        self.runtime, own_names = loaded(self.path, self.settings)
        self.classes = engine_ids(own_names)
        self.names = {ours: own_names[theirs] for theirs, ours in self.classes.items()}
        self.gpu: DeviceMasks | None = None
        if isinstance(self.runtime, TorchRuntime) and self.runtime.device.type == "cuda":
            self.gpu = DeviceMasks(self.runtime.torch, self.runtime.device)

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, highest score first; the images have one size.

        `classes`: ids of `mots.classes` to keep; none keeps all. Detections with an empty mask are dropped.
        """
        outputs = self.infer([self.prepare(image) for image in images])
        return [self.finish(each, image.shape[:2], classes) for each, image in zip(outputs, images, strict=True)]

    @property
    def most_calls(self) -> int:
        """How many threads may call `infer` at the same time and gain by it."""
        return int(getattr(self.runtime, "most_at_once", 1))

    def expect_calls(self, count: int) -> None:
        """Share the cores out among so many calls of `infer` at the same time, `most_calls` at most."""
        if self.most_calls > 1:
            self.runtime.at_once = max(min(count, self.most_calls), 1)  # type: ignore[attr-defined]

    # The three steps of `detect`

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """What the network takes of an image (H, W, 3) uint8 RGB: (3, h, w) float32 from 0 to 1, or for a GPU
        (h, w, 3) uint8, which is quicker to copy there."""
        inputs = self._inputs((image.shape[0], image.shape[1]))
        return letterbox(image, inputs) if self.gpu is None else letterboxed(image, inputs)

    def infer(self, inputs: Sequence[NDArray[Any]]) -> list[Output]:
        """The network's output for each input of one size, as `prepare` gives them.

        On a CPU they go through one by one: it takes as long, and the numbers do not depend on the batch.
        """
        if self.gpu is not None:
            return self._infer_on_gpu(np.stack(inputs)) if len(inputs) else []
        at_once = len(inputs) if self.runtime.batches else 1
        outputs: list[Output] = []
        for begin in range(0, len(inputs), max(at_once, 1)):
            part = inputs[begin : begin + at_once]
            predictions, prototypes = self.runtime(part[0][None] if len(part) == 1 else np.stack(part))
            outputs += [Output(*each) for each in zip(predictions, prototypes, strict=True)]
        return outputs

    def finish(self, output: Output, size: tuple[int, int], classes: Sequence[int] = ()) -> Detections:
        """The detections of an image of (height, width); `classes` as for `detect`."""
        settings, (prediction, prototypes) = self.settings, output
        inputs = self._inputs(size)
        keep = np.array([theirs for theirs, ours in self.classes.items() if not classes or ours in classes], np.int64)
        rows = candidates(
            prediction, len(self.classes), len(prototypes), keep,
            conf=settings.conf, nms_iou=settings.nms_iou, most=settings.max_detections,
        )  # fmt: skip
        boxes = boxes_in_image(rows.boxes, size, inputs)
        if isinstance(prototypes, np.ndarray):
            # The network's input has four pixels for each one of the prototypes, as Ultralytics' own code assumes.
            across = upsampling(prototypes.shape[1:], size)
            masks = masks_in_boxes(size, rows.coefficients, prototypes, boxes, across)
        else:
            assert self.gpu is not None
            masks = self.gpu.masks_in_boxes(size, rows.coefficients, prototypes, boxes)
        full = np.flatnonzero(masks.boxes[:, 2] > 0)
        ours = np.array([self.classes[theirs] for theirs in rows.classes.tolist()], np.int64)
        return Detections.from_masks(masks, rows.scores, ours, boxes).take(full)

    def _infer_on_gpu(self, batch: NDArray[np.uint8]) -> list[Output]:
        """The outputs for a batch (B, h, w, 3): of the predictions, those that can be detections are copied to the CPU;
        the prototypes stay on the GPU."""
        assert isinstance(self.runtime, TorchRuntime)
        outputs: list[Output] = []
        for predictions, prototypes in self.runtime.portions(batch):
            columns = likely(predictions.float(), len(self.classes), prototypes.shape[1], self.settings.conf)
            outputs += [Output(*each) for each in zip(columns, prototypes, strict=True)]
        return outputs

    def _inputs(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the network's input for images of `size`."""
        return self.runtime.fixed_size or input_size(size, self.settings.imgsz)


def check_settings(settings: DetectorSettings) -> None:
    """Raise InputError for a value that no detector can use."""
    for name, value in (("conf", settings.conf), ("nms_iou", settings.nms_iou)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value}: wanted a number from 0 to 1")
    if settings.imgsz < STRIDE:
        raise InputError(f"imgsz is {settings.imgsz}: wanted at least {STRIDE} pixels")


# Into the network


def input_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """(height, width) of the input for images of `size`: the longer side `longer`, both rounded up to STRIDE."""
    longer = math.ceil(longer / STRIDE) * STRIDE
    gain = min(longer / size[0], longer / size[1])
    sides = [math.ceil(max(round(side * gain), 1) / STRIDE) * STRIDE for side in size]
    return sides[0], sides[1]


def letterbox(image: NDArray[np.uint8], inputs: tuple[int, int]) -> NDArray[np.float32]:
    """(3, H, W) in 0 to 1: the image scaled to fit, centred, with grey around it."""
    scaled, inside = fitted(image, inputs)
    canvas = np.full((3, *inputs), GREY / 255, np.float32)
    for plane, channel in zip(canvas, opencv(SCALING).split(scaled), strict=True):
        np.multiply(channel, np.float32(1 / 255), out=plane[inside])
    return canvas


def letterboxed(image: NDArray[np.uint8], inputs: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the same, as a picture."""
    scaled, inside = fitted(image, inputs)
    canvas = np.full((*inputs, 3), GREY, np.uint8)
    canvas[inside] = scaled
    return canvas


def fitted(image: NDArray[np.uint8], inputs: tuple[int, int]) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """The image scaled to fit into (height, width), and its rows and columns there."""
    height, width, top, left = placed((image.shape[0], image.shape[1]), inputs)
    if (height, width) != image.shape[:2]:
        cv2 = opencv(SCALING)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image, (slice(top, top + height), slice(left, left + width))


# Out of the network


def boxes_in_image(boxes: NDArray[np.float32], size: tuple[int, int], inputs: tuple[int, int]) -> NDArray[np.float32]:
    """Boxes (K, 4) in the input's pixels as boxes in the image's, inside it."""
    height, width, top, left = placed(size, inputs)
    scale = np.array([size[1] / width, size[0] / height] * 2, np.float32)
    moved = (boxes - np.array([left, top] * 2, np.float32)) * scale
    limit = np.array([size[1], size[0]] * 2, np.float32)
    inside: NDArray[np.float32] = np.clip(moved, 0, limit, dtype=np.float32)
    return inside


# Loading


def loaded(path: Path, settings: DetectorSettings) -> tuple[Runtime, Mapping[int, str]]:
    """What runs these weights, and their class names."""
    if path.suffix == ".pt":
        return checkpoint_runtime(path, settings)
    if path.suffix not in (".onnx", ".xml", ".engine"):
        raise InputError(f"{path}: weights end in .pt, .onnx (onnxruntime), .xml (OpenVINO) or .engine (TensorRT)")
    own = {".onnx": "onnxruntime", ".xml": "openvino", ".engine": "tensorrt"}[path.suffix]
    if settings.backend not in ("auto", own):
        raise InputError(f"{path} runs with {own}, not with {settings.backend}", parameters=("backend",))
    if path.suffix == ".engine":
        engine = TensorRtRuntime(path, settings.device)
        return engine, engine.names
    return onnx_runtime(path, settings.device) if path.suffix == ".onnx" else openvino_runtime(path, settings.device)


def checkpoint_runtime(path: Path, settings: DetectorSettings) -> tuple[Runtime, Mapping[int, str]]:
    """A `.pt` checkpoint run by the backend that the settings say, and its class names."""
    backend = chosen_backend(settings.backend, settings.device)
    if backend == "torch":
        return torch_runtime(path, settings)
    names = exports.names_of(path, backend)
    if names is None:
        from mots.models.checkpoints import load_segmentation

        names = names_in(load_segmentation(path))
    device = "cpu" if settings.device == "auto" and backend != "tensorrt" else settings.device
    asked_for = settings.backend != "auto"
    return ExportingRuntime(path, backend, device, asked_for, lambda: torch_runtime(path, settings)[0]), names


def torch_runtime(path: Path, settings: DetectorSettings) -> tuple[TorchRuntime, dict[int, str]]:
    """A `.pt` checkpoint run by torch, and its class names."""
    from mots.models.checkpoints import load_segmentation

    model = load_segmentation(path)
    return TorchRuntime(model.fuse(), settings.device, settings.half, channels_last=True), names_in(model)


def names_in(model: Any) -> dict[int, str]:
    """The class names of a checkpoint's model."""
    return {int(number): str(name) for number, name in model.names.items()}


def onnx_runtime(path: Path, device: str) -> tuple[OnnxRuntime, dict[int, str]]:
    """An `.onnx` export run by onnxruntime, and its class names."""
    runtime = OnnxRuntime(path, device)
    check_outputs(runtime, path)
    try:
        names = ast.literal_eval(runtime.metadata["names"])
        return runtime, {int(number): str(name) for number, name in names.items()}
    except (KeyError, ValueError, SyntaxError, AttributeError) as error:
        raise FormatError(f"{path}: an export without class names: export it with Ultralytics") from error


def openvino_runtime(path: Path, device: str) -> tuple[OpenVinoRuntime, dict[int, str]]:
    """An OpenVINO export, and its class names."""
    runtime = OpenVinoRuntime(path, device)
    check_outputs(runtime, path)
    if not runtime.labels:
        raise FormatError(f"{path}: an export without class names: export it with Ultralytics")
    return runtime, dict(enumerate(runtime.labels))


def check_outputs(runtime: OnnxRuntime | OpenVinoRuntime, path: Path) -> None:
    """Raise FormatError unless the outputs are those of a segmentation network: predictions and prototypes."""
    if len(runtime.output_shapes) != 2 or len(runtime.output_shapes[1]) != 4:
        raise FormatError(f"{path}: not a segmentation model: wanted an export such as yolov8n-seg{path.suffix}")
