"""The names that scripts rely on, and how they are called."""

import inspect
import subprocess
import sys

import pytest

import mots

# Each function with its parameters: those before the star by position, the others by name.
SIGNATURES = {
    "track": "source * preset settings changes classes detections detector embedder mask_refiner camera_motion offline "
    "weights conf imgsz device reid frame_rate",
    "Stream": "* preset settings changes classes detector embedder mask_refiner camera_motion weights conf imgsz "
    "device reid frame_rate",
    "Pipeline": "source settings * detections detector embedder mask_refiner camera_motion offline name explain",
    "record": "source folder * video table offline explain scene events show overwrite quiet watch preset settings "
    "changes classes detections detector embedder mask_refiner camera_motion weights conf imgsz device reid frame_rate",
    "open_source": "source frame_rate settings",
    "select": "source * start end every max_frames frame_rate",
    "count": "results scene output * interval frame_rate source sport plots parquet overwrite",
    "read_results": "path sequence frame_rate",
    "DetectionWriter": "path frame_rate names refined",
    "Tracker": "settings frame_rate",
    "convert": "source target to origin * annotations size overwrite",
}
METHODS = {
    "DetectionWriter.write": "frame time detections motion",
    "Stream.update": "image time detections",
    "Tracker.update": "detections time camera",
    "Tracker.save": "path",
    "Tracker.load": "path settings",
    "Masks.from_images": "images",
    "Masks.empty": "size",
    "Detections.empty": "size dimension",
}


def parameters(callable_: object) -> str:
    """The names of the parameters, with a star before those that are given by name alone."""
    words: list[str] = []
    for parameter in inspect.signature(callable_).parameters.values():  # type: ignore[arg-type]
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(parameter.name)
    return " ".join(words)


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_take_what_is_documented(name: str) -> None:
    assert parameters(getattr(mots, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_what_is_documented(name: str) -> None:
    kind, method = name.split(".")
    assert parameters(getattr(getattr(mots, kind), method)) == METHODS[name]


def test_every_name_is_there_and_listed() -> None:
    assert all(getattr(mots, name) is not None for name in mots.__all__)
    assert set(mots.__all__) <= set(dir(mots))
    for name in mots.__all__:
        if inspect.isclass(getattr(mots, name)) or inspect.isfunction(getattr(mots, name)):
            assert inspect.getdoc(getattr(mots, name)), name


def test_folders_are_reachable_after_one_import() -> None:
    code = (
        "import mots\n"
        "folders = [name for name in dir(mots) if not name.startswith('_') and name not in mots.__all__]\n"
        "assert len(folders) >= 15, folders\n"
        "for name in folders: getattr(mots, name)\n"
        "mots.formats.mots_text.read, mots.metrics.vos.j_and_f, mots.metrics.events.accumulate\n"
        "mots.trackers.masks.Masks, mots.models.weights, mots.toy.world.World\n"
        "import sys; print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
