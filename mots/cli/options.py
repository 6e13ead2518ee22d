"""Options that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mots.benchmarks.registry import BENCHMARKS
from mots.errors import InputError, MotsError
from mots.names import printable

if TYPE_CHECKING:
    from mots.settings import Settings

__all__ = [
    "Commands",
    "Parser",
    "add_benchmark",
    "add_reid",
    "add_selection",
    "add_settings",
    "add_source",
    "at_least",
    "chosen_settings",
    "count",
    "flags_of",
    "is_settings_request",
    "names_in",
    "selected",
]

Commands = argparse._SubParsersAction  # the type of `add_subparsers`' answer, which argparse does not export
DEFAULT_BENCHMARK = "kitti-mots"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        print(f"mots: error: {printable(message)} (see mots {f'{command} ' if command else ''}--help)", file=sys.stderr)
        raise SystemExit(2)


def at_least(low: int) -> Callable[[str], int]:
    """The type of a flag that takes whole numbers from `low` on."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"'{text}': wanted a whole number, {low} or more")
        return value

    return number


SOURCE_HELP = "a video file, a folder or glob of images, a camera's number, a stream's URL, or saved detections"


def add_source(parser: argparse.ArgumentParser, several: str = "") -> None:
    """What is tracked, as `source`; with `several`, what becomes of several ones, as the list `sources`."""
    if several:
        parser.add_argument("sources", metavar="SOURCE", nargs="*", help=f"{SOURCE_HELP}; {several}")
    else:
        parser.add_argument("source", metavar="SOURCE", nargs="?", help=SOURCE_HELP)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which frames of the source; they keep their own numbers and times."""
    parser.add_argument("--start", metavar="TIME", help="from this time on, as in 90, 1:30 or 0:01:30.5")
    parser.add_argument("--end", metavar="TIME", help="to before this time")
    parser.add_argument("--every", type=at_least(1), default=1, metavar="N", help="every N-th frame")
    parser.add_argument("--max-frames", type=at_least(1), metavar="N", help="at most so many frames")


def selected(parsed: argparse.Namespace, settings: Settings) -> Any:
    """The source, or the part of it that was chosen."""
    if (parsed.start, parsed.end, parsed.every, parsed.max_frames) == (None, None, 1, None):
        return parsed.source
    from mots.video.selection import select

    return select(
        parsed.source,
        start=parsed.start,
        end=parsed.end,
        every=parsed.every,
        max_frames=parsed.max_frames,
        frame_rate=settings.frame_rate or None,
    )


def add_benchmark(parser: argparse.ArgumentParser, without: str = "", more: tuple[str, ...] = ()) -> None:
    """The benchmark: kitti-mots unless `without` says what no benchmark means for this command; `more`: those that this
    command alone knows."""
    known = [*BENCHMARKS, *more]
    names = ", ".join(name if name != DEFAULT_BENCHMARK or without else f"{name} (default)" for name in known)
    parser.add_argument(
        "--benchmark",
        default=None if without else DEFAULT_BENCHMARK,
        help=f"{names}; {without}" if without else names,
    )


def add_reid(parser: argparse.ArgumentParser) -> None:
    """The weights that describe appearance."""
    parser.add_argument(
        "--reid",
        metavar="NAME|PATH|off",
        help="ReID weights, or without a network colours (default), texture, colours+texture",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The flags that change settings; each is named after its setting."""
    parser.add_argument(
        "--detector",
        choices=("yolov8", "mask-rcnn", "background"),
        help="a network (default yolov8), or what moves before a fixed camera, without any weights",
    )
    parser.add_argument("--weights", metavar="NAME|PATH", help="segmentation weights (demo: those of the toy world)")
    parser.add_argument("--classes", metavar="NAMES", help="what to track, as in person,car ('all' for every class)")
    parser.add_argument("--conf", type=float, help="lowest score of a detection")
    parser.add_argument("--imgsz", type=int, help="longer side of the network's input, in pixels")
    parser.add_argument(
        "--refine", metavar="NAMES", help="improve masks, in this order: clean, smooth, grabcut, sam or its weights"
    )
    parser.add_argument("--device", help="cpu, cuda:0, mps (default auto)")
    parser.add_argument(
        "--backend",
        choices=("auto", "torch", "openvino", "onnxruntime", "tensorrt"),
        help="what runs .pt weights (default auto: OpenVINO on a CPU where it is installed, else torch)",
    )
    parser.add_argument(
        "--batch", type=at_least(0), metavar="N", help="frames in the network at once (0: by measuring)"
    )
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="frames a second, whatever the source says")
    parser.add_argument("--preset", default="default", help="settings for a purpose: default, kitti-mots, mots20, ...")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings over the preset's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any setting, as in tracker.lifecycle.memory=3"
    )
    parser.add_argument("--print-settings", action="store_true", help="print the settings in force as TOML, and stop")


def chosen_settings(parsed: argparse.Namespace) -> Settings:
    """Preset, then file, then flags."""
    from mots import settings

    flags: dict[str, Any] = {
        "classes": parsed.classes,
        "refiners": parsed.refine,
        "detector.kind": parsed.detector,
        "detector.weights": parsed.weights,
        "detector.conf": parsed.conf,
        "detector.imgsz": parsed.imgsz,
        "detector.device": parsed.device,
        "detector.backend": parsed.backend,
        "detector.batch": parsed.batch,
        "reid.weights": getattr(parsed, "reid", None),
        "semantic.weights": getattr(parsed, "semantic_weights", None),
        "frame_rate": parsed.frame_rate,
    }
    changes = {name: value for name, value in flags.items() if value is not None}
    for text in parsed.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: wanted NAME=VALUE, as in --set tracker.lifecycle.memory=3")
        changes[name.strip()] = settings.value_of(value.strip())
    return settings.load(parsed.preset, parsed.settings, changes)


def is_settings_request(parsed: argparse.Namespace, settings: Settings) -> bool:
    """Print the settings and return True if that was asked for."""
    if parsed.print_settings:
        from mots.settings import settings_toml

        print(settings_toml(settings), end="")
    return bool(parsed.print_settings)


def names_in(text: str | None) -> list[str] | None:
    """The names in a text with commas between them; None stays None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def count(number: int, word: str) -> str:
    """`1 fault`, `2 faults`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def flags_of(error: MotsError) -> str:
    """The flags of the arguments that an error names, as in ` (--output, --overwrite)`."""
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in error.parameters)
    return f" ({flags})" if flags else ""
