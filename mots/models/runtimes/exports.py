"""Exports of a checkpoint to another runtime: made once by Ultralytics, checked against torch, and kept.

An export is a folder `exports/<weights' sha256>/<backend>-<height>x<width>` in the user's cache: the export itself and
`export.json`, which says by which versions it was made, what its files' sha256 are, and whether its answers agreed with
torch's.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.files import sha256_of, take_place
from mots.models.outputs.predictions import is_end_to_end
from mots.models.runtimes.openvino_runtime import import_openvino
from mots.models.runtimes.torch_runtime import import_torch, kept_threads
from mots.models.weights import cache_folder
from mots.optional import optional_import

__all__ = ["BACKENDS", "Agreement", "Export", "agreement", "cached", "export_to", "made", "names_of"]

LAYOUT = 1  # of the folder; another one is made anew
TABLE = "export.json"
# By the backend's name: Ultralytics' name of the format, the ending of the file, the package that runs it, our extra.
BACKENDS: dict[str, tuple[str, str, str, str]] = {
    "openvino": ("openvino", ".xml", "openvino", "fast"),
    "onnxruntime": ("onnx", ".onnx", "onnxruntime", "onnx"),
    "tensorrt": ("engine", ".engine", "tensorrt", "models"),
}
# What an export must reach against torch on the same picture, for the anchors of the highest scores.
MOST_PIXELS = 1.0  # that a box's side may differ by
LEAST_IOU = 0.98  # of masks, in the mean
COMPARED = 50  # anchors


@dataclass(frozen=True)
class Agreement:
    """How an export's answer differs from torch's: the largest difference of a box's side in the input's pixels, and
    the mean IoU of masks."""

    pixels: float
    iou: float

    @property
    def holds(self) -> bool:
        return self.pixels <= MOST_PIXELS and self.iou >= LEAST_IOU

    def __str__(self) -> str:
        return f"boxes within {self.pixels:.2g} pixels, mask IoU {self.iou:.4f}"


@dataclass(frozen=True)
class Export:
    """A checked export: the file that a runtime loads, the checkpoint's class names, and how it agreed with torch."""

    path: Path
    names: Mapping[int, str]
    agreement: Agreement


def folder_of(weights: Path, backend: str, shape: tuple[int, int]) -> Path:
    """Where the export of these weights for inputs of (height, width) is kept."""
    state = weights.stat()
    digest = digest_of(weights, state.st_size, state.st_mtime_ns)
    return cache_folder() / "exports" / digest[:32] / f"{backend}-{shape[0]}x{shape[1]}"


@functools.lru_cache(maxsize=16)
def digest_of(weights: Path, size: int, changed: int) -> str:
    """The sha256 of weights of this size and time; several questions about one export read them once."""
    return sha256_of(weights)


def cached(weights: Path, backend: str, shape: tuple[int, int]) -> Export | None:
    """The export that is kept; None where there is none, or one that is damaged or of other versions."""
    folder = folder_of(weights, backend, shape)
    try:
        table = json.loads((folder / TABLE).read_text("utf-8"))
        if table["layout"] != LAYOUT or table["versions"] != versions(backend):
            return None
        if not table["sha256"] or any(sha256_of(folder / name) != own for name, own in table["sha256"].items()):
            return None
        names = {int(number): str(name) for number, name in table["names"].items()}
        return Export(
            folder / str(table["file"]), names, Agreement(float(table["pixels"]), float(table["iou"])),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def names_of(weights: Path, backend: str) -> Mapping[int, str] | None:
    """The class names of these weights, from an export of any size that is kept; None where there is none."""
    for folder in sorted(folder_of(weights, backend, (0, 0)).parent.glob(f"{backend}-*x*")):
        high, _, wide = folder.name.rpartition("-")[2].partition("x")
        if high.isdecimal() and wide.isdecimal():
            found = cached(weights, backend, (int(high), int(wide)))
            if found is not None:
                return found.names
    return None


def made(weights: Path, backend: str, picture: NDArray[np.float32], device: str = "cpu") -> Export:
    """A new export for inputs of the size of `picture` (3, height, width) from 0 to 1, which takes the place of an old
    one.

    `picture` is what its answers are compared with torch's on; whether they agree is in the result. Raises
    MissingDependency where a package is missing, FormatError where Ultralytics cannot export, OSError where the cache
    cannot be written.
    """
    shape = (picture.shape[1], picture.shape[2])
    folder = folder_of(weights, backend, shape)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        path = export_to(weights, backend, shape, part, device)
        names, agreed = agreement(weights, path, backend, picture, device)
        table = {
            "layout": LAYOUT,
            "weights": weights.name,
            "file": path.name,
            "versions": versions(backend),
            "sha256": {each.name: sha256_of(each) for each in sorted(part.iterdir()) if each.is_file()},
            "names": names,
            "pixels": agreed.pixels,
            "iou": agreed.iou,
        }
        (part / TABLE).write_text(json.dumps(table, indent=1), "utf-8")
        take_place(part, folder)
        found = cached(weights, backend, shape)
        if found is None:
            raise OSError(f"{folder} cannot be written")
        return found
    finally:
        shutil.rmtree(part, ignore_errors=True)


def export_to(weights: Path, backend: str, shape: tuple[int, int], folder: Path, device: str = "cpu") -> Path:
    """Export a `.pt` into a folder, for inputs of (height, width); the file that a runtime loads."""
    kind, ending, package, extra = BACKENDS[backend]
    purpose = f"running exports with {backend}"
    if backend == "openvino":
        import_openvino(purpose)
    else:
        optional_import(package, purpose, extra=extra)
    if weights.suffix != ".pt":
        raise InputError(f"{weights}: only .pt weights can be exported")
    from mots.models.checkpoints import load_segmentation
    from mots.models.torchvision_operators import import_torchvision

    load_segmentation(weights)  # refuses what is no segmentation network, and sets Ultralytics up
    import_torchvision()
    from ultralytics import YOLO

    torch = import_torch("exporting weights")
    # That tracing is deprecated is Ultralytics' matter; what it may have missed shows when the answers are compared.
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    warnings.filterwarnings("ignore", "`?torch.jit", DeprecationWarning)
    log = logging.getLogger("ultralytics")
    level = log.level
    log.setLevel(logging.CRITICAL)
    # Ultralytics writes beside the weights: they get a place of their own.
    with tempfile.TemporaryDirectory() as own:
        copy = Path(own) / weights.name
        shutil.copyfile(weights, copy)
        try:
            with kept_threads(torch):
                answer = YOLO(str(copy), task="segment").export(
                    format=kind, imgsz=list(shape), device=device, dynamic=False, verbose=False
                )
        except Exception as error:  # an exporter can raise anything
            raise FormatError(f"{weights}: Ultralytics cannot export it for {backend} ({error})") from error
        finally:
            log.setLevel(level)
        result = Path(str(answer))
        files = [each for each in result.iterdir() if each.is_file()] if result.is_dir() else [result]
        for each in files:
            shutil.move(str(each), folder / each.name)
    found = [folder / each.name for each in files if each.suffix == ending]
    if len(found) != 1:
        raise FormatError(f"{weights}: the export for {backend} has no {ending} file")
    return found[0]


def agreement(
    weights: Path, path: Path, backend: str, picture: NDArray[np.float32], device: str = "cpu"
) -> tuple[dict[int, str], Agreement]:
    """The checkpoint's class names, and how the export's answer for a picture (3, height, width) differs from torch's
    in the boxes and masks of the anchors that torch scores highest."""
    from mots.models.checkpoints import load_segmentation
    from mots.models.runtimes.choice import runtime_of
    from mots.models.runtimes.torch_runtime import TorchRuntime

    model = load_segmentation(weights)
    names = {int(number): str(name) for number, name in model.names.items()}
    ours = TorchRuntime(model.fuse(), "cpu")(picture[None])
    theirs = runtime_of(path, backend, device)(picture[None])
    return names, compared([each[0] for each in ours], [each[0] for each in theirs], len(names))


def compared(ours: Sequence[NDArray[np.float32]], theirs: Sequence[NDArray[np.float32]], classes: int) -> Agreement:
    """How two answers of a network, predictions and prototypes, differ."""
    if [each.shape for each in ours] != [each.shape for each in theirs]:
        return Agreement(float("inf"), 0.0)
    (one, planes), (two, other_planes) = ours, theirs
    count = len(planes)
    if is_end_to_end(one.shape, classes, count):  # (A, 6 + nm): corner boxes, score, class
        best = np.argsort(-one[:, 4], kind="stable")[:COMPARED]
        boxes, other_boxes = one[best, :4], two[best, :4]
        factors, other_factors = one[best, 6:], two[best, 6:]
    else:
        best = np.argsort(-one[4 : 4 + classes].max(axis=0), kind="stable")[:COMPARED]
        boxes, other_boxes = corners(one[:4, best].T), corners(two[:4, best].T)
        factors, other_factors = one[4 + classes :, best].T, two[4 + classes :, best].T
    ious = []
    for k in range(len(best)):
        x1, y1, x2, y2 = np.clip(boxes[k] / 4, 0, planes.shape[2]).astype(int).tolist()  # four pixels a prototype
        place = (slice(None), slice(y1, y2 + 1), slice(x1, x2 + 1))
        mask = np.tensordot(factors[k], planes[place], axes=1) > 0
        other = np.tensordot(other_factors[k], other_planes[place], axes=1) > 0
        union = int((mask | other).sum())
        ious.append(1.0 if union == 0 else float((mask & other).sum()) / union)
    return Agreement(float(np.abs(boxes - other_boxes).max()), float(np.mean(ious)))


def corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 4) x1 y1 x2 y2 of centre x, centre y, width, height."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def versions(backend: str) -> dict[str, str]:
    """The versions of the packages on which an export depends."""
    found = {}
    for name in ("ultralytics", BACKENDS[backend][2]):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
