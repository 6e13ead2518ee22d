"""Loading `.pt` and `.pth` files so that a file of unknown origin cannot run code."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mots.errors import FormatError
from mots.models.runtimes.torch_runtime import import_torch
from mots.models.ultralytics_setup import set_up_ultralytics
from mots.optional import missing

__all__ = ["fill", "first_line", "load_segmentation", "load_semantic", "load_torchreid", "load_weights"]


def load_segmentation(path: Path) -> Any:
    """The model of an Ultralytics checkpoint that segments objects; see `load_ultralytics`."""
    return load_ultralytics(
        path, "SegmentationModel", "not a segmentation model: wanted weights such as yolov8n-seg.pt"
    )


def load_semantic(path: Path) -> Any:
    """The model of an Ultralytics checkpoint that names the class of every pixel; see `load_ultralytics`."""
    wanted = "not a semantic segmentation model: wanted weights such as yolo26n-sem.pt"
    return load_ultralytics(path, "SemanticSegmentationModel", wanted)


def load_ultralytics(path: Path, kind: str, wanted: str) -> Any:
    """The model of an Ultralytics checkpoint, of this kind, loaded through Ultralytics' list of allowed classes.

    With ULTRALYTICS_SAFE_LOAD=0 in the environment, and only then, an unknown checkpoint is unpickled, which can run
    any code. Raises FormatError for a file that is no checkpoint, is not allowed, or holds another kind.
    """
    set_up_ultralytics()
    import_torch("running .pt weights")
    try:
        from ultralytics.nn import tasks
    except ImportError as error:
        raise missing("ultralytics", "running .pt weights", extra="models") from error
    trusted = os.environ["ULTRALYTICS_SAFE_LOAD"].strip().lower() in ("0", "false", "no", "off")
    if not trusted and not tasks._SafeLoad.SUPPORTED:
        raise FormatError(f"{path}: this version of torch cannot load checkpoints safely: upgrade torch")
    try:
        checkpoint, _ = tasks.torch_safe_load(str(path), safe_only=not trusted)
        model = checkpoint.get("ema") or checkpoint["model"]
    except Exception as error:  # a damaged or foreign file can raise anything
        raise FormatError(
            f"{path}: not a checkpoint that can be loaded safely ({first_line(error)}). If you trust its origin, "
            "set ULTRALYTICS_SAFE_LOAD=0: it may then run any code"
        ) from error
    if not isinstance(model, getattr(tasks, kind, ())):  # an older Ultralytics lacks newer kinds
        raise FormatError(f"{path}: a {type(model).__name__}, {wanted}")
    return model.float()  # type: ignore[union-attr]


def load_torchreid(path: Path) -> Any:
    """A torchreid model with the weights of a file, whose name begins with the architecture; loaded weights-only.

    Raises FormatError for an unknown architecture and for weights that are damaged or do not fit.
    """
    purpose = f"embedding by {path.name}"
    torch = import_torch(purpose)
    try:
        from mots.models.torchvision_operators import import_torchvision

        import_torchvision()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchreid warns about a compiled part that only its evaluation uses
            from torchreid.reid import models
    except ImportError as error:
        raise missing("torchreid", purpose, extra="models") from error
    factory = vars(models)["__model_factory"]  # as an attribute its name would be mangled inside a class
    known = [name for name in factory if path.name.startswith(name)]
    if not known:
        raise FormatError(f"{path}: its name begins with no architecture of torchreid, as in osnet_x0_25_....pth")
    architecture = max(known, key=len)
    with torch.serialization.safe_globals(numpy_scalars()):
        content = load_weights(path)
    weights: dict[str, Any] = content.get("state_dict", content)
    weights = {name.removeprefix("module."): value for name, value in weights.items()}
    model = models.build_model(architecture, num_classes=1, pretrained=False)
    wanted = model.state_dict()
    needed = [name for name in wanted if not name.startswith("classifier")]  # which only training uses
    wrong = [name for name in needed if name not in weights or weights[name].shape != wanted[name].shape]
    if wrong:
        raise FormatError(f"{path}: no weights of {architecture}: '{wrong[0]}' is missing or has another shape")
    model.load_state_dict({**wanted, **{name: weights[name] for name in needed}})
    return model


def load_weights(path: Path) -> dict[str, Any]:
    """The dictionary that a file of `torch.save` holds, loaded weights-only: nothing in it is run.

    Raises FormatError for a file that is damaged, holds other objects, or is no dictionary.
    """
    torch = import_torch(f"loading {path.name}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file can raise anything
        raise FormatError(f"{path}: not weights that can be loaded safely ({first_line(error)})") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path}: a {type(content).__name__}, not a dictionary of weights")
    return content


def fill(model: Any, state: Any, path: Path, name: str) -> None:
    """Give a model the weights of a file. Raises FormatError, with the first that does not fit; `name`: the model's."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:  # a heading, then a line for each
        lines = str(error).splitlines()
        raise FormatError(f"{path}: no weights of {name}: {lines[min(1, len(lines) - 1)].strip()}") from error


def numpy_scalars() -> list[Any]:
    """What torchreid's own checkpoints hold beside weights, and what is harmless: numpy's scalars, as their scores."""
    scalar = np.float64(0.0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)]
    return [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar"), np.dtype, *kinds]


def first_line(error: Exception) -> str:
    """An error's own message, in one short line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
