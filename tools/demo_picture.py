"""Draw README's picture: frames of the toy world as the demo tracks them.

python tools/demo_picture.py docs/demo.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from mots.pipeline.pipeline import Pipeline
from mots.rendering.annotator import Annotator
from mots.settings import load
from mots.toy.demo import CLASSES, WorldSource
from mots.toy.world import World


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?", default=Path("docs/demo.png"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--frames", type=int, nargs="+", default=[60, 95])
    arguments = parser.parse_args()
    source = WorldSource(World(arguments.seed), max(arguments.frames) + 1)
    run = Pipeline(source, load(changes={"detector.weights": "demo", "classes": CLASSES}))
    annotator = Annotator(source.frame_rate)
    drawn = {frame.frame: annotator.draw(frame.image, frame) for frame in run}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([drawn[number] for number in arguments.frames])).save(arguments.output, optimize=True)


if __name__ == "__main__":
    main()
