"""All settings in one place: defaults, presets as data, one TOML file, and one language of names.

A setting is a field of the dataclass beside the code that uses it; `Settings` only gathers them. A setting's name is
its path with dots, as in `tracker.lifecycle.memory`; a stage of the tracker is named in the path, as in
`tracker.stages.lost.limit`. The same names serve in TOML (as tables), in flags, in tuning and in Python.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mots.detection.background import BackgroundSettings
from mots.detection.camera_motion import CameraSettings
from mots.detection.mask_refinement import OutlineSettings
from mots.errors import InputError
from mots.labels import LabelSettings
from mots.models.reid import ReIDSettings
from mots.models.semantic import SemanticSettings
from mots.models.yolov8_seg import DetectorSettings
from mots.setting_ranges import check_value
from mots.storage import toml_file
from mots.trackers.lifecycle import State
from mots.trackers.offline import RefineSettings
from mots.trackers.tracker import TrackerSettings
from mots.video.opening import SourceSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PRESETS", "Settings", "changed", "load", "settings_toml", "value_at", "value_of"]


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    classes: tuple[str, ...] = ("person", "car")  # names of the classes to track; none, or "all", takes every class
    frame_rate: float = 0.0  # frames a second, whatever the source says; 0: the source's own
    ahead: int = 2  # frames that wait between two steps, each in threads of its own; 0: one thread does all of them
    source: SourceSettings = field(default_factory=SourceSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)  # of the detector of that kind
    outline: OutlineSettings = field(default_factory=OutlineSettings)
    refiners: tuple[str, ...] = ()  # what else improves masks, in this order: clean, smooth, grabcut, SAM's weights
    reid: ReIDSettings = field(default_factory=ReIDSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)  # of offline runs
    semantic: SemanticSettings = field(default_factory=SemanticSettings)  # of KITTI-STEP's maps


VEHICLES = ("car", "bus", "truck", "motorcycle", "bicycle")

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "kitti-mots": {"classes": ("person", "car"), "source.default_rate": 10.0},
    "mots20": {"classes": ("person",)},
    "sports": {"classes": ("person",)},
    "traffic": {"classes": ("person", *VEHICLES)},
}


def load(
    preset: str = "default",
    file: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a preset, then of a TOML file, then of `changes` (names to values).

    Raises InputError for an unknown preset or setting and for a value of the wrong type or outside its range,
    FormatError for a file that is not TOML.
    """
    if preset not in PRESETS:
        raise InputError(f"unknown preset '{preset}': there are {', '.join(PRESETS)}")
    settings = changed(Settings(), PRESETS[preset], f"preset {preset}")
    if file is not None:
        settings = changed(settings, toml_file.load(Path(file)), str(file))
    return changed(settings, changes or {})


def changed(settings: Settings, changes: Mapping[str, Any], origin: str = "settings") -> Settings:
    """Settings with `changes`: names to values, where a value can be a table of further names.

    `origin`: named in messages. Raises InputError for an unknown name, and for a value of the wrong type or outside its
    range (see `setting_ranges`).
    """
    for name, value in changes.items():
        settings = replaced(settings, name.split("."), value, origin, "")
    return settings


def value_at(settings: Any, name: str) -> Any:
    """The value of a setting by its name. Raises InputError for an unknown one."""
    part, path = settings, ""
    for word in name.split("."):
        part = (
            item_named(part, word, path, name) if isinstance(part, tuple) else attribute(part, word, path, "settings")
        )
        path = f"{path}{word}."
    return part


def value_of(text: str) -> Any:
    """A value as TOML writes it; other text is taken as it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def replaced(part: Any, path: list[str], value: Any, origin: str, before: str) -> Any:
    """A settings dataclass, or a tuple of named ones, with the value at a path replaced; `before`: the path so far."""
    first, rest = path[0], path[1:]
    full = f"{before}{first}"
    if isinstance(part, tuple):
        item = item_named(part, first, before, full, origin)
        if not rest:
            if not isinstance(value, Mapping):
                raise InputError(f"{origin}: {full} is a table of settings, not {value!r}")
            new = with_table(item, value, origin, f"{full}.")
        else:
            new = replaced(item, rest, value, origin, f"{full}.")
        return tuple(new if each is item else each for each in part)
    current = attribute(part, first, before, origin)
    hint = typing.get_type_hints(type(part))[first]
    if rest:
        if not dataclasses.is_dataclass(current) and not has_named_items(current):
            raise InputError(f"{origin}: unknown setting '{'.'.join([full, *rest])}': {full} is a single value")
        return dataclasses.replace(part, **{first: replaced(current, rest, value, origin, f"{full}.")})
    if isinstance(value, Mapping) and (dataclasses.is_dataclass(current) or has_named_items(current)):
        return dataclasses.replace(part, **{first: with_table(current, value, origin, f"{full}.")})
    if dataclasses.is_dataclass(hint):
        raise InputError(f"{origin}: {full} is a table of settings, not {value!r}")
    return dataclasses.replace(part, **{first: converted(value, hint, origin, full)})


def with_table(part: Any, table: Mapping[str, Any], origin: str, before: str) -> Any:
    """A part of the settings with a table of names and values applied."""
    for name, value in table.items():
        part = replaced(part, [name], value, origin, before)
    return part


def has_named_items(value: Any) -> bool:
    """Whether a setting is a tuple of settings with names, as the stages are."""
    return isinstance(value, tuple) and len(value) > 0 and all(hasattr(item, "name") for item in value)


def attribute(part: Any, name: str, before: str, origin: str) -> Any:
    """A field of a settings dataclass. Raises InputError with the nearest name for an unknown one."""
    names = [each.name for each in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else []
    if name in names:
        return getattr(part, name)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f": did you mean {before}{near[0]}?" if near else f": there are {', '.join(names)}" if names else ""
    raise InputError(f"{origin}: unknown setting '{before}{name}'{hint}")


def item_named(items: Any, name: str, before: str, full: str, origin: str = "settings") -> Any:
    """The item of this name. Raises InputError."""
    for item in items:
        if getattr(item, "name", None) == name:
            return item
    names = ", ".join(str(getattr(item, "name", "?")) for item in items)
    raise InputError(f"{origin}: unknown setting '{full}': {before.rstrip('.')} has {names or 'no items'}")


def converted(value: Any, kind: Any, origin: str, name: str) -> Any:
    """A TOML value as the type of a setting."""
    arguments = typing.get_args(kind)
    container = typing.get_origin(kind)
    if container is tuple and arguments[0] is str and isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if container is tuple and isinstance(value, (list, tuple)):
        return tuple(converted(item, arguments[0], origin, f"{name}[{i}]") for i, item in enumerate(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, kind):
        return value
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
        if missing := required - set(value):
            raise InputError(f"{origin}: {name} lacks {', '.join(sorted(missing))}")
        hints = typing.get_type_hints(kind)
        if unknown := set(value) - set(hints):
            raise InputError(f"{origin}: unknown setting '{name}.{sorted(unknown)[0]}'")
        return kind(**{key: converted(item, hints[key], origin, f"{name}.{key}") for key, item in value.items()})
    if kind is State:
        if isinstance(value, State):
            return value
        if isinstance(value, str) and value.upper() in State.__members__:
            return State[value.upper()]
        raise InputError(f"{origin}: {name} is {value!r}: wanted one of {', '.join(s.name.lower() for s in State)}")
    if container in (typing.Literal, types.UnionType, typing.Union):
        if value in arguments:
            return value
        raise InputError(f"{origin}: {name} is {value!r}: wanted one of {', '.join(map(str, arguments))}")
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        check_value(value, name, origin)
        return float(value)
    if kind is int and isinstance(value, int):
        check_value(value, name, origin)
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise InputError(
        f"{origin}: {name} is {value!r}: wanted {WORDS.get(kind, 'a list' if container is tuple else kind)}"
    )


WORDS = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


def settings_toml(settings: Any, path: str = "") -> str:
    """A settings dataclass as the TOML that gives it back."""
    plain, tables = [], []
    for each in dataclasses.fields(settings):
        value = getattr(settings, each.name)
        if dataclasses.is_dataclass(value):
            tables.append(f"\n[{path}{each.name}]\n{settings_toml(value, f'{path}{each.name}.')}")
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            tables += [f"\n[[{path}{each.name}]]\n{settings_toml(item)}" for item in value]
        else:
            plain.append(f"{each.name} = {toml_value(value)}\n")
    return "".join(plain + tables)


def toml_value(value: Any) -> str:
    """A setting's value in TOML."""
    if isinstance(value, State):
        return f'"{value.name.lower()}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
