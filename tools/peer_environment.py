"""Running BoxMOT's and Roboflow's trackers, in an environment of their own (`tools/peers.py` says how to make it)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mots.trackers.detections import Detections

__all__ = ["PEERS", "run_peer", "write_frame"]

PEERS = Path(__file__).resolve().parents[1] / ".venv-peers/bin/python"


def run_peer(name: str, options: Mapping[str, Any], folder: Path) -> None:
    """Run a tracker on the frames in a folder, which then holds `ids.npz` and `seconds.npy`. Raises RuntimeError."""
    script = Path(__file__).with_name("peers.py")
    # Roboflow's package has the name of the engine's core, which must not be found in its place.
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(PEERS), str(script), name, json.dumps(dict(options)), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=own)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")


def write_frame(path: Path, found: Detections, picture: Path) -> None:
    """One frame's detections, as `tools/peers.py` reads them."""
    np.savez(
        path,
        boxes=np.ascontiguousarray(found.boxes, np.float32),
        scores=np.asarray(found.scores, np.float32),
        classes=found.classes,
        features=np.ascontiguousarray(found.embeddings),
        mask_boxes=found.masks.boxes,
        mask_pixels=found.masks.pixels,
        mask_starts=found.masks.starts,
        image=np.array(str(picture)),
    )
