import subprocess
import sys

import numpy as np
import pytest

from mots.models import torchvision_operators
from mots.models.outputs.suppression import suppressed


def one_by_one(boxes: np.ndarray, limit: float) -> list[int]:
    """Rows of boxes, best first, that overlap no kept one by more than the limit: by the definition."""
    kept: list[int] = []
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        for k in kept:
            u1, v1, u2, v2 = boxes[k].tolist()
            common = max(min(x2, u2) - max(x1, u1), 0) * max(min(y2, v2) - max(y1, v1), 0)
            if common / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - common) > limit:
                break
        else:
            kept.append(i)
    return kept


def test_torchvision_can_be_imported_and_suppresses_duplicates(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="the models extra is not installed")
    torchvision_operators.import_torchvision()
    import torchvision

    corners = rng.uniform(0, 50, (80, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (80, 2))], axis=1).astype(np.float32)
    scores = np.sort(rng.random(80).astype(np.float32))[::-1].copy()
    given = torch.from_numpy(boxes), torch.from_numpy(scores)
    wanted = one_by_one(boxes, 0.5)
    assert 20 < len(wanted) < 80
    assert suppressed(boxes, np.zeros(80, np.int64), 0.5, 80).tolist() == wanted
    assert torchvision.ops.nms(*given, 0.5).tolist() == wanted
    assert torchvision_operators.nms(*given, 0.5).tolist() == wanted
    assert torchvision_operators.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


def test_importing_twice_does_no_harm() -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    code = "from mots.models.torchvision_operators import import_torchvision as i; i(); i(); import torchvision.ops"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
