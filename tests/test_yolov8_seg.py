import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots.errors import MotsError
from mots.models import yolov8_seg
from mots.models.outputs import mask_upsampling
from mots.models.outputs.predictions import candidates
from mots.models.outputs.suppression import suppressed
from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg

PICTURES = (
    ("mots20/0005/images/000300.jpg", 640),
    ("mots20/0002_first300/images/000100.jpg", 1280),
    ("kitti_raw_drive/images/000020.jpg", 640),
    ("kitti_raw_drive/images/000070.jpg", 1000),
)


def image_at(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(("picture", "imgsz"), PICTURES)
def test_detections_are_those_of_ultralytics_retina_masks(shared: Path, picture: str, imgsz: int) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    weights = shared / "weights/yolov8n-seg.pt"
    image = image_at(shared / "data" / picture)
    (found,) = YOLOv8Seg(DetectorSettings(str(weights), conf=0.05, imgsz=imgsz, device="cpu")).detect([image])

    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from ultralytics import YOLO

    (wanted,) = YOLO(str(weights)).predict(
        image[:, :, ::-1], retina_masks=True, conf=0.05, imgsz=imgsz, verbose=False, device="cpu"
    )
    assert len(found) == len(wanted.boxes) > 10
    assert found.classes.tolist() == wanted.boxes.cls.int().tolist()
    assert found.scores == pytest.approx(wanted.boxes.conf.numpy(), abs=1e-4)
    assert np.abs(found.boxes - wanted.boxes.xyxy.numpy()).max() < 1
    for i, mask in enumerate(wanted.masks.data.numpy() > 0):
        own = found.masks.image(i)
        assert np.count_nonzero(own & mask) / np.count_nonzero(own | mask) >= 0.98


def test_onnx_finds_the_same_objects_without_torch(shared: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    code = (
        "import sys; import numpy as np; from PIL import Image\n"
        "from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg\n"
        "image = np.asarray(Image.open(sys.argv[2]).convert('RGB'))\n"
        "found, = YOLOv8Seg(DetectorSettings(sys.argv[1], conf=0.5)).detect([image])\n"
        "assert 'torch' not in sys.modules and 'ultralytics' not in sys.modules\n"
        "np.save(sys.argv[3], np.concatenate([found.boxes, found.classes[:, None]], axis=1))\n"
    )
    pytest.importorskip("torch", reason="the models extra is not installed")
    for picture, _ in PICTURES[::2]:
        path = shared / "data" / picture
        output = Path(subprocess.check_output(["mktemp", "--suffix=.npy"], text=True).strip())
        weights = shared / "weights/yolov8n-seg.onnx"
        subprocess.run([sys.executable, "-c", code, str(weights), str(path), str(output)], check=True)
        without = np.load(output)
        output.unlink()
        settings = DetectorSettings(str(weights.with_suffix(".pt")), conf=0.5, device="cpu")
        (found,) = YOLOv8Seg(settings).detect([image_at(path)])
        # The two files are not one network to the last bit: the same objects, to within a few pixels.
        near = np.abs(found.boxes[:, None] - without[None, :, :4]).max(axis=2) < 12
        same = near & (found.classes[:, None] == without[None, :, 4])
        assert same.any(axis=1).mean() > 0.85
        assert same.any(axis=0).mean() > 0.85


def test_a_batch_is_its_images_one_by_one(shared: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    detector = YOLOv8Seg(DetectorSettings(str(shared / "weights/yolov8n-seg.pt"), device="cpu"))
    images = [image_at(shared / f"data/mots20/0005/images/{k:06d}.jpg") for k in (1, 200, 400)]
    for alone, together in zip([detector.detect([i])[0] for i in images], detector.detect(images), strict=True):
        assert np.abs(alone.boxes - together.boxes).max() < 0.1
        assert alone.masks.areas() == pytest.approx(together.masks.areas(), rel=0.02, abs=3)
    assert detector.detect([]) == []
    (people,) = detector.detect(images[:1], classes=[0])
    assert set(people.classes.tolist()) == {0}


@pytest.mark.parametrize(
    ("size", "inputs"),
    [((480, 640), (480, 640)), ((375, 1242), (224, 640)), ((1080, 1920), (384, 640)), ((97, 33), (640, 224))],
)
def test_boxes_go_into_the_input_and_back(size: tuple[int, int], inputs: tuple[int, int]) -> None:
    assert yolov8_seg.input_size(size, 640) == inputs
    height, width, top, left = mask_upsampling.placed(size, inputs)
    whole = np.array([[left, top, left + width, top + height]], np.float32)
    assert yolov8_seg.boxes_in_image(whole, size, inputs) == pytest.approx(np.array([[0, 0, size[1], size[0]]]))


def test_letterboxed_images_lie_in_grey(rng: np.random.Generator) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    image = rng.integers(0, 256, (50, 100, 3), dtype=np.uint8)
    canvas = yolov8_seg.letterbox(image, (64, 100))
    assert canvas.shape == (3, 64, 100)
    assert canvas[:, 7:57].transpose(1, 2, 0) * 255 == pytest.approx(image, abs=1e-3)
    assert canvas[:, :7] * 255 == pytest.approx(114)


def test_enlarging_masks_is_torchs_bilinear(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="the models extra is not installed")
    for source, target in ((5, 17), (7, 7), (40, 13), (1, 6)):
        samples = rng.normal(size=source).astype(np.float32)
        line = torch.from_numpy(samples)[None, None, :, None].expand(1, 1, source, 2)
        wanted = torch.nn.functional.interpolate(line, (target, 2), mode="bilinear")[0, 0, :, 0].numpy()
        assert mask_upsampling.bilinear(target, source) @ samples == pytest.approx(wanted, abs=1e-5)


def test_duplicates_are_suppressed_within_a_class_only() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    classes = np.array([0, 0, 1, 0])
    assert suppressed(boxes, classes, 0.7, 300).tolist() == [0, 2, 3]
    assert suppressed(boxes, classes, 0.9, 300).tolist() == [0, 1, 2, 3]
    assert suppressed(boxes, classes, 0.7, 2).tolist() == [0, 2]


def test_networks_without_suppression_are_understood() -> None:
    prediction = np.zeros((5, 6 + 4), np.float32)
    prediction[:, :6] = [[0, 0, 9, 9, s, c] for s, c in ((0.2, 0), (0.9, 1), (0.05, 0), (0.5, 0), (0.6, 2))]
    found = candidates(prediction, 3, 4, np.array([0, 1]), conf=0.1, nms_iou=0.7, most=300)
    assert found.scores == pytest.approx([0.9, 0.5, 0.2])
    assert found.classes.tolist() == [1, 0, 0]


def test_files_that_are_no_segmentation_weights_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the models extra is not installed")
    from ultralytics.nn.tasks import DetectionModel

    (tmp_path / "noise.pt").write_bytes(b"not weights")
    with pytest.raises(MotsError, match=r"noise\.pt: not a checkpoint that can be loaded"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "noise.pt")))
    torch.save({"model": DetectionModel("yolov8n.yaml", verbose=False)}, tmp_path / "boxes.pt")
    with pytest.raises(MotsError, match=r"boxes\.pt: a DetectionModel, not a segmentation model"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "boxes.pt")))
    (tmp_path / "noise.onnx").write_bytes(b"not weights")
    with pytest.raises(MotsError, match=r"noise.onnx: not an ONNX model|needs onnxruntime"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "noise.onnx")))
    (tmp_path / "x.bin").write_bytes(b"")
    with pytest.raises(MotsError, match=r"end in \.pt"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "x.bin")))


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the models extra is not installed")
    torch.save({"model": Trap(tmp_path / "sprung")}, tmp_path / "trap.pt")
    with pytest.raises(MotsError, match="ULTRALYTICS_SAFE_LOAD=0: it may then run any code"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "trap.pt")))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (DetectorSettings("demo", conf=1.5), "conf is 1.5"),
        (DetectorSettings("demo", nms_iou=-0.1), "nms_iou is -0.1"),
        (DetectorSettings("demo", imgsz=8), "imgsz is 8"),
        (DetectorSettings("demo", device="cuda:9"), "device 'cuda:9'"),
        (DetectorSettings("demo", device="toaster"), "device 'toaster'"),
    ],
)
def test_settings_that_no_detector_can_use_are_refused(settings: DetectorSettings, message: str) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    with pytest.raises(MotsError, match=message):
        YOLOv8Seg(settings)
