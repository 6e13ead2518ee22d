"""Optical flow by RAFT (Teed, Deng, ECCV 2020) of torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError
from mots.models.checkpoints import fill, load_weights
from mots.models.runtimes.torch_runtime import chosen_device, import_torch
from mots.models.torchvision_operators import torchvision_models
from mots.models.weights import find

__all__ = ["OFFICIAL_WEIGHTS", "RaftFlow"]

OFFICIAL_WEIGHTS = "raft_small_C_T_V2-01064c6d.pth"
STEP = 8  # sides of its input are multiples of this,
LEAST = 128  # and at least so long: its coarsest correlations must have two places
UPDATES = 12  # of the flow, as torchvision has it


class RaftFlow:
    """A `Flow` by the small or the large network; which one, its weights tell.

    Raises InputError for weights that are not found, FormatError for ones that do not fit.
    """

    def __init__(self, weights: str | Path = OFFICIAL_WEIGHTS, device: str = "auto") -> None:
        path = find(weights)
        self.torch = import_torch("optical flow by RAFT")
        self.device = self.torch.device(chosen_device(device))
        self.module = loaded(path).to(self.device).eval()

    def between(self, one: NDArray[np.uint8], two: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 2) x y by which each pixel of an image (H, W, 3) uint8 RGB lies elsewhere in another one."""
        height, width = one.shape[:2]
        tall, wide = (max(-(-side // STEP) * STEP, LEAST) for side in (height, width))
        padding = ((0, tall - height), (0, wide - width), (0, 0))
        with self.torch.inference_mode():
            inputs = []
            for image in (one, two):
                padded = np.pad(image, padding, mode="edge").transpose(2, 0, 1)
                tensor = self.torch.from_numpy(np.ascontiguousarray(padded)).to(self.device)
                inputs.append(tensor[None].float() / 127.5 - 1)
            flow = self.module(*inputs, num_flow_updates=UPDATES)[-1][0].cpu().numpy()
        return np.ascontiguousarray(flow.transpose(1, 2, 0)[:height, :width], np.float32)


def loaded(path: Path) -> Any:
    """The network with the weights of a file."""
    optical_flow = torchvision_models("optical_flow", "optical flow by RAFT")
    state = load_weights(path)
    first = state.get("feature_encoder.convnormrelu.0.weight")
    if first is None:
        raise FormatError(f"{path}: no weights of torchvision's RAFT: they lack its feature encoder")
    build = optical_flow.raft_large if first.shape[0] == 64 else optical_flow.raft_small
    model = build(weights=None)
    fill(model, state, path, build.__name__)
    return model
