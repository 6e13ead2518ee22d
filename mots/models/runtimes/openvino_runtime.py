"""Running an OpenVINO model (`.xml` with its `.bin`) on a CPU, without torch."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.optional import optional_import

__all__ = ["OpenVinoRuntime", "SignalStack", "calls_at_once", "import_openvino"]

REPORTS = "openvino_telemetry"
IMPORTING = threading.Lock()
MOST_AT_ONCE = 2  # calls; what more of them bring on many cores was not measured
DEVICES = ("auto", "cpu")  # what is tested; auto is the CPU


def import_openvino(purpose: str) -> Any:
    """The module openvino, as if its telemetry were not installed. Raises MissingDependency.

    When it converts a model, it would send a report without asking, from a forked process; the fork of a process with
    several threads can hang, and the program then never ends. A program that has imported openvino before keeps it as
    it is.
    """
    with IMPORTING:
        absent = REPORTS not in sys.modules
        if absent:
            sys.modules[REPORTS] = None  # type: ignore[assignment]  # Python's mark for "cannot be imported"
        try:
            openvino = optional_import("openvino", purpose, extra="fast")
            for name in ("openvino.tools.ovc", "openvino.tools.ovc.convert_impl"):  # they ask for it at their import
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            return openvino
        finally:
            if absent:
                sys.modules.pop(REPORTS, None)


class OpenVinoRuntime:
    """A model with one image input (B, C, H, W).

    `batches`: False, as several images in one call take as long as one after another. `at_once`: so many calls are made
    at the same time, from as many threads, `most_at_once` at most; the cores are shared out among them. One call takes
    longer then, but all of them take less time, as no core waits for another in the middle of a frame; the numbers are
    the same.

    `fixed_size`: the input's (height, width) where the file fixes it. `output_shapes`: of each output, None for a free
    length. `labels`: the class names that the file holds, in order. A file that fixes the batch at one is opened to
    batches of any length. Raises FormatError for a file that cannot be loaded, InputError for another device.
    """

    batches = False

    def __init__(self, path: Path, device: str = "cpu") -> None:
        openvino = import_openvino("running .xml weights")
        if device not in DEVICES:
            raise InputError(f"device '{device}': OpenVINO models run on the CPU here: wanted {' or '.join(DEVICES)}")
        if not path.with_suffix(".bin").is_file():
            raise FormatError(f"{path}: its {path.with_suffix('.bin').name} is missing: the two belong together")
        core = openvino.Core()
        try:
            model = core.read_model(str(path))
        except RuntimeError as error:
            raise FormatError(f"{path}: not an OpenVINO model that can be loaded ({last_line(error)})") from error
        if len(model.inputs) != 1 or model.inputs[0].partial_shape.rank.get_length() != 4:
            raise FormatError(f"{path}: wanted a model with one input (B, C, H, W)")
        batch, channels, height, width = model.inputs[0].partial_shape
        fixed = height.is_static and width.is_static
        self.fixed_size: tuple[int, int] | None = (height.get_length(), width.get_length()) if fixed else None
        if batch.is_static:
            model = any_batch(openvino, model, [channels, height, width])
        self.output_shapes = [
            tuple(length.get_length() if length.is_static else None for length in output.partial_shape)
            for output in model.outputs
        ]
        self.labels: list[str] = []
        if model.has_rt_info(["model_info", "labels"]):
            words = str(model.get_rt_info(["model_info", "labels"]).value).split()
            self.labels = [word.replace("_", " ") for word in words]  # as Ultralytics' export writes them
        self.path, self.core, self.model = path, core, model
        self.at_once, self.most_at_once = 1, calls_at_once()
        self.lock, self.ready = threading.Lock(), (0, queue.SimpleQueue[Any]())

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The outputs for a batch (B, C, H, W) float32. Raises FormatError where the model cannot be compiled."""
        requests = self.requests()
        request = requests.get()
        try:
            with kept_signal_stack():
                # OpenVINO copies neither the input nor the outputs, which the next call overwrites.
                answers = request.infer([np.ascontiguousarray(batch)], share_inputs=True, share_outputs=True)
            return [np.array(answers[place], np.float32) for place in range(len(answers))]
        finally:
            requests.put(request)

    def requests(self) -> queue.SimpleQueue[Any]:
        """As many requests as there are calls at once; they are made when that number is new."""
        with self.lock:
            count, requests = self.ready
            if count == self.at_once:
                return requests
            # By itself OpenVINO computes in half precision where it can: results would depend on the machine.
            hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
            if self.at_once > 1:
                hints |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": str(self.at_once)}
            try:
                with kept_signal_stack():
                    compiled = self.core.compile_model(self.model, "CPU", hints)
                    requests = queue.SimpleQueue()
                    for _ in range(self.at_once):
                        requests.put(compiled.create_infer_request())
            except RuntimeError as error:
                message = f"{self.path}: OpenVINO cannot compile the model ({last_line(error)})"
                raise FormatError(message) from error
            self.ready = (self.at_once, requests)
            return requests


def calls_at_once() -> int:
    """How many calls at the same time take less time than one after another, on the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_AT_ONCE, cores)


class SignalStack(ctypes.Structure):
    """`stack_t` of Linux: the memory on which a thread's signal handlers run."""

    _fields_ = (("memory", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def kept_signal_stack() -> Iterator[None]:
    """The thread has the same signal stack after the block as before it (on Linux).

    OpenVINO (2026.4) sets one when it compiles a model, and its memory is freed with the model: a later Ctrl-C, whose
    handler runs on that stack, would end the process.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    library, before = ctypes.CDLL(None), SignalStack()
    known = library.sigaltstack(None, ctypes.byref(before)) == 0
    try:
        yield
    finally:
        if known:
            library.sigaltstack(ctypes.byref(before), None)


def any_batch(openvino: Any, model: Any, rest: list[Any]) -> Any:
    """The model with a free batch; unchanged where it holds operations that fix it."""
    before = model.inputs[0].partial_shape
    try:
        model.reshape(openvino.PartialShape([openvino.Dimension(-1), *rest]))
    except RuntimeError:
        model.reshape(before)
    return model


def last_line(error: Exception) -> str:
    """The last line of an error of OpenVINO, which says what is wrong, in at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
