"""Segmenting by prompts with SAM, MobileSAM or SAM 2, through Ultralytics (Kirillov et al., ICCV 2023; Ravi et al.,
arXiv:2408.00714)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError
from mots.models.checkpoints import first_line, load_weights
from mots.models.runtimes.torch_runtime import chosen_device, import_torch, kept_threads
from mots.models.ultralytics_setup import set_up_ultralytics
from mots.models.weights import find
from mots.optional import missing

__all__ = ["Sam"]

Image = NDArray[np.uint8]
DEFAULT_SIDE = 1024  # of the network's input, as these networks are trained


class Sam:
    """A `Segmenter` by a network.

    `weights`: a path or a name that says which network it is, as sam_b.pt, mobile_sam.pt, sam2.1_t.pt. `least_iou`: a
    mask that agrees less with the guess is not taken. An image is encoded once for all of its prompts. Raises
    InputError for weights that are not found, FormatError for ones that cannot be loaded safely or do not fit.
    """

    def __init__(
        self, weights: str | Path, device: str = "auto", least_iou: float = 0.5, side: int = DEFAULT_SIDE
    ) -> None:
        path = find(weights)
        torch = import_torch("segmenting by prompts")
        set_up_ultralytics()
        try:
            from mots.models.torchvision_operators import import_torchvision

            import_torchvision()
            from ultralytics.models.sam import Predictor, SAM2Predictor
            from ultralytics.models.sam.build import sam_model_map
        except ImportError as error:
            raise missing("ultralytics", "segmenting by SAM", extra="models") from error
        if not any(path.name.endswith(name) for name in sam_model_map):
            raise FormatError(f"{path}: its name says none of the networks: {', '.join(sam_model_map)}")
        load_weights(path)  # Ultralytics would unpickle any file; this one holds numbers alone
        kind = SAM2Predictor if "sam2" in path.name else Predictor
        overrides = {
            "model": str(path),
            "imgsz": side,
            "device": chosen_device(device),
            "save": False,
            "verbose": False,
        }
        self.predictor = kind(overrides={**overrides, "conf": 0.0, "mode": "predict"})
        self.least_iou = least_iou
        self.image: Image | None = None  # the one that is encoded
        try:
            with kept_threads(torch):
                self.predictor.setup_model(model=None, verbose=False)
        except Exception as error:  # torch raises several kinds for weights of another network
            raise FormatError(f"{path}: no weights of this network ({first_line(error)})") from error

    def remember(self, image: Image, mask: NDArray[np.bool_]) -> Any:
        """Nothing: it knows what an object looks like."""
        return None

    def cut(
        self, image: Image, guess: NDArray[np.float32], others: NDArray[np.bool_], memory: Any = None
    ) -> NDArray[np.bool_]:
        """(H, W) the object in the box of a guess (H, W) from 0 to 1, without the pixels of others; the guess itself
        where the network sees another object there."""
        mask = guess >= 0.5
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows) == 0:
            return np.asarray(mask)
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        found = self.from_box(image, tuple(map(float, box))) & ~others  # type: ignore[arg-type]
        own = mask & ~others
        union = int((found | own).sum())
        agrees = union > 0 and int((found & own).sum()) >= self.least_iou * union
        return np.asarray(found if agrees else own)

    def from_box(self, image: Image, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
        """See `Segmenter.from_box`."""
        return self.asked(image, bboxes=[list(box)])

    def from_points(self, image: Image, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """See `Segmenter.from_points`."""
        return self.asked(image, points=[points.tolist()], labels=[inside.astype(int).tolist()])

    def asked(self, image: Image, **prompt: Sequence[Any]) -> NDArray[np.bool_]:
        """(H, W) the mask for one object's prompt."""
        if image is not self.image:
            self.predictor.reset_image()
            self.predictor.set_image(np.ascontiguousarray(image[:, :, ::-1]))  # Ultralytics takes BGR
            self.image = image
        (result,) = self.predictor(**prompt)
        if result.masks is None or len(result.masks.data) == 0:
            return np.zeros(image.shape[:2], np.bool_)
        return np.asarray(result.masks.data[0].cpu().numpy() > 0, np.bool_)
