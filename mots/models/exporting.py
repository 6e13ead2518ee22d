"""Exports by hand: of weights by name, for frames of a size, into a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.files import check_target, new_folder
from mots.models import weights
from mots.models.runtimes import exports
from mots.models.runtimes.exports import BACKENDS, Agreement
from mots.models.yolov8_seg import input_size

__all__ = ["export"]

ENDINGS = frozenset((".xml", ".bin", ".onnx", ".engine", ".yaml"))  # of the files of an export


def export(
    name: str | Path,
    backend: str = "openvino",
    size: tuple[int, int] | None = None,
    imgsz: int = 640,
    folder: str | Path | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> tuple[Path, Agreement]:
    """Export `.pt` weights for frames of `size` (height, width), or for a square input; the file and how it agrees.

    `imgsz`: the longer side of the network's input. `folder`: where the files go; without it they are kept in the
    user's cache, where `--backend` finds them. Raises InputError where an export does not agree with torch (boxes
    within 1 pixel, masks with an IoU of 0.98), where files are there, for unknown weights and backends,
    MissingDependency and FormatError.
    """
    if backend not in BACKENDS:
        raise InputError(f"a backend '{backend}': wanted one of {', '.join(BACKENDS)}", parameters=("backend",))
    path = weights.find(name)
    shape = input_size(size or (imgsz, imgsz), imgsz)
    picture = probe(shape)
    if folder is None:
        found = None if overwrite else exports.cached(path, backend, shape)
        found = found or exports.made(path, backend, picture, device)
        result, agreed = found.path, found.agreement
    else:
        folder = Path(folder)
        target = folder / f"{path.stem}{BACKENDS[backend][1]}"
        check_target(target, overwrite, [path])
        with new_folder(folder, ENDINGS) as part:
            made = exports.export_to(path, backend, shape, part, device)
            _, agreed = exports.agreement(path, made, backend, picture, device)
            result = folder / made.name
    if not agreed.holds:
        raise InputError(f"{result}: differs from torch: {agreed}")
    return result, agreed


def probe(shape: tuple[int, int]) -> NDArray[np.float32]:
    """(3, height, width) from 0 to 1: coloured boxes before a gradient, on which an export is compared with torch."""
    rng = np.random.default_rng(1)
    height, width = shape
    shades = np.linspace(0.2, 0.6, height, dtype=np.float32)[:, None] + np.linspace(0, 0.2, width, dtype=np.float32)
    picture = np.repeat(shades[None], 3, axis=0)
    for _ in range(40):
        y, x = rng.integers(0, height), rng.integers(0, width)
        tall, wide = rng.integers(8, max(height // 3, 9)), rng.integers(8, max(width // 5, 9))
        picture[:, y : y + tall, x : x + wide] = rng.random((3, 1, 1))
    return picture
