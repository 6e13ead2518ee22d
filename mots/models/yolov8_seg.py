"""YOLOv8-Seg: images in, detections with masks at the images' own resolution out.

Runs any Ultralytics segmentation checkpoint: `.pt` with ultralytics and torch, `.onnx` with onnxruntime and no torch.
Both share everything around the network, which is written for arrays: letterbox, suppression of doubles, masks. A
mask's logits are linear in the prototypes and bilinear upsampling is a matrix for each axis, so each mask is enlarged
inside its own box alone, and (N, H, W) never exists.
"""

from __future__ import annotations

import ast
import functools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.classes import our_ids
from mots.errors import MotsError
from mots.models import weights
from mots.optional import opencv
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["DetectorSettings", "YOLOv8Seg"]

STRIDE = 32  # input sides are multiples of the coarsest grid's step
GREY = 114  # what Ultralytics pads with
MAX_CANDIDATES = 30_000


@dataclass(frozen=True)
class DetectorSettings:
    """What the detector looks for."""

    weights: str = "yolov8n-seg.pt"  # a path, or a name that `mots.models.weights` finds
    conf: float = 0.1  # detections of at most this score are dropped; the tracker uses low ones too
    imgsz: int = 640  # longer side of the network's input, in pixels
    nms_iou: float = 0.7  # of two boxes of one class with a larger IoU, the one of lower score is dropped
    max_detections: int = 300  # the best of a frame
    device: str = "auto"  # cpu, cuda:0, mps; auto takes a GPU where there is one
    half: bool = False  # half precision (GPU only)


class Network(Protocol):
    """The part that differs between torch and onnxruntime."""

    names: dict[int, str]  # the checkpoint's classes
    fixed_size: tuple[int, int] | None  # the input's (height, width) where the file prescribes it

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Predictions and mask prototypes (B, nm, mh, mw) of images (B, 3, H, W) in 0 to 1."""
        ...


class YOLOv8Seg:
    """A loaded detector. `names` are the classes that it knows beyond COCO's: our id to name."""

    coarse = True  # its masks have a quarter of the input's resolution

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self.path = weights.find(self.settings.weights)
        check_settings(self.settings)
        self.network: Network
        if self.path.suffix == ".onnx":
            self.network = OnnxNetwork(self.path, self.settings)
        elif self.path.suffix == ".pt":
            self.network = TorchNetwork(self.path, self.settings)
        else:
            raise MotsError(f"{self.path}: weights end in .pt (ultralytics) or .onnx (onnxruntime)")
        self.classes = our_ids(self.network.names)
        self.names = {ours: self.network.names[theirs] for theirs, ours in self.classes.items()}

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """The detections of each image (H, W, 3) uint8 RGB, best score first; the images share one size.

        `classes`: our ids to keep; none keeps all. Detections whose mask is empty are dropped.
        """
        if len(images) == 0:
            return []
        height, width = images[0].shape[:2]
        inputs = self.network.fixed_size or input_size((height, width), self.settings.imgsz)
        batch = np.stack([letterbox(image, inputs) for image in images])
        predictions, prototypes = self.network(batch)
        keep = np.array([theirs for theirs, ours in self.classes.items() if not classes or ours in classes], np.int64)
        pairs = zip(predictions, prototypes, strict=True)
        return [self._decoded(found, planes, (height, width), inputs, keep) for found, planes in pairs]

    def _decoded(
        self,
        prediction: NDArray[np.float32],
        prototypes: NDArray[np.float32],
        size: tuple[int, int],
        inputs: tuple[int, int],
        keep: NDArray[np.int64],
    ) -> Detections:
        count = len(prototypes)
        rows = candidates(prediction, len(self.network.names), count, self.settings, keep)
        boxes = boxes_in_image(rows.boxes, size, inputs)
        # The network's input has four pixels for each prototype's one; so Ultralytics' own code supposes.
        across = upsampling(prototypes.shape[1:], size)
        crops = [mask_in_box(c, prototypes, box, across) for c, box in zip(rows.coefficients, boxes, strict=True)]
        masks = Masks.from_crops(size, [corner for corner, _ in crops], [crop for _, crop in crops])
        full = np.flatnonzero(masks.boxes[:, 2] > 0)
        ours = np.array([self.classes[theirs] for theirs in rows.classes.tolist()], np.int64)
        return Detections.from_masks(masks, rows.scores, ours, boxes).take(full)


def check_settings(settings: DetectorSettings) -> None:
    """Raise MotsError for a value that no detector can work with."""
    for name, value in (("conf", settings.conf), ("nms_iou", settings.nms_iou)):
        if not 0 <= value <= 1:
            raise MotsError(f"{name} is {value}: wanted a number from 0 to 1")
    if settings.imgsz < STRIDE:
        raise MotsError(f"imgsz is {settings.imgsz}: wanted at least {STRIDE} pixels")


# Into the network


def input_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """(height, width) of the input for images of `size`: the longer side `longer`, both rounded up to STRIDE."""
    longer = math.ceil(longer / STRIDE) * STRIDE
    gain = min(longer / size[0], longer / size[1])
    sides = [math.ceil(max(round(side * gain), 1) / STRIDE) * STRIDE for side in size]
    return sides[0], sides[1]


def placed(size: tuple[int, int], inputs: tuple[int, int]) -> tuple[int, int, int, int]:
    """Height and width of the scaled image inside the input, and the rows and columns of padding before it."""
    gain = min(inputs[0] / size[0], inputs[1] / size[1])
    height, width = max(round(size[0] * gain), 1), max(round(size[1] * gain), 1)
    return height, width, round((inputs[0] - height) / 2 - 0.1), round((inputs[1] - width) / 2 - 0.1)


def letterbox(image: NDArray[np.uint8], inputs: tuple[int, int]) -> NDArray[np.float32]:
    """(3, H, W) in 0 to 1: the image scaled to fit, in the middle, with grey around it."""
    cv2 = opencv("detecting needs OpenCV to scale images")
    height, width, top, left = placed((image.shape[0], image.shape[1]), inputs)
    if (height, width) != image.shape[:2]:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    canvas = np.full((3, *inputs), GREY / 255, np.float32)
    np.multiply(image.transpose(2, 0, 1), np.float32(1 / 255), out=canvas[:, top : top + height, left : left + width])
    return canvas


# Out of the network


@dataclass(frozen=True, eq=False)
class Candidates:
    """K boxes (K, 4) in the input's pixels, with scores (K,), the checkpoint's classes (K,), coefficients (K, nm)."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    coefficients: NDArray[np.float32]


def candidates(
    prediction: NDArray[np.float32], classes: int, count: int, settings: DetectorSettings, keep: NDArray[np.int64]
) -> Candidates:
    """What the network found above `conf`, doubles suppressed, best first.

    `prediction`: (4 + classes + count, A) with centre boxes, as YOLOv8 and YOLO11 answer, or (A, 6 + count) with
    corner boxes, score and class, as networks trained without suppression do.
    """
    if prediction.shape[1] == 6 + count and prediction.shape[0] != 4 + classes + count:
        found = prediction[(prediction[:, 4] > settings.conf) & np.isin(prediction[:, 5].astype(np.int64), keep)]
        found = found[np.argsort(-found[:, 4], kind="stable")][: settings.max_detections]
        return Candidates(found[:, :4], found[:, 4], found[:, 5].astype(np.int64), found[:, 6:])
    scores = prediction[4 : 4 + classes]
    above = np.flatnonzero(scores.max(axis=0) > settings.conf)
    best = scores[:, above].argmax(axis=0)
    top = scores[best, above]
    wanted = np.isin(best, keep)
    above, best, top = above[wanted], best[wanted], top[wanted]
    order = np.argsort(-top, kind="stable")[:MAX_CANDIDATES]
    above, best, top = above[order], best[order], top[order]
    centre, half = prediction[:2, above].T, prediction[2:4, above].T / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    chosen = suppressed(boxes, best, settings.nms_iou, settings.max_detections)
    return Candidates(boxes[chosen], top[chosen], best[chosen], prediction[4 + classes :, above[chosen]].T)


def suppressed(boxes: NDArray[np.float32], classes: NDArray[np.int64], limit: float, most: int) -> NDArray[np.int64]:
    """(K,) rows of boxes (N, 4), best first, that overlap no kept box of their class by more than `limit` IoU."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    rest = np.arange(len(boxes))
    kept: list[int] = []
    while rest.size and len(kept) < most:
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        low = np.maximum(boxes[rest, :2], boxes[best, :2])
        high = np.minimum(boxes[rest, 2:], boxes[best, 2:])
        common = np.maximum(high - low, 0).prod(axis=1)
        double = common > limit * (areas[rest] + areas[best] - common)
        rest = rest[~(double & (classes[rest] == classes[best]))]
    return np.array(kept, np.int64)


def boxes_in_image(boxes: NDArray[np.float32], size: tuple[int, int], inputs: tuple[int, int]) -> NDArray[np.float32]:
    """Boxes (K, 4) in the input's pixels as boxes in the image's, inside it."""
    height, width, top, left = placed(size, inputs)
    scale = np.array([size[1] / width, size[0] / height] * 2, np.float32)
    moved = (boxes - np.array([left, top] * 2, np.float32)) * scale
    limit = np.array([size[1], size[0]] * 2, np.float32)
    inside: NDArray[np.float32] = np.clip(moved, 0, limit, dtype=np.float32)
    return inside


@dataclass(frozen=True, eq=False)
class Upsampling:
    """Matrices (H, mh) and (W, mw) that take prototype rows and columns to the image's."""

    rows: NDArray[np.float32]
    columns: NDArray[np.float32]


@functools.lru_cache(maxsize=8)
def upsampling(prototypes: tuple[int, int], size: tuple[int, int]) -> Upsampling:
    """Bilinear enlargement from prototypes (mh, mw) of a letterboxed input to an image of (height, width).

    As Ultralytics' `retina_masks` does it: the prototypes are first enlarged by 1, 2 or 4, whichever lets the padding
    be cut off on whole pixels; what remains is scaled to the image.
    """
    high, wide = prototypes
    gain = min(4 * high / size[0], 4 * wide / size[1])
    padding = (4 * high - max(round(size[0] * gain), 1)) | (4 * wide - max(round(size[1] * gain), 1))
    factor = 4 // math.gcd(4, padding | padding // 2)
    enlarged = (factor * high, factor * wide)
    height, width, top, left = placed(size, enlarged)
    rows = bilinear(size[0], height) @ bilinear(enlarged[0], high)[top : top + height]
    columns = bilinear(size[1], width) @ bilinear(enlarged[1], wide)[left : left + width]
    return Upsampling(rows, columns)


def bilinear(target: int, source: int) -> NDArray[np.float32]:
    """(target, source) matrix that interpolates `source` samples at `target` places; pixels are areas, not points."""
    place = np.maximum((np.arange(target, dtype=np.float64) + 0.5) * source / target - 0.5, 0)
    low = np.minimum(place.astype(np.int64), source - 1)
    weight = place - low
    matrix = np.zeros((target, source), np.float32)
    matrix[np.arange(target), low] += (1 - weight).astype(np.float32)
    matrix[np.arange(target), np.minimum(low + 1, source - 1)] += weight.astype(np.float32)
    return matrix


def mask_in_box(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    box: NDArray[np.float32],
    across: Upsampling,
) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The x y of the box's first whole pixel, and the (h, w) mask inside the box: where the logit is above 0."""
    x1, y1, x2, y2 = np.ceil(box).astype(np.int64).tolist()
    rows, columns = across.rows[y1:y2], across.columns[x1:x2]
    if rows.size == 0 or columns.size == 0:
        return (x1, y1), np.zeros((0, 0), np.bool_)
    top, bottom = touched(rows)
    left, right = touched(columns)
    region = np.tensordot(coefficients, prototypes[:, top:bottom, left:right], axes=1)
    logits = rows[:, top:bottom] @ region @ columns[:, left:right].T
    return (x1, y1), logits > 0


def touched(matrix: NDArray[np.float32]) -> tuple[int, int]:
    """The first column that rows of an interpolation matrix use, and the one after the last."""
    return int(np.flatnonzero(matrix[0])[0]), int(np.flatnonzero(matrix[-1])[-1]) + 1


# Networks


class TorchNetwork:
    """A `.pt` checkpoint run by torch."""

    def __init__(self, path: Path, settings: DetectorSettings) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads would keep both cores busy
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        os.environ.setdefault("YOLO_VERBOSE", "false")
        try:
            import torch
        except ImportError as error:
            raise MotsError("running .pt weights needs torch: pip install 'mots-engine[models]'") from error
        self.torch = torch
        self.fixed_size: tuple[int, int] | None = None
        self.device = torch.device(chosen_device(settings.device))
        model = load_checkpoint(path)
        self.names = {int(number): str(name) for number, name in model.names.items()}
        self.half = settings.half and self.device.type == "cuda"
        self.model = model.fuse().to(self.device).eval()
        self.model = self.model.half() if self.half else self.model.float()

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with self.torch.inference_mode():
            images = self.torch.from_numpy(batch).to(self.device)
            predictions, prototypes = self.model(images.half() if self.half else images)[0]
            return predictions.float().cpu().numpy(), prototypes.float().cpu().numpy()


def chosen_device(name: str) -> str:
    """A device's name for torch. Raises MotsError where this machine has no such device."""
    import torch

    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.isdigit():
        name = f"cuda:{name}"
    kind, _, number = name.partition(":")
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(kind, False):
        usable = [device for device, usable in there.items() if usable]
        raise MotsError(f"device '{name}': torch has no such device here; it has {', '.join(usable)}")
    return name


def load_checkpoint(path: Path) -> Any:
    """The segmentation model in a checkpoint, loaded through Ultralytics' allow-list of classes.

    With ULTRALYTICS_SAFE_LOAD=0 in the environment, and only then, an unknown checkpoint is unpickled: it can run any
    code. Raises MotsError for a file that is no checkpoint, is not on the allow-list, or does not segment.
    """
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "1")
    try:
        from ultralytics.nn import tasks
    except ImportError as error:
        raise MotsError("running .pt weights needs ultralytics: pip install 'mots-engine[models]'") from error
    trusted = os.environ["ULTRALYTICS_SAFE_LOAD"].strip().lower() in ("0", "false", "no", "off")
    if not trusted and not tasks._SafeLoad.SUPPORTED:
        raise MotsError(f"{path}: this torch cannot load checkpoints through an allow-list: upgrade torch")
    try:
        checkpoint, _ = tasks.torch_safe_load(str(path), safe_only=not trusted)
        model = checkpoint.get("ema") or checkpoint["model"]
    except Exception as error:  # whatever a damaged or foreign file raises
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise MotsError(
            f"{path}: not a checkpoint that can be loaded safely ({said[0][:200]}). If you trust where it comes from, "
            "set ULTRALYTICS_SAFE_LOAD=0: it may then run any code"
        ) from error
    if not isinstance(model, tasks.SegmentationModel):
        raise MotsError(
            f"{path}: a {type(model).__name__}, not a segmentation model: wanted weights such as yolov8n-seg.pt"
        )
    return model.float()


class OnnxNetwork:
    """An `.onnx` export run by onnxruntime."""

    def __init__(self, path: Path, settings: DetectorSettings) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MotsError("running .onnx weights needs onnxruntime: pip install 'mots-engine[onnx]'") from error
        usable = onnxruntime.get_available_providers()
        wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
        kind = settings.device.partition(":")[0]
        if kind not in ("auto", *wanted) or (kind != "auto" and wanted[kind] not in usable):
            raise MotsError(f"device '{settings.device}': onnxruntime has no such device here; it has {usable}")
        providers = usable if kind == "auto" else [wanted[kind]]
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=providers)
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise MotsError(
                f"{path}: not an ONNX model that can be loaded ({str(error).splitlines()[0][:200]})"
            ) from error
        outputs = self.session.get_outputs()
        about = self.session.get_modelmeta().custom_metadata_map
        if len(outputs) != 2 or len(outputs[1].shape) != 4:
            raise MotsError(f"{path}: not a segmentation model: wanted an export such as yolov8n-seg.onnx")
        try:
            names = ast.literal_eval(about["names"])
            self.names = {int(number): str(name) for number, name in names.items()}
        except (KeyError, ValueError, SyntaxError, AttributeError) as error:
            raise MotsError(f"{path}: an export without class names: export it with Ultralytics") from error
        shape = self.session.get_inputs()[0].shape
        fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
        self.fixed_size = (int(shape[2]), int(shape[3])) if fixed else None
        self.one_by_one = isinstance(shape[0], int)

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        name = self.session.get_inputs()[0].name
        parts = [batch[i : i + 1] for i in range(len(batch))] if self.one_by_one else [batch]
        answers = [self.session.run(None, {name: part}) for part in parts]
        return np.concatenate([a[0] for a in answers]), np.concatenate([a[1] for a in answers])
