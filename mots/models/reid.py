"""ReID networks: an embedding of each detection by which an object is recognised after an occlusion.

OSNet and its relatives from torchreid (`.pth`, `.pt`), an export of any network from crops to features (`.onnx`), or a
network of the Open Model Zoo (`.xml`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError
from mots.models.runtimes.onnx_runtime import OnnxRuntime
from mots.models.runtimes.openvino_runtime import OpenVinoRuntime
from mots.models.runtimes.torch_runtime import TorchRuntime
from mots.models.weights import find
from mots.trackers.detections import Detections

__all__ = ["COLOURS", "COLOURS_TEXTURE", "OFF", "TEXTURE", "WITHOUT_NETWORK", "ReID", "ReIDSettings"]

# Values of `ReIDSettings.weights` that name no network.
COLOURS, TEXTURE, COLOURS_TEXTURE, OFF = "colours", "texture", "colours+texture", "off"
WITHOUT_NETWORK = (COLOURS, TEXTURE, COLOURS_TEXTURE, OFF)
# ImageNet's mean and standard deviation of red, green and blue, with which these networks are trained.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
SIZE = (256, 128)  # height and width of a person's crop, where the network does not fix them


@dataclass(frozen=True)
class ReIDSettings:
    """Which network describes appearance, and how it sees a detection."""

    # A network's path or name; without one "colours", "texture" (edges), "colours+texture"; "off": no appearance at all
    weights: str = "colours"
    colour_share: float = 0.5  # share of the colours in the cosine, where a network is joined with them
    blank_background: bool = False  # paint the pixels outside the mask in the mean colour
    device: str = "auto"  # cpu, cuda:0, mps; auto takes a GPU where there is one
    batch: int = 32  # crops that go through the network at once


class ReID:
    """An embedder by a network (`settings.weights`).

    Raises InputError for weights that are not found, FormatError for ones that do not fit.
    """

    def __init__(self, settings: ReIDSettings | None = None) -> None:
        self.settings = settings or ReIDSettings()
        path = find(self.settings.weights)
        self.size = SIZE
        # The Open Model Zoo's networks take blue, green, red from 0 to 255; the others what ImageNet's networks take.
        self.zoo = path.suffix == ".xml"
        self.runtime: TorchRuntime | OnnxRuntime | OpenVinoRuntime
        if path.suffix in (".onnx", ".xml"):
            self.runtime = OpenVinoRuntime(path) if self.zoo else OnnxRuntime(path)
            self.size = self.runtime.fixed_size or SIZE
            if len(self.runtime.output_shapes[0]) != 2:
                raise FormatError(f"{path}: not a ReID network: wanted one from crops (B, 3, H, W) to features (B, D)")
            length = self.runtime.output_shapes[0][1]
            self.dimension = (
                self.features(np.zeros((1, 3, *self.size), np.float32)).shape[1] if length is None else length
            )
        else:
            self.runtime, self.dimension = torch_runtime(path, self.settings.device)

    def features(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, D) of crops (B, 3, height, width)."""
        return self.runtime(crops)[0]

    def embed(self, image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
        """(N, D) float32 embeddings of unit length of the detections in an image (H, W, 3) uint8 RGB."""
        if len(detections) == 0:
            return np.zeros((0, self.dimension), np.float32)
        crops = [self.crop(image, detections, i) for i in range(len(detections))]
        batch = self.settings.batch
        parts = [self.features(np.stack(crops[i : i + batch])) for i in range(0, len(crops), batch)]
        features = np.concatenate(parts).astype(np.float32)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        return np.asarray(features / np.maximum(lengths, 1e-12), np.float32)

    def crop(self, image: NDArray[np.uint8], detections: Detections, i: int) -> NDArray[np.float32]:
        """(3, height, width) of one detection's box, normalised as the network was trained."""
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
        tall, wide = self.size
        resized = np.asarray(Image.fromarray(part).resize((wide, tall), Image.Resampling.BILINEAR), np.float32)
        if self.zoo:
            return np.ascontiguousarray(resized[:, :, ::-1].transpose(2, 0, 1))
        return np.asarray(((resized / 255 - MEAN) / DEVIATION).transpose(2, 0, 1), np.float32)


def torch_runtime(path: Path, device: str) -> tuple[TorchRuntime, int]:
    """A torchreid network on a device, and the length of its features."""
    from mots.models.checkpoints import load_torchreid

    model = load_torchreid(path)
    return TorchRuntime(model, device), int(model.feature_dim)
