"""Train the embedded semantic weights: a narrow network on the toy world's exact maps, from scratch, on the CPU.

    python tools/train_demo_semantic.py --output mots/models/demo_semantic.pt

Renders single frames of many worlds (seeds from 300,000 on; the demo and the tests use seeds below 100,000) and
minimises the cross entropy, the auxiliary head's with a weight of 0.4. Stores half precision.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("YOLO_OFFLINE", "true")

import numpy as np
import torch
from torch.nn.functional import cross_entropy, interpolate

from mots.classes import STEP_NAMES
from mots.models.torchvision_operators import import_torchvision
from mots.toy.world import World, WorldSettings

ARCHITECTURE = Path(__file__).with_name("demo_semantic.yaml")
SIDES = (384, 640)  # of the training pictures: the world's 360 rows, padded to a multiple of 32
FIRST_SEED = 300_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("mots/models/demo_semantic.pt"))
    parser.add_argument("--images", type=int, default=900)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    images, maps = rendered(arguments.images, arguments.seed)
    print(f"{len(images)} pictures after {time.monotonic() - started:.0f} s", flush=True)
    model = trained(images, maps, arguments)
    torch.save({"model": model.half().eval(), "epoch": -1}, arguments.output)
    kilobytes, minutes = arguments.output.stat().st_size / 1e3, (time.monotonic() - started) / 60
    print(f"{arguments.output}: {kilobytes:.0f} kB, {minutes:.0f} min")


def rendered(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 3, H, W) uint8 pictures of worlds of many kinds, and (N, H, W) uint8 maps; 255 where there is no picture."""
    rng = np.random.default_rng(seed)
    images = np.full((count, 3, *SIDES), 114, np.uint8)
    maps = np.full((count, *SIDES), 255, np.uint8)
    for n in range(count):
        settings = WorldSettings(
            walkers=int(rng.integers(4, 20)),
            vehicles=int(rng.integers(1, 7)),
            posts=int(rng.integers(0, 10)),
            pan=float(rng.choice([0.0, 0.25, 0.5])),
            light=float(rng.uniform(0, 0.5)),
        )
        world, k = World(FIRST_SEED + n, settings), int(rng.integers(0, 400))
        image, _ = world.frame(k)
        height, width = world.size
        top = (SIDES[0] - height) // 2
        images[n, :, top : top + height, :width] = image.transpose(2, 0, 1)
        maps[n, top : top + height, :width] = world.semantic(k)
    return torch.from_numpy(images), torch.from_numpy(maps)


def trained(images: torch.Tensor, maps: torch.Tensor, arguments: argparse.Namespace) -> torch.nn.Module:
    """The network after all epochs."""
    import_torchvision()
    from ultralytics.nn.tasks import SemanticSegmentationModel
    from ultralytics.utils import YAML

    torch.manual_seed(arguments.seed)
    model = SemanticSegmentationModel(YAML.load(ARCHITECTURE), verbose=False)
    model.names = dict(enumerate(STEP_NAMES))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    model.train()
    steps = arguments.epochs * (len(images) // arguments.batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for epoch in range(arguments.epochs):
        order, total = torch.randperm(len(images)), 0.0
        rounds = len(images) // arguments.batch
        for step in range(rounds):
            rows = order[step * arguments.batch : (step + 1) * arguments.batch]
            batch, target = images[rows].float() / 255, maps[rows].long()
            if torch.rand(()) < 0.5:
                batch, target = batch.flip(3), target.flip(2)
            main_logits, aux_logits = model(batch)
            loss = loss_of(main_logits, target) + 0.4 * loss_of(aux_logits, target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch}: loss {total / rounds:.3f}", flush=True)
    return model


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The cross entropy of logits, enlarged to the target's size."""
    return cross_entropy(interpolate(logits, target.shape[1:], mode="bilinear"), target, ignore_index=255)


if __name__ == "__main__":
    main()
