"""From a name to a file of weights: finding, fetching, checking."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.resources import files
from pathlib import Path

from mots.errors import FormatError, InputError

__all__ = ["DEMO", "OFFICIAL", "cache_folder", "find"]

DEMO = "demo"  # the embedded weights, trained on the toy world

RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
ADVICE = "Give a path, or put the file into the folder that $MOTS_WEIGHTS names."
# Ultralytics' files that are fetched, with their sha256: a file that cannot be checked is not fetched.
OFFICIAL = {"yolov8n-seg.pt": "a7cd8f929e1903d78a12a48efecab430209f18dc46cb96c3599a5980c63c423c"}


def find(name: str | Path, release: str = RELEASE) -> Path:
    """The file of these weights: a path, or a name (with or without `.pt`) that is looked for in turn in
    `$MOTS_WEIGHTS`, in the user's cache, and among Ultralytics' published files, whose sha256 is checked.

    Raises InputError that names each place where it looked, FormatError for a download with another sha256.
    """
    if str(name) == DEMO:
        return Path(str(files("mots.models") / "demo.pt"))
    path = Path(name).expanduser()
    if path.is_file():
        return path
    tried = [str(path)]
    if path.name == str(path):
        file = path.name if path.suffix else f"{path.name}.pt"
        folders = [Path(folder) for folder in [os.environ.get("MOTS_WEIGHTS", "")] if folder]
        for place in [folder / file for folder in folders] + [cache_folder() / file]:
            if place.is_file():
                return place
            tried.append(str(place))
        if file in OFFICIAL:
            return fetch(file, release, tried)
        tried.append(f"Ultralytics' downloads (only {', '.join(OFFICIAL)} can be checked, so only that is fetched)")
    places = "".join(f"\n  {place}" for place in tried)
    raise InputError(f"no weights '{name}'; looked in:{places}\n{ADVICE}")


def cache_folder() -> Path:
    """The folder of fetched weights of this user."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "mots"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "mots" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/mots"
    return Path.home() / ".cache/mots"


def fetch(file: str, release: str, tried: list[str]) -> Path:
    """Download an official file into the cache; it gets its name once its sha256 is right."""
    import urllib.error
    import urllib.request

    target = cache_folder() / file
    part = target.with_name(f"{file}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with urllib.request.urlopen(release + file, timeout=30) as answer, part.open("wb") as output:
            while block := answer.read(1 << 20):
                digest.update(block)
                output.write(block)
        if digest.hexdigest() != OFFICIAL[file]:
            raise FormatError(
                f"{release}{file}: sha256 {digest.hexdigest()} where {OFFICIAL[file]} was expected: "
                "the download is damaged or not the official file, and was deleted"
            )
        part.replace(target)
    except (OSError, urllib.error.URLError) as error:
        places = "".join(f"\n  {place}" for place in [*tried, f"{release}{file} ({error})"])
        raise InputError(f"no weights '{file}'; looked in:{places}\n{ADVICE}") from error
    finally:
        part.unlink(missing_ok=True)
    return target
