"""What runs a network's file: torch, onnxruntime, OpenVINO, TensorRT, and exports from one to another."""

from mots.lazy import lazy_package

__getattr__, __dir__ = lazy_package(
    __name__, ("choice", "devices", "exports", "onnx_runtime", "openvino_runtime", "tensorrt_runtime", "torch_runtime")
)
