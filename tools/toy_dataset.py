"""Toy worlds in the layout of KITTI MOTS: pictures, truth and a sequence map, to try `mots batch` and fine-tuning on.

    python tools/toy_dataset.py DIR [--train 0000 0001 ...] [--val 0002 0006] [--frames 60]

Each sequence is a world of its own: `training/image_02/<name>/%06d.png`, `instances_txt/<name>.txt` with ignore regions
where an object is mostly hidden or of another class, and `<split>.seqmap`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.formats import mots_text
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks

SETTINGS = WorldSettings(walkers=14, vehicles=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--train", nargs="+", default=["0000", "0001", "0003", "0004", "0005", "0009"], metavar="NAME")
    parser.add_argument("--val", nargs="+", default=["0002", "0006"], metavar="NAME")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=500, help="of the first world; the others follow")
    arguments = parser.parse_args()
    seed = arguments.seed
    for split in ("train", "val"):
        names = getattr(arguments, split)
        for name in names:
            sequence(arguments.folder, name, World(seed, SETTINGS), arguments.frames)
            seed += 1
        lines = "".join(f"{name} empty 000000 {arguments.frames - 1:06d}\n" for name in names)
        (arguments.folder / f"{split}.seqmap").write_text(lines)


def sequence(folder: Path, name: str, world: World, frames: int) -> None:
    """Draw one sequence."""
    pictures, text, table = folder / f"training/image_02/{name}", [], mots_text.IdTable()
    pictures.mkdir(parents=True)
    (folder / "instances_txt").mkdir(exist_ok=True)
    for k, (image, truth) in enumerate(world.frames(frames)):
        Image.fromarray(image).save(pictures / f"{k:06d}.png", compress_level=1)
        wanted = np.isin(truth.classes, (0, 2))
        text.append(mots_text.lines(truth.take(np.flatnonzero(wanted)), table))
        rest = [truth.ignore.image(i) for i in range(len(truth.ignore))]
        rest += [
            truth.masks.image(i) for i in np.flatnonzero(~wanted).tolist()
        ]  # buses and trucks: neither right nor wrong
        if rest:
            (mask,) = rle.encode(runs_of(Masks.from_images(np.any(rest, axis=0)[None])))
            text.append(f"{k} 10000 10 {world.size[0]} {world.size[1]} {mask.decode()}\n")
    (folder / f"instances_txt/{name}.txt").write_text("".join(text))


if __name__ == "__main__":
    main()
