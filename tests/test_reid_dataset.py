import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import toy_root

from mots.cli import main
from mots.formats import mots_text
from mots.video.images import open_image


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A root of toy sequences, and the data set of it."""
    folder = tmp_path_factory.mktemp("reid")
    root = toy_root(folder / "kitti", ("0000", "0001", "0002"))
    command = ["dataset", "reid", "--benchmark", "kitti-mots", "--root", str(root), "--output", str(folder / "r")]
    assert main([*command, "--every", "1", "--height", "12"]) == 0
    return root, folder / "r/msmt17/MSMT17_V1"


def rows(file: Path) -> list[tuple[str, int, int]]:
    """File, identity and camera of each line, as torchreid's reader of MSMT17 takes them apart."""
    found = [line.split(" ") for line in file.read_text().splitlines()]
    return [(name, int(identity), int(name.split("_")[2]) - 1) for name, identity in found]


def test_every_crop_is_an_objects_box(made: tuple[Path, Path]) -> None:
    root, dataset = made
    objects: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
    for name in ("0000", "0001"):
        for frame in mots_text.read(root / f"instances_txt/{name}.txt"):
            for i in np.flatnonzero(frame.classes == 0).tolist():
                x1, y1, x2, y2 = frame.masks.boxes[i].tolist()
                objects.setdefault((name, frame.frame), {})[int(frame.ids[i])] = (x2 - x1, y2 - y1)
    same: dict[int, set[int]] = {}
    for name, identity, camera in rows(dataset / "list_train.txt"):
        sequence, number = name.removesuffix(".jpg").split("_")[3:]
        size = open_image(dataset / "train" / name).size
        assert size[1] >= 12
        assert camera == ["0000", "0001"].index(sequence)
        fitting = {k for k, box in objects[sequence, int(number)].items() if box == size}
        same[identity] = same.get(identity, fitting) & fitting
    assert sorted(same) == list(range(len(same)))  # torchreid wants numbers without gaps
    assert len(same) >= 3
    assert all(same.values())  # one object fits all crops of an identity


def test_a_query_is_answered_by_another_time_only(made: tuple[Path, Path]) -> None:
    _, dataset = made
    query, gallery = rows(dataset / "list_query.txt"), rows(dataset / "list_gallery.txt")
    assert query
    assert {identity for _, identity, _ in query} == {identity for _, identity, _ in gallery}
    for name, identity, camera in query:
        assert (dataset / "test" / name).is_file()
        answers = [other for other, own, seen in gallery if own == identity and seen != camera]
        assert answers
        assert int(name[-10:-4]) < min(int(other[-10:-4]) for other in answers)


def test_torchreid_reads_it(made: tuple[Path, Path]) -> None:
    if importlib.util.find_spec("torchreid") is None:
        pytest.skip("torchreid is not installed")
    code = (
        "import sys; from mots.models.torchvision_operators import import_torchvision; import_torchvision()\n"
        "import torchreid\n"
        "data = torchreid.data.datasets.image.msmt17.MSMT17(root=sys.argv[1])\n"
        "print('identities', data.num_train_pids, len(data.query), len(data.gallery))"
    )
    root = str(made[1].parents[1])
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True)
    _, train, query, gallery = done.stdout.splitlines()[-1].split()
    assert int(train) == len({identity for _, identity, _ in rows(made[1] / "list_train.txt")})
    assert int(query) == len(rows(made[1] / "list_query.txt"))
    assert int(gallery) == len(rows(made[1] / "list_gallery.txt"))


def test_too_few_crops_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = toy_root(tmp_path / "kitti")
    command = ["dataset", "reid", "--root", str(root), "--output", str(tmp_path / "r"), "--height", "80"]
    assert main(command) == 2
    assert "use more frames or smaller crops (--every, --height)" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kitti"]
