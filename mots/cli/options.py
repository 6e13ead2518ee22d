"""The flags that change settings, for every command that tracks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mots.errors import MotsError

if TYPE_CHECKING:
    from mots.settings import Settings

__all__ = ["add_choice", "add_reid", "chosen_settings"]


def add_reid(parser: argparse.ArgumentParser) -> None:
    """The flag for what tells objects apart by their looks."""
    parser.add_argument("--reid", metavar="NAME|PATH|off", help="ReID weights (default: colours, without a network)")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The flags that change settings; each is named after its knob."""
    parser.add_argument("--weights", metavar="NAME|PATH", help="segmentation weights (demo: the toy world's)")
    parser.add_argument("--classes", metavar="NAMES", help="what to track, as in person,car ('all' for everything)")
    parser.add_argument("--conf", type=float, help="lowest score of a detection")
    parser.add_argument("--imgsz", type=int, help="longer side of the network's input, in pixels")
    parser.add_argument("--device", help="cpu, cuda:0, mps (default auto)")
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="of images and of detections without times")
    parser.add_argument("--preset", default="default", help="settings for a purpose: default, kitti-mots, mots20, ...")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings over the preset's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KNOB=VALUE", help="any one setting, by its dotted name"
    )
    parser.add_argument("--print-settings", action="store_true", help="print what is in force as TOML, and stop")


def chosen_settings(parsed: argparse.Namespace) -> Settings:
    """Preset, then file, then flags."""
    from mots import settings

    flags: dict[str, Any] = {
        "detector.weights": parsed.weights,
        "detector.conf": parsed.conf,
        "detector.imgsz": parsed.imgsz,
        "detector.device": parsed.device,
        "reid.weights": getattr(parsed, "reid", None),
        "frame_rate": parsed.frame_rate,
    }
    if parsed.classes is not None:
        names = tuple(name.strip() for name in parsed.classes.split(",") if name.strip())
        flags["classes"] = () if names == ("all",) else names
    changes = {name: value for name, value in flags.items() if value is not None}
    for text in parsed.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise MotsError(f"--set {text}: wanted KNOB=VALUE, as in --set tracker.lifecycle.memory=3")
        changes[name.strip()] = settings.value_of(value.strip())
    return settings.load(parsed.preset, parsed.settings, changes)
