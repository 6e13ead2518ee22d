"""ReID networks: one embedding of each detection, by which a person is known again after an occlusion.

OSNet and its kin from torchreid (`.pth`, `.pt`), or any export of a network from crops to features (`.onnx`).
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError
from mots.models.weights import find
from mots.trackers.detections import Detections

__all__ = ["ReID", "ReIDSettings"]

# ImageNet's mean and standard deviation of red, green and blue, with which these networks are trained.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
SIZE = (256, 128)  # height and width of a person's crop, where the network does not fix them itself


@dataclass(frozen=True)
class ReIDSettings:
    """Which network, and how it sees a detection."""

    weights: str = "colours"  # a network's path or name; "colours": no network; "off": no appearance at all
    colour_share: float = 0.5  # of a network's embedding joined with the colours': the colours' part
    blank_background: bool = False  # paint what is outside the mask in the mean colour
    device: str = "auto"
    batch: int = 32  # crops that go through the network at once


class Network(Protocol):
    size: tuple[int, int]  # height and width of the crops
    dimension: int  # D

    def __call__(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, D) features of crops (B, 3, height, width)."""
        ...


class ReID:
    """Embeds detections by a network (`settings.weights`).

    Raises MotsError for weights that are not there or do not fit.
    """

    def __init__(self, settings: ReIDSettings | None = None) -> None:
        self.settings = settings or ReIDSettings()
        path = find(self.settings.weights)
        self.network: Network
        if path.suffix == ".onnx":
            self.network = OnnxNetwork(path)
        else:
            self.network = TorchNetwork(path, self.settings.device)

    def embed(self, image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
        """(N, D) float32 embeddings of unit length of the detections in an image (H, W, 3) uint8 RGB."""
        crops = [self.crop(image, detections, i) for i in range(len(detections))]
        parts = [
            self.network(np.stack(crops[i : i + self.settings.batch]))
            for i in range(0, max(len(crops), 1), self.settings.batch)
            if crops
        ]
        if not parts:
            return np.zeros((0, self.network.dimension), np.float32)
        features = np.concatenate(parts).astype(np.float32)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        return np.asarray(features / np.maximum(lengths, 1e-12), np.float32)

    def crop(self, image: NDArray[np.uint8], detections: Detections, i: int) -> NDArray[np.float32]:
        """(3, height, width) of one detection's box, normalised as the network wants it."""
        from PIL import Image

        height, width = image.shape[:2]
        x1, y1 = np.floor(detections.boxes[i, :2]).astype(int).tolist()
        x2, y2 = np.ceil(detections.boxes[i, 2:]).astype(int).tolist()
        x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        x2, y2 = max(min(x2, width), x1 + 1), max(min(y2, height), y1 + 1)
        part = image[y1:y2, x1:x2]
        if self.settings.blank_background:
            inside = np.zeros(part.shape[:2], np.bool_)
            mx1, my1, mx2, my2 = detections.masks.boxes[i].tolist()
            cx1, cy1, cx2, cy2 = max(mx1, x1), max(my1, y1), min(mx2, x2), min(my2, y2)
            if cx2 > cx1 and cy2 > cy1:
                mask = detections.masks.crop(i)
                inside[cy1 - y1 : cy2 - y1, cx1 - x1 : cx2 - x1] = mask[cy1 - my1 : cy2 - my1, cx1 - mx1 : cx2 - mx1]
            part = np.where(inside[:, :, None], part, np.rint(255 * MEAN).astype(np.uint8))
        tall, wide = self.network.size
        resized = np.asarray(Image.fromarray(part).resize((wide, tall), Image.Resampling.BILINEAR), np.float32)
        return np.asarray(((resized / 255 - MEAN) / DEVIATION).transpose(2, 0, 1), np.float32)


class TorchNetwork:
    """A torchreid model with weights from a file, loaded weights-only."""

    def __init__(self, path: Path, device: str) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads would keep both cores busy
        try:
            import torch

            from mots.models.torchvision_nms import import_torchvision

            import_torchvision()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torchreid asks for a compiled part that only its evaluation uses
                from torchreid.reid import models
        except ImportError as error:
            raise MotsError(
                f"ReID by {path.name} needs torch and torchreid: pip install 'mots-engine[models]'"
            ) from error
        from mots.models.yolov8_seg import chosen_device

        self.torch, self.size = torch, SIZE
        self.device = torch.device(chosen_device(device))
        factory = vars(models)["__model_factory"]  # within a class its plain name would be mangled
        known = [name for name in factory if path.name.startswith(name)]
        if not known:
            raise MotsError(
                f"{path}: no architecture of torchreid begins this name: wanted such as osnet_x0_25_....pth"
            )
        try:
            with torch.serialization.safe_globals(numbers()):
                weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged or foreign file raises
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise MotsError(f"{path}: not weights that can be loaded safely ({said[0][:200]})") from error
        weights = weights.get("state_dict", weights) if isinstance(weights, dict) else {}
        weights = {name.removeprefix("module."): value for name, value in weights.items()}
        self.model = models.build_model(max(known, key=len), num_classes=1, pretrained=False)
        wanted = self.model.state_dict()
        needed = [name for name in wanted if not name.startswith("classifier")]  # which only training uses
        wrong = [name for name in needed if name not in weights or weights[name].shape != wanted[name].shape]
        if wrong:
            raise MotsError(
                f"{path}: no weights of {max(known, key=len)}: '{wrong[0]}' is missing or has another shape"
            )
        self.model.load_state_dict({**wanted, **{name: weights[name] for name in needed}})
        self.model.to(self.device).eval()
        self.dimension = int(self.model.feature_dim)

    def __call__(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        with self.torch.inference_mode():
            features: NDArray[np.float32] = self.model(self.torch.from_numpy(crops).to(self.device)).cpu().numpy()
        return features


def numbers() -> list[Any]:
    """What torchreid's own checkpoints hold beside weights, and what no harm can come of: numpy's scalars, by which
    they tell how good they are."""
    scalar = np.float64(0.0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)]
    return [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar"), np.dtype, *kinds]


class OnnxNetwork:
    """An `.onnx` export run by onnxruntime on the CPU."""

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MotsError("running .onnx weights needs onnxruntime: pip install 'mots-engine[onnx]'") from error
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            said = str(error).splitlines()[0][:200]
            raise MotsError(f"{path}: not an ONNX model that can be loaded ({said})") from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or len(outputs[0].shape) != 2:
            raise MotsError(f"{path}: not a ReID network: wanted one from crops (B, 3, H, W) to features (B, D)")
        self.input, shape = inputs[0].name, inputs[0].shape
        fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
        self.size = (int(shape[2]), int(shape[3])) if fixed else SIZE
        self.one_by_one = isinstance(shape[0], int)
        dimension = outputs[0].shape[1]
        blank = np.zeros((1, 3, *self.size), np.float32)
        self.dimension = dimension if isinstance(dimension, int) else self(blank).shape[1]

    def __call__(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [crops[i : i + 1] for i in range(len(crops))] if self.one_by_one else [crops]
        return np.concatenate([self.session.run(None, {self.input: part})[0] for part in parts])
