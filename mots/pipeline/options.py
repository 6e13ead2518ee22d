"""From the keywords of `track`, `record` and `Stream` to settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mots import settings as all_settings
from mots.errors import InputError
from mots.settings import Settings

__all__ = ["chosen_settings"]


def chosen_settings(
    preset: str,
    settings: Settings | str | Path | None,
    changes: Mapping[str, Any] | None,
    *,
    classes: str | int | Iterable[str | int] | None,
    weights: str | None,
    conf: float | None,
    imgsz: int | None,
    device: str | None,
    reid: str | None,
    frame_rate: float | None,
) -> Settings:
    """The preset, or a `Settings`; then a TOML file; then `changes`; then the keywords that are not None.

    Raises InputError and FormatError as `settings.load` does.
    """
    if isinstance(classes, (int, np.integer)) and not isinstance(classes, bool):
        classes = [int(classes)]
    if classes is not None and not isinstance(classes, str):
        if not isinstance(classes, Iterable) or isinstance(classes, Mapping):
            raise InputError(f"classes is {classes!r}: wanted names or numbers of classes")
        classes = [str(each) for each in classes]
    named = {
        "classes": classes,
        "detector.weights": weights,
        "detector.conf": conf,
        "detector.imgsz": imgsz,
        "detector.device": device,
        "reid.weights": reid,
        "frame_rate": frame_rate,
    }
    merged = {**(changes or {}), **{name: value for name, value in named.items() if value is not None}}
    if not isinstance(settings, (Settings, str, Path, type(None))):
        raise InputError(f"settings is a {type(settings).__name__}: wanted Settings or the path of a TOML file")
    if isinstance(settings, Settings):
        return all_settings.changed(settings, merged)
    return all_settings.load(preset, settings, merged)
