"""Choose the colours of identities: far apart for all eyes, neighbours in the list farthest.

Each next colour is the candidate whose smallest distance to all chosen ones, and to the last few above all, is largest:
in OKLab (Ottosson, 2020), for normal sight and for protanopia and deuteranopia (Machado, Oliveira and Fernandes, "A
physiologically-based model for simulation of color vision deficiency", 2009, severity 1). The output goes into
mots/rendering/palette.py.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from mots.rendering.palette import seen_by_all

COUNT = 18
RECENT = 6  # the last colours, which weigh more
STEPS = (40, 80, 120, 160, 200, 240)


def candidates() -> NDArray[np.float64]:
    """(N, 3) bright and strong enough colours, 0 to 255."""
    every = np.array(list(itertools.product(STEPS, repeat=3)), np.float64)
    spread = every.max(axis=1) - every.min(axis=1)
    light = every @ [0.2126, 0.7152, 0.0722]
    return np.asarray(every[(spread >= 120) & (light >= 85) & (light <= 225)])


def main() -> None:
    """Print the colours."""
    colours = candidates()
    seen = seen_by_all(colours)  # (views, N, 3)
    chosen = [int(np.abs(colours - [240, 120, 40]).sum(axis=1).argmin())]
    while len(chosen) < COUNT:
        apart = np.linalg.norm(seen[:, :, None] - seen[:, chosen][:, None], axis=3).min(axis=0)  # (N, chosen)
        recent = apart[:, -RECENT:].min(axis=1)
        score = np.minimum(apart.min(axis=1) * 2.5, recent)
        score[chosen] = -1
        chosen.append(int(score.argmax()))
    for each in colours[chosen].astype(int).tolist():
        print(f"    ({each[0]}, {each[1]}, {each[2]}),")


if __name__ == "__main__":
    main()
