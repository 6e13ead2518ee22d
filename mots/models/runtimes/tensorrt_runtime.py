"""Running a TensorRT engine (`.engine`) on an NVIDIA GPU, by Ultralytics' own loader of it."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError
from mots.models.runtimes.torch_runtime import chosen_device, flattened, import_torch
from mots.models.ultralytics_setup import set_up_ultralytics
from mots.optional import missing, optional_import

__all__ = ["TensorRtRuntime"]


class TensorRtRuntime:
    """An engine that Ultralytics exported. It runs on the kind of GPU and the version of TensorRT that it was built on.

    `fixed_size`: the input's (height, width). `names`: the class names in it. Raises FormatError for a file that cannot
    be loaded, MissingDependency, and InputError for a device that is not there.
    """

    batches = False

    def __init__(self, path: Path, device: str = "auto") -> None:
        optional_import("tensorrt", "running .engine weights", package="tensorrt")
        torch = import_torch("running .engine weights")
        set_up_ultralytics()
        self.device = torch.device("cuda:0" if device == "auto" else chosen_device(device))
        try:
            from ultralytics.nn.autobackend import AutoBackend
        except ImportError as error:
            raise missing("ultralytics", "running .engine weights", extra="models") from error
        try:
            self.model = AutoBackend(model=str(path), device=self.device, fp16=False, verbose=False)
            height, width = (int(side) for side in ast.literal_eval(str(self.model.imgsz)))
        except Exception as error:  # TensorRT's and Ultralytics' errors share no base class
            raise FormatError(f"{path}: not a TensorRT engine that can be loaded here ({error})") from error
        self.torch = torch
        self.fixed_size: tuple[int, int] | None = (height, width)
        self.names = {int(number): str(name) for number, name in self.model.names.items()}

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, C, H, W) float32, one image after another."""
        answers = []
        with self.torch.inference_mode():
            for image in batch:
                tensor = self.torch.from_numpy(np.ascontiguousarray(image[None])).to(self.device)
                answers.append([each.float().cpu().numpy() for each in flattened((self.model(tensor),))])
        return [np.concatenate(each) for each in zip(*answers, strict=True)]
