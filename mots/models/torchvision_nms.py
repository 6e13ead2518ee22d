"""Importing torchvision where its compiled part does not fit the installed torch.

With a CPU build of torch and PyPI's torchvision (a CUDA build) `import torchvision` fails with "operator
torchvision::nms does not exist". The engine does not use torchvision, but torchreid and parts of ultralytics import it.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["import_torchvision"]

libraries: list[Any] = []  # hold the declared operators; they must outlive the import


def import_torchvision() -> None:
    """Import torchvision; where its compiled operators are missing, declare those that it registers by name first.

    `nms` gets a kernel in plain torch; `qnms`, its form for quantised boxes, only a declaration: calling it fails.

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
        # Its Python functions check this before each call; operators other than nms still fail, by their own names.
        sys.modules["torchvision.extension"]._has_ops = lambda: True  # type: ignore[attr-defined]


def declare_operators() -> None:
    """Declare torchvision::nms, with a kernel for every device, and torchvision::qnms."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", nms, "CompositeExplicitAutograd")
    libraries.append(library)


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """(K,) int64 rows of boxes (N, 4) x1 y1 x2 y2 that no better-scored kept box overlaps by more than the limit."""
    import torch

    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    alive = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    for i in range(len(boxes)):
        if not alive[i]:
            continue
        low = torch.maximum(boxes[i, :2], boxes[i + 1 :, :2])
        high = torch.minimum(boxes[i, 2:], boxes[i + 1 :, 2:])
        common = (high - low).clamp(min=0).prod(dim=1)
        iou = common / (areas[i] + areas[i + 1 :] - common)
        alive[i + 1 :] &= ~(iou > iou_threshold)
    return order[alive]
