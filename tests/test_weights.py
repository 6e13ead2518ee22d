import hashlib
from pathlib import Path

import pytest

from mots.errors import MotsError
from mots.models import weights


@pytest.fixture(autouse=True)
def no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MOTS_WEIGHTS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_path_is_itself_and_demo_is_embedded(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    file.write_bytes(b"x")
    assert weights.find(str(file)) == file
    assert weights.find("demo").is_file()
    assert weights.find("demo").stat().st_size < 4e6


def test_a_name_is_looked_up_in_the_folder_then_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("mine", "cache/mots"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "net-seg.pt").write_bytes(b"x")
    assert weights.find("net-seg") == tmp_path / "cache/mots/net-seg.pt"
    monkeypatch.setenv("MOTS_WEIGHTS", str(tmp_path / "mine"))
    assert weights.find("net-seg.pt") == tmp_path / "mine/net-seg.pt"


def test_each_place_that_was_tried_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTS_WEIGHTS", str(tmp_path / "mine"))
    with pytest.raises(MotsError) as caught:
        weights.find("yolov8s-seg")
    for place in (tmp_path / "mine/yolov8s-seg.pt", tmp_path / "cache/mots/yolov8s-seg.pt", "Ultralytics"):
        assert str(place) in str(caught.value)
    with pytest.raises(MotsError, match=r"no weights 'folder/x.pt'"):
        weights.find("folder/x.pt")


def test_a_download_is_kept_only_if_its_sha256_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "server"
    server.mkdir()
    (server / "yolov8n-seg.pt").write_bytes(b"the official bytes")
    release = f"{server.as_uri()}/"
    with pytest.raises(MotsError, match=r"sha256 .* was expected"):
        weights.find("yolov8n-seg", release)
    assert list((tmp_path / "cache/mots").iterdir()) == []
    monkeypatch.setitem(weights.OFFICIAL, "yolov8n-seg.pt", hashlib.sha256(b"the official bytes").hexdigest())
    fetched = weights.find("yolov8n-seg", release)
    assert fetched.read_bytes() == b"the official bytes"
    assert weights.find("yolov8n-seg", "file:///nowhere/") == fetched  # from the cache now


def test_a_failed_download_names_the_address(tmp_path: Path) -> None:
    with pytest.raises(MotsError, match=r"looked in:(.|\n)*nowhere/yolov8n-seg.pt"):
        weights.find("yolov8n-seg", "file:///nowhere/")
