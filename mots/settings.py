"""Every knob in one place: defaults, presets as data, one TOML file, and flags of the same names.

A knob lives in the dataclass beside the code that uses it; `Settings` only gathers them. A preset is a part of a TOML
file written as a dictionary; what a file says goes over the preset, and what a flag says over both.
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

from mots.classes import CLASS_IDS, CONFUSABLE
from mots.detection.camera_motion import CameraSettings
from mots.detection.mask_refinement import OutlineSettings
from mots.errors import MotsError
from mots.models.reid import ReIDSettings
from mots.models.yolov8_seg import DetectorSettings
from mots.trackers.lifecycle import State
from mots.trackers.offline import RefineSettings
from mots.trackers.tracker import TrackerSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PRESETS", "Settings", "load", "replaced", "settings_toml", "value_of"]

GROUPS = tuple(tuple(CLASS_IDS[name] for name in group) for group in CONFUSABLE)


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    classes: tuple[str, ...] = ("person", "car")  # names to detect and track; none takes every class
    frame_rate: float = 30.0  # frames a second of images and of saved detections without times; videos have their own
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    outline: OutlineSettings = field(default_factory=OutlineSettings)
    reid: ReIDSettings = field(default_factory=ReIDSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    tracker: TrackerSettings = field(default_factory=lambda: TrackerSettings(groups=GROUPS))
    refine: RefineSettings = field(default_factory=RefineSettings)  # of offline runs


VEHICLES = ("car", "bus", "truck", "motorcycle", "bicycle")

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "kitti-mots": {"classes": ("person", "car"), "frame_rate": 10.0},
    "mots20": {"classes": ("person",), "frame_rate": 30.0},
    "sports": {"classes": ("person",), "tracker": {"lifecycle": {"memory": 4.0}}},
    "traffic": {"classes": ("person", *VEHICLES)},
}


def load(
    preset: str = "default",
    file: Path | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a preset, then of a TOML file, then of `changes` (dotted names of knobs to values).

    Raises MotsError for an unknown preset, an unreadable file, an unknown knob or a value of the wrong kind.
    """
    if preset not in PRESETS:
        raise MotsError(f"unknown preset '{preset}': there are {', '.join(PRESETS)}")
    settings: Any = replaced(Settings(), PRESETS[preset], f"preset {preset}")
    if file is not None:
        settings = replaced(settings, parsed(file), str(file))
    for name, value in (changes or {}).items():
        nested: dict[str, Any] = {}
        place = nested
        *tables, knob = name.split(".")
        for table in tables:
            place = place.setdefault(table, {})
        place[knob] = value
        settings = replaced(settings, nested, "settings")
    assert isinstance(settings, Settings)
    return settings


def value_of(text: str) -> Any:
    """A value as TOML writes it; what is no TOML value is taken as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parsed(file: Path) -> dict[str, Any]:
    """A TOML file as dictionaries."""
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return tables
    except OSError as error:
        raise MotsError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MotsError(f"{file}: not TOML: {error}") from error


def replaced(settings: Any, changes: Mapping[str, Any], origin: str, path: str = "") -> Any:
    """A settings dataclass with `changes` (names to values, tables as dictionaries); `origin` names their source."""
    hints = typing.get_type_hints(type(settings))
    values: dict[str, Any] = {}
    for name, value in changes.items():
        full = f"{path}{name}"
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            hint = f": did you mean {path}{near[0]}?" if near else f": there are {', '.join(hints)}"
            raise MotsError(f"{origin}: unknown setting '{full}'{hint}")
        if dataclasses.is_dataclass(hints[name]):
            if not isinstance(value, Mapping):
                raise MotsError(f"{origin}: {full} is a table of settings, not {value!r}")
            values[name] = replaced(getattr(settings, name), value, origin, f"{full}.")
        else:
            values[name] = converted(value, hints[name], origin, full)
    return dataclasses.replace(settings, **values)


def converted(value: Any, kind: Any, origin: str, name: str) -> Any:
    """A TOML value as the type that a knob has."""
    arguments = typing.get_args(kind)
    container = typing.get_origin(kind)
    if container is tuple and isinstance(value, (list, tuple)):
        return tuple(converted(item, arguments[0], origin, f"{name}[{i}]") for i, item in enumerate(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
        if missing := required - set(value):
            raise MotsError(f"{origin}: {name} lacks {', '.join(sorted(missing))}")
        hints = typing.get_type_hints(kind)
        if unknown := set(value) - set(hints):
            raise MotsError(f"{origin}: unknown setting '{name}.{sorted(unknown)[0]}'")
        return kind(**{key: converted(item, hints[key], origin, f"{name}.{key}") for key, item in value.items()})
    if kind is State:
        if isinstance(value, State):
            return value
        if isinstance(value, str) and value.upper() in State.__members__:
            return State[value.upper()]
        raise MotsError(f"{origin}: {name} is {value!r}: wanted one of {', '.join(s.name.lower() for s in State)}")
    if container in (typing.Literal, types.UnionType, typing.Union):
        if value in arguments:
            return value
        raise MotsError(f"{origin}: {name} is {value!r}: wanted one of {', '.join(map(str, arguments))}")
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise MotsError(f"{origin}: {name} is {value!r}: wanted {WORDS.get(kind, kind)}")


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
    """A knob's value in TOML."""
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
