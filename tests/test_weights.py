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
    for place in (tmp_path / "mine/yolov8s-seg.pt", tmp_path / "cache/mots/yolov8s-seg.pt", "can be checked"):
        assert str(place) in str(caught.value)
    with pytest.raises(MotsError, match=r"no weights 'folder/x.pt'"):
        weights.find("folder/x.pt")


def test_a_download_is_kept_only_if_its_sha256_is_right(tmp_path: Path) -> None:
    server = tmp_path / "server"
    server.mkdir()
    (server / "yolov8n-seg.pt").write_bytes(b"the official bytes")
    release = f"{server.as_uri()}/"
    with pytest.raises(MotsError, match=r"sha256 .* was expected"):
        weights.find("yolov8n-seg", published(release, {"yolov8n-seg.pt": b"other bytes"}))
    assert list((tmp_path / "cache/mots").iterdir()) == []
    right = {"yolov8n-seg.pt": b"the official bytes"}
    fetched = weights.find("yolov8n-seg", published(release, right))
    assert fetched.read_bytes() == b"the official bytes"
    assert weights.find("yolov8n-seg", published("file:///nowhere/", right)) == fetched  # from the cache now


def published(folder: str, contents: dict[str, bytes]) -> dict[str, weights.Download]:
    """The downloads of these files, which belong together; the last one is asked for."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return {list(contents)[-1]: weights.Download(folder, sums)}


def test_files_that_belong_together_are_fetched_together(tmp_path: Path) -> None:
    contents = {"net.bin": b"numbers", "net.xml": b"<net/>"}
    (tmp_path / "server").mkdir()
    for name, content in contents.items():
        (tmp_path / "server" / name).write_bytes(content)
    fetched = weights.find("net", published(f"{(tmp_path / 'server').as_uri()}/", contents))
    assert fetched == tmp_path / "cache/mots/net.xml"
    assert (tmp_path / "cache/mots/net.bin").read_bytes() == b"numbers"


@pytest.mark.parametrize("name", ["person-reidentification-retail-0288", "person-reidentification-retail-0277.xml"])
def test_the_open_model_zoos_networks_have_a_network_file_and_its_numbers(name: str) -> None:
    download = weights.OFFICIAL[f"{name.removesuffix('.xml')}.xml"]
    assert [Path(file).suffix for file in download.sha256] == [".bin", ".xml"]
    assert all(len(sha256) == 64 for sha256 in download.sha256.values())


def test_a_failed_download_names_the_address(tmp_path: Path) -> None:
    with pytest.raises(MotsError, match=r"looked in:(.|\n)*nowhere/yolov8n-seg.pt"):
        weights.find("yolov8n-seg", published("file:///nowhere/", {"yolov8n-seg.pt": b""}))
