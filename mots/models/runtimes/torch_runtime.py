"""Running a torch module on arrays."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError, MotsWarning
from mots.optional import optional_import

__all__ = ["TorchRuntime", "chosen_device", "import_torch", "kept_threads"]


class TorchRuntime:
    """A module in evaluation mode on a device; `half` computes in half precision on a GPU.

    `channels_last`: on a CPU a pixel's channels lie together in memory, by which convolutions take 15 to 20 % less
    time; not every module can compute so.

    `fixed_size`: None, as torch modules take any input size. `batches`: whether several images at once take less time
    than one after another. `most`: so many go through the module at once; where a GPU has too little memory, half as
    many from then on, with a MotsWarning.
    """

    fixed_size: tuple[int, int] | None = None

    def __init__(self, module: Any, device: str = "auto", half: bool = False, channels_last: bool = False) -> None:
        self.torch = import_torch("running .pt weights")
        self.device = self.torch.device(chosen_device(device))
        self.half = half and self.device.type == "cuda"
        module = module.to(self.device).eval()
        module = module.half() if self.half else module.float()
        self.batches = self.device.type != "cpu"
        self.channels_last = channels_last and self.device.type == "cpu"
        self.module = module.to(memory_format=self.torch.channels_last) if self.channels_last else module
        self.most = sys.maxsize

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, ...) float32, as float32 arrays. Raises InputError as `portions` does."""
        parts = [[each.float().cpu().contiguous().numpy() for each in outputs] for outputs in self.portions(batch)]
        return parts[0] if len(parts) == 1 else [np.concatenate(each) for each in zip(*parts, strict=True)]

    def portions(self, batch: NDArray[Any]) -> Iterator[list[Any]]:
        """The outputs for a batch, as tensors on the device, in portions of as many images as its memory does for.

        `batch`: (B, C, H, W) float32, or (B, H, W, C) uint8, which counts as 0 to 1. Raises InputError where a GPU's
        memory does not even do for one image.
        """
        begin = 0
        while begin < max(len(batch), 1):
            count = min(len(batch) - begin, self.most)
            try:
                outputs = self.outputs(batch[begin : begin + count])
            except self.torch.OutOfMemoryError as error:
                if count <= 1:
                    height, width = batch.shape[1:3] if batch.dtype == np.uint8 else batch.shape[2:]
                    raise InputError(
                        f"{self.device} has no memory left for one image of {height} x {width}: take a smaller "
                        "imgsz, free memory there, or take the device cpu",
                        parameters=("imgsz", "device"),
                    ) from error
                self.most = count // 2
                warnings.warn(
                    MotsWarning(f"{self.device} has no memory for {count} images at once: {self.most} from now on"),
                    stacklevel=2,
                )
                if self.device.type == "cuda":
                    self.torch.cuda.empty_cache()
                continue
            yield outputs
            del outputs  # its memory is wanted for the next portion
            begin += max(count, 1)

    def outputs(self, batch: NDArray[Any]) -> list[Any]:
        """The outputs for a batch that goes through the module at once, on the device."""
        with self.torch.inference_mode():
            tensor = self.torch.from_numpy(batch).to(self.device)
            if batch.dtype == np.uint8:  # a quarter of what single precision would copy
                tensor = tensor.permute(0, 3, 1, 2).to(self.torch.float32) * (1 / 255)
            if self.channels_last:
                tensor = tensor.contiguous(memory_format=self.torch.channels_last)
            return flattened(self.module(tensor.half() if self.half else tensor))


def flattened(outputs: Any) -> list[Any]:
    """The tensors of a module's output: itself, or the first level of tuples. Ultralytics adds training outputs as a
    second item, which are left out."""
    if isinstance(outputs, (tuple, list)):
        first = outputs[0]
        return list(first) if isinstance(first, (tuple, list)) else list(outputs)
    return [outputs]


def import_torch(purpose: str) -> Any:
    """The module torch, set up for inference. Raises MissingDependency."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads would keep all cores busy
    return optional_import("torch", purpose, extra="models")


@contextmanager
def kept_threads(torch: Any) -> Iterator[None]:
    """Torch uses as many threads afterwards as before: Ultralytics sets it to one fewer than there are cores, for the
    whole process, when it chooses a CPU."""
    count = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(count)


def chosen_device(name: str) -> str:
    """A device's name for torch; `auto` takes a GPU where there is one. Raises InputError for a missing device."""
    torch = import_torch("choosing a device")
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.isdigit():
        name = f"cuda:{name}"
    kind, _, number = name.partition(":")
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(kind, False):
        usable = [device for device, there in available.items() if there]
        raise InputError(f"device '{name}': torch has no such device here; it has {', '.join(usable)}")
    return name
