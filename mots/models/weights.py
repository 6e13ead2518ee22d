"""From a name to a file of weights: finding, fetching, checking."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mots.errors import FormatError, InputError

__all__ = ["DEMO", "OFFICIAL", "Download", "cache_folder", "find"]

DEMO = "demo"  # the embedded weights, trained on the toy world
# The embedded files by name: what detects, and what names the class of every pixel.
EMBEDDED = {DEMO: "demo.pt", "demo-semantic": "demo_semantic.pt"}

ADVICE = "Give a path, or put the file into the folder that $MOTS_WEIGHTS names."


@dataclass(frozen=True)
class Download:
    """Published files that belong together: the folder they lie in, and the sha256 of each by name, or its first digits
    where no more of it is published. A file that cannot be checked is not fetched."""

    folder: str
    sha256: Mapping[str, str]


ZOO = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2021.4/models_bin/3/"
SMALL, LARGE = "person-reidentification-retail-0288", "person-reidentification-retail-0277"
TORCHVISION = "https://download.pytorch.org/models/"
# By the name of the file that is asked for. The Open Model Zoo's sums are those of its own model.yml files; torchvision
# publishes the first eight digits, in the file's name.
OFFICIAL = {
    "yolov8n-seg.pt": Download(
        "https://github.com/ultralytics/assets/releases/download/v8.4.0/",
        {"yolov8n-seg.pt": "a7cd8f929e1903d78a12a48efecab430209f18dc46cb96c3599a5980c63c423c"},
    ),
    f"{SMALL}.xml": Download(
        f"{ZOO}{SMALL}/FP32/",
        {
            f"{SMALL}.bin": "af7c8cfd585292ca319e8828b8e6bcfa4ccde415b2049a080158ae6013cce648",
            f"{SMALL}.xml": "59652440ca5c2dc67a20abfeb66b5e2497644c4f463ea5a9079b36f5bce021f6",
        },
    ),
    f"{LARGE}.xml": Download(
        f"{ZOO}{LARGE}/FP32/",
        {
            f"{LARGE}.bin": "d3f1959a6c6411ff3b24246f9e4b5c1510a827f3f51fb56143bc8c399853ac92",
            f"{LARGE}.xml": "22d6e13c6ba856416e23ab033bfde051c6e89696d21be2a7e98670d90a6140b4",
        },
    ),
    **{
        f"{name}-{digits}.pth": Download(TORCHVISION, {f"{name}-{digits}.pth": digits})
        for name, digits in (
            ("maskrcnn_resnet50_fpn_v2_coco", "73cbd019"),
            ("maskrcnn_resnet50_fpn_coco", "bf2d0c1e"),
            ("deeplabv3_mobilenet_v3_large", "fc3c493d"),
            ("deeplabv3_resnet50_coco", "cd0a2569"),
            ("lraspp_mobilenet_v3_large", "d234d4ea"),
            ("raft_small_C_T_V2", "01064c6d"),
            ("raft_large_C_T_SKHT_V2", "ff5fadd5"),
        )
    },
}


def find(name: str | Path, official: Mapping[str, Download] = OFFICIAL) -> Path:
    """The file of these weights: a path, or a name (with or without its ending) that is looked for in turn in
    `$MOTS_WEIGHTS`, in the user's cache, and among the published files that are known, whose sha256 is checked.

    Raises InputError that names each place where it looked, FormatError for a download with another sha256.
    """
    if str(name) in EMBEDDED:
        return Path(str(files("mots.models") / EMBEDDED[str(name)]))
    path = Path(name).expanduser()
    if path.is_file():
        return path
    tried = [str(path)]
    if path.name == str(path):
        file = path.name if path.suffix else next((f for f in official if Path(f).stem == path.name), f"{path.name}.pt")
        folders = [Path(folder) for folder in [os.environ.get("MOTS_WEIGHTS", "")] if folder]
        for place in [folder / file for folder in folders] + [cache_folder() / file]:
            if place.is_file():
                return place
            tried.append(str(place))
        if file in official:
            for each, sha256 in official[file].sha256.items():  # the file that is asked for comes last
                target = fetch(each, official[file].folder, sha256, tried)
            return target
        tried.append(f"the downloads that can be checked: {', '.join(official)}")
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


def fetch(file: str, folder: str, sha256: str, tried: list[str]) -> Path:
    """Download a published file into the cache; it gets its name once its sha256 is right."""
    import urllib.error
    import urllib.request

    target = cache_folder() / file
    part = target.with_name(f"{file}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with urllib.request.urlopen(folder + file, timeout=30) as answer, part.open("wb") as output:
            while block := answer.read(1 << 20):
                digest.update(block)
                output.write(block)
        if not digest.hexdigest().startswith(sha256):
            raise FormatError(
                f"{folder}{file}: sha256 {digest.hexdigest()} where {sha256} was expected: "
                "the download is damaged or not the official file, and was deleted"
            )
        part.replace(target)
    except (OSError, urllib.error.URLError) as error:
        places = "".join(f"\n  {place}" for place in [*tried, f"{folder}{file} ({error})"])
        raise InputError(f"no weights '{file}'; looked in:{places}\n{ADVICE}") from error
    finally:
        part.unlink(missing_ok=True)
    return target
