"""`mots export`: weights become a file for another runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, at_least
from mots.errors import InputError

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="export .pt weights to OpenVINO, ONNX or TensorRT")
    parser.add_argument("weights", metavar="WEIGHTS", help="a path or a name, as for --weights")
    parser.add_argument("--backend", choices=("openvino", "onnxruntime", "tensorrt"), default="openvino")
    parser.add_argument("--imgsz", type=at_least(32), default=640, help="longer side of the network's input")
    parser.add_argument(
        "--size", metavar="HxW", help="height x width of the frames, as in 1080x1920 (default: a square input)"
    )
    parser.add_argument("--device", default="cpu", help="where the export is checked (tensorrt: built), as in cuda:0")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the files (default: the user's cache)")
    parser.add_argument("--overwrite", action="store_true", help="replace an export that is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.models.exporting import export

    size = None if parsed.size is None else size_of(parsed.size)
    path, agreement = export(
        parsed.weights, parsed.backend, size, parsed.imgsz, parsed.output, parsed.device, parsed.overwrite
    )
    print(f"{path}: {agreement} of torch's answers")
    return 0


def size_of(text: str) -> tuple[int, int]:
    """(height, width) of a text such as 1080x1920. Raises InputError."""
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise InputError(f"a size as '{text}': wanted HEIGHTxWIDTH, as in 1080x1920", parameters=("size",))
    return int(height), int(width)
