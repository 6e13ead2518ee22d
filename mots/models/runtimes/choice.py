"""Which runtime runs a network's file, and a checkpoint run by an export of itself."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError, MissingDependency, MotsError, MotsWarning
from mots.models.runtimes import exports
from mots.models.runtimes.devices import cuda_devices
from mots.models.runtimes.onnx_runtime import OnnxRuntime
from mots.models.runtimes.openvino_runtime import OpenVinoRuntime, calls_at_once
from mots.models.runtimes.tensorrt_runtime import TensorRtRuntime
from mots.models.runtimes.torch_runtime import TorchRuntime

__all__ = ["Backend", "ExportingRuntime", "Runtime", "chosen_backend", "runtime_of"]

Backend = Literal["auto", "torch", "openvino", "onnxruntime", "tensorrt"]
log = logging.getLogger("mots")
KEPT_SHAPES = 4  # input sizes whose runtimes are kept; a source has one


class Runtime(Protocol):
    """Runs a network on arrays."""

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The input's (height, width), where it takes no other."""
        ...

    @property
    def batches(self) -> bool:
        """Whether several images at once take less time than one after another."""
        ...

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, C, H, W)."""
        ...


def runtime_of(path: Path, backend: str, device: str = "cpu") -> OnnxRuntime | OpenVinoRuntime | TensorRtRuntime:
    """The runtime of an export."""
    if backend == "onnxruntime":
        return OnnxRuntime(path, device)
    if backend == "openvino":
        return OpenVinoRuntime(path, device)
    return TensorRtRuntime(path, device)


def chosen_backend(backend: Backend, device: str) -> str:
    """What runs a `.pt`: the backend that was asked for, or with `auto` OpenVINO on a CPU where it is installed, and
    torch elsewhere."""
    if backend != "auto":
        return backend
    on_cpu = device == "cpu" or (device == "auto" and sys.platform != "darwin" and cuda_devices() == 0)
    return "openvino" if on_cpu and importlib.util.find_spec("openvino") is not None else "torch"


class ExportingRuntime:
    """Runs a `.pt` by an export of it for each input size, which is made once and kept in the user's cache.

    `asked_for`: whether the user named the backend; an export that cannot be made, or does not agree with torch, is
    then an error. Otherwise `fallback` makes the runtime that is used in its place, with a MotsWarning. `at_once` and
    `most_at_once`: as of `OpenVinoRuntime`; other runtimes take one call after another.
    """

    fixed_size: tuple[int, int] | None = None
    batches = False

    def __init__(
        self, weights: Path, backend: str, device: str, asked_for: bool, fallback: Callable[[], TorchRuntime]
    ) -> None:
        self.weights, self.backend, self.device = weights, backend, device
        self.asked_for, self.fallback = asked_for, fallback
        self.by_shape: dict[tuple[int, int], Runtime] = {}
        self.errors: dict[tuple[int, int], MotsError] = {}  # kept for other threads that wait for the same export
        self.at_once, self.most_at_once = 1, calls_at_once() if backend == "openvino" else 1
        self.lock = threading.Lock()

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, C, H, W); the first one of a size may have to wait for its export."""
        shape = (batch.shape[2], batch.shape[3])
        with self.lock:
            if shape in self.errors:
                raise self.errors[shape]
            if shape not in self.by_shape:
                while len(self.by_shape) >= KEPT_SHAPES:
                    self.by_shape.pop(next(iter(self.by_shape)))
                try:
                    self.by_shape[shape] = self.opened(shape, batch[0])
                except MotsError as error:
                    self.errors[shape] = error
                    raise
            runtime = self.by_shape[shape]
            if not isinstance(runtime, OpenVinoRuntime):
                return runtime(batch)
            runtime.at_once = self.at_once
        return runtime(batch)

    def opened(self, shape: tuple[int, int], picture: NDArray[np.float32]) -> Runtime:
        """The runtime for this input size."""
        try:
            found = exports.cached(self.weights, self.backend, shape)
            if found is None:
                found = exports.made(self.weights, self.backend, picture, self.device)
                log.info(
                    "%s: exported to %s for inputs of %d x %d (%s), kept in %s",
                    self.weights.name, self.backend, *shape, found.agreement, found.path.parent,
                )  # fmt: skip
            if not found.agreement.holds:
                raise InputError(f"its export to {self.backend} differs from torch: {found.agreement}")
            runtime = runtime_of(found.path, self.backend, self.device)
            if isinstance(runtime, OpenVinoRuntime):
                runtime.at_once = self.at_once
                runtime.requests()  # compiled here, where torch can stand in
            return runtime
        except (MotsError, OSError) as error:
            if self.asked_for:
                if isinstance(error, MissingDependency):
                    raise
                raise InputError(f"{self.weights}: {error}", parameters=("backend",)) from error
            message = f"{self.weights.name} is run by torch: {error}"
            warnings.warn(MotsWarning(message), stacklevel=3)
            return self.fallback()
