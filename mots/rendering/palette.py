"""The colours of identities: stable for each id, far apart for neighbouring ids, also for colour-blind people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "colour_of", "luminance", "seen_by_all", "text_colour"]

# Chosen by tools/palette.py, red, green, blue.
COLOURS = (
    (240, 120, 40), (80, 80, 240), (120, 240, 240), (200, 240, 40), (80, 160, 200), (160, 80, 40),
    (40, 120, 160), (40, 200, 120), (80, 120, 240), (120, 240, 200), (120, 200, 240), (40, 160, 160),
    (160, 120, 40), (80, 160, 240), (160, 200, 40), (120, 80, 200), (200, 240, 120), (80, 200, 200),
)  # fmt: skip
BLACK, WHITE = (0, 0, 0), (255, 255, 255)

# Linear RGB as people without red and without green cones see it (Machado et al., 2009, severity 1).
PROTAN = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]])
DEUTAN = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
# OKLab (Ottosson, "A perceptual color space for image processing", 2020).
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def colour_of(identity: int) -> tuple[int, int, int]:
    """Red, green and blue of an id."""
    return COLOURS[(identity - 1) % len(COLOURS)]


def linear(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """sRGB of 0 to 255 as light, 0 to 1 (IEC 61966-2-1)."""
    shares = np.asarray(colours, np.float64) / 255.0
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def luminance(colour: tuple[int, int, int]) -> float:
    """The relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    return float(linear(np.array(colour)) @ [0.2126, 0.7152, 0.0722])


def text_colour(ground: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white: what has the higher contrast on a ground, (lighter + 0.05) / (darker + 0.05) (WCAG 2.2)."""
    light = luminance(ground)
    return BLACK if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else WHITE


def seen_by_all(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, N, 3) OKLab of colours (N, 3) of 0 to 255, for normal sight, protanopia and deuteranopia."""
    light = linear(colours)
    views = [light, *(np.clip(light @ matrix.T, 0.0, 1.0) for matrix in (PROTAN, DEUTAN))]
    return np.stack([np.cbrt(view @ TO_CONES.T) @ TO_LAB.T for view in views])
