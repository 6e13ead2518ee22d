"""Ultralytics as a library."""

from __future__ import annotations

import os

__all__ = ["set_up_ultralytics"]


def set_up_ultralytics() -> None:
    """Before Ultralytics is imported: it installs no packages, prints nothing, unpickles no unknown checkpoint, and
    sends nothing over the network (it would report use and errors). What the environment says already stays."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "1")
