"""Running an `.onnx` file by onnxruntime, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.optional import optional_import

__all__ = ["OnnxRuntime"]

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime:
    """A model with one image input (B, C, H, W).

    `fixed_size`: the input's (height, width) where the file fixes it. `output_shapes`: of each output, None for a free
    length. `batches`: whether several images at once take less time than one after another. `metadata`: the file's own
    texts by name. Raises FormatError for a file that cannot be loaded, InputError
    for a device that onnxruntime does not have.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        onnxruntime = optional_import("onnxruntime", "running .onnx weights", extra="onnx")
        usable = onnxruntime.get_available_providers()
        kind = device.partition(":")[0]
        if kind not in ("auto", *PROVIDERS) or (kind != "auto" and PROVIDERS[kind] not in usable):
            raise InputError(f"device '{device}': onnxruntime has no such device here; it has {', '.join(usable)}")
        providers = usable if kind == "auto" else [PROVIDERS[kind]]
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=providers)
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            message = str(error).splitlines()[0][:200]
            raise FormatError(f"{path}: not an ONNX model that can be loaded ({message})") from error
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            raise FormatError(f"{path}: wanted a model with one input (B, C, H, W)")
        batch, _, height, width = inputs[0].shape
        self.input = inputs[0].name
        fixed = isinstance(height, int) and isinstance(width, int)
        self.fixed_size: tuple[int, int] | None = (int(height), int(width)) if fixed else None
        self.one_by_one = isinstance(batch, int)
        self.batches = not self.one_by_one and self.session.get_providers()[0] != PROVIDERS["cpu"]
        self.output_shapes = [
            tuple(length if isinstance(length, int) else None for length in output.shape)
            for output in self.session.get_outputs()
        ]
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, C, H, W) float32."""
        parts = [batch[i : i + 1] for i in range(len(batch))] if self.one_by_one else [batch]
        answers = [self.session.run(None, {self.input: part}) for part in parts]
        return [np.concatenate(outputs) for outputs in zip(*answers, strict=True)]
