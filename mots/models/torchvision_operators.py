"""Importing torchvision where its compiled part does not fit the installed torch.

With a CPU build of torch and PyPI's torchvision (a CUDA build) `import torchvision` fails with "operator
torchvision::nms does not exist". Then the operators that the engine's networks need are computed without it.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mots.models.outputs.suppression import suppressed
from mots.optional import missing

if TYPE_CHECKING:
    import torch

__all__ = ["import_torchvision", "torchvision_models"]

libraries: list[Any] = []  # hold the declared operators; they must outlive the import


def import_torchvision() -> None:
    """Import torchvision; where its compiled operators are missing, declare those that it registers by name first.

    `nms` and `roi_align` get kernels of the engine's own; `qnms`, the form for quantised boxes, only a declaration:
    calling it fails.

    Raises ImportError when torchvision is not installed.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        declare_operators()
        importlib.import_module("torchvision")
        # Its Python functions check this before each call; other operators still fail, by their own names.
        for module in ("torchvision.extension", "torchvision.ops.roi_align"):
            sys.modules[module]._has_ops = lambda: True  # type: ignore[attr-defined]


def torchvision_models(kind: str, purpose: str) -> Any:
    """The module `torchvision.models.<kind>`. Raises MissingDependency, which says for what `purpose`."""
    try:
        import_torchvision()
        return importlib.import_module(f"torchvision.models.{kind}")
    except ImportError as error:
        raise missing("torchvision", purpose, extra="models") from error


def declare_operators() -> None:
    """Declare torchvision::nms and roi_align, with kernels for every device, and torchvision::qnms."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
        "int sampling_ratio, bool aligned) -> Tensor"
    )
    library.impl("nms", nms, "CompositeExplicitAutograd")
    library.impl("roi_align", roi_align, "CompositeImplicitAutograd")
    libraries.append(library)


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """(K,) int64 rows of boxes (N, 4) x1 y1 x2 y2 that no better-scored kept box overlaps by more than the limit."""
    import torch

    order = scores.argsort(descending=True, stable=True)
    best_first = boxes[order].detach().float().cpu().numpy()
    kept = suppressed(best_first, np.zeros(len(best_first), np.int64), iou_threshold, len(best_first))
    return order[torch.from_numpy(kept).to(order.device)]


ROIS_AT_ONCE = 128  # regions that are pooled together; it only limits the memory


def roi_align(
    features: torch.Tensor,
    rois: torch.Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> torch.Tensor:
    """(K, C, pooled_height, pooled_width) means of bilinear samples of features (B, C, H, W) in regions (K, 5), each
    its image and x1 y1 x2 y2 (RoIAlign; He et al.: Mask R-CNN, ICCV 2017, section 3).

    Without a `sampling_ratio` a bin has as many samples as its side has pixels, at most 4 (torchvision has no limit).
    """
    import torch

    height, width = features.shape[2:]
    parts = []
    for begin in range(0, len(rois), ROIS_AT_ONCE):
        some = rois[begin : begin + ROIS_AT_ONCE]
        corners = some[:, 1:] * spatial_scale - (0.5 if aligned else 0.0)
        sides = corners[:, 2:] - corners[:, :2]
        if not aligned:
            sides = sides.clamp(min=1.0)
        grids = []
        for axis, (pooled, length) in enumerate(((pooled_width, width), (pooled_height, height))):
            longest = float(sides[:, axis].max()) / pooled
            samples = sampling_ratio if sampling_ratio > 0 else min(max(-int(-longest // 1), 1), 4)
            steps = (torch.arange(pooled * samples, device=rois.device) + 0.5) / (pooled * samples)
            places = corners[:, axis, None] + sides[:, axis, None] * steps
            grids.append((places, (places >= -1) & (places <= length), samples))
        (x, x_inside, across), (y, y_inside, along) = grids
        grid = torch.stack(
            torch.broadcast_tensors(
                2 * x.clamp(0, width - 1)[:, None, :] / max(width - 1, 1) - 1,
                2 * y.clamp(0, height - 1)[:, :, None] / max(height - 1, 1) - 1,
            ),
            dim=-1,
        )
        inside = (y_inside[:, :, None] & x_inside[:, None, :]).to(features.dtype)
        pooled_parts = features.new_zeros(len(some), features.shape[1], pooled_height, pooled_width)
        for image in range(len(features)):
            own = some[:, 0] == image
            if not own.any():
                continue
            chosen = grid[own].to(features.dtype)
            count, tall, wide = chosen.shape[:3]
            sampled = torch.nn.functional.grid_sample(
                features[image : image + 1], chosen.reshape(1, count * tall, wide, 2), align_corners=True
            ).reshape(features.shape[1], count, tall, wide)
            sampled = (sampled * inside[own]).transpose(0, 1)
            pooled_parts[own] = torch.nn.functional.avg_pool2d(sampled, (along, across))
        parts.append(pooled_parts)
    return torch.cat(parts) if parts else features.new_zeros(0, features.shape[1], pooled_height, pooled_width)
