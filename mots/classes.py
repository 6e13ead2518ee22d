"""The table of classes: the engine's ids, and the numbers of every benchmark and format.

The engine's ids are COCO's 80 from 0 (person). Classes of data sets that COCO lacks have fixed ids from 900 on. A
checkpoint's own other classes get the ids from 80 on, in the checkpoint's order. Readers convert to these ids, writers
convert from them; nothing else knows other numbers.

MOTS text and PNG give COCO's person and car the numbers that KITTI MOTS and MOTS20 prescribe, and every other class 11
+ its id, so that no two classes share a number and 10 stays the ignore region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = [
    "ALIASES",
    "BDD_CLASSES",
    "CLASS_IDS",
    "CLASS_NAMES",
    "CONFUSABLE",
    "IGNORE",
    "KITTI_MOTS_CLASSES",
    "MOT_CHALLENGE_CLASSES",
    "STEP_IDS",
    "STEP_NAMES",
    "STEP_THINGS",
    "class_name",
    "engine_ids",
    "from_mots",
    "names_to_ids",
    "to_mots",
]

CLASS_NAMES: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush",
)  # fmt: skip
IGNORE = -1  # the class of an ignore region in a `LabelTable`
IGNORE_NAME = "ignore"
MORE_CLASSES: dict[str, int] = {"rider": 900}  # of BDD100K and Cityscapes
CLASS_IDS: dict[str, int] = {name: number for number, name in enumerate(CLASS_NAMES)} | MORE_CLASSES
NAMES_BY_ID: dict[int, str] = {number: name for name, number in CLASS_IDS.items()}

# Other data sets' names of the same classes.
ALIASES = {"pedestrian": "person", "motorbike": "motorcycle", "bike": "bicycle", "aeroplane": "airplane"}

# Detectors confuse the classes of a group on one object; the tracker may join detections of one group only.
CONFUSABLE: tuple[tuple[str, ...], ...] = (("car", "bus", "train", "truck"), ("bicycle", "motorcycle"))

# Benchmarks: their own name of each class, and the engine's id.
KITTI_MOTS_CLASSES: dict[str, int] = {"car": CLASS_IDS["car"], "pedestrian": CLASS_IDS["person"]}
BDD_CLASSES: dict[str, int] = {
    name: CLASS_IDS[ALIASES.get(name, name)]
    for name in ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
}
# Cityscapes' 19 train ids (Cordts et al., CVPR 2016), which KITTI-STEP has too.
STEP_NAMES: tuple[str, ...] = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
STEP_IDS: dict[str, int] = {name: number for number, name in enumerate(STEP_NAMES)}
STEP_THINGS: dict[int, int] = {CLASS_IDS[name]: STEP_IDS[name] for name in ("person", "car")}
# To MOTChallenge's numbers (MOT16, Milan et al., arXiv:1603.00831, table 3); a rider is a person on a vehicle.
MOT_CHALLENGE_CLASSES: dict[int, int] = {
    CLASS_IDS[name]: number for number, name in enumerate(("person", "rider", "car", "bicycle", "motorcycle"), start=1)
}

MOTS_CAR, MOTS_PEDESTRIAN, MOTS_IGNORE = 1, 2, 10
MOTS_OTHERS = 11  # is added to the id of a class that KITTI MOTS does not have


def to_mots(class_id: int) -> int:
    """The class number of MOTS text and PNG for an engine's id or IGNORE."""
    if class_id == CLASS_IDS["car"]:
        return MOTS_CAR
    if class_id == CLASS_IDS["person"]:
        return MOTS_PEDESTRIAN
    return MOTS_IGNORE if class_id == IGNORE else MOTS_OTHERS + class_id


def from_mots(number: int) -> int:
    """The engine's id, or IGNORE, of a class number of MOTS text. Raises ValueError for 0, 3 to 9 and negative ones."""
    if number == MOTS_CAR:
        return CLASS_IDS["car"]
    if number == MOTS_PEDESTRIAN:
        return CLASS_IDS["person"]
    if number == MOTS_IGNORE:
        return IGNORE
    if number < MOTS_OTHERS:
        raise ValueError(f"class {number} is none of 1 (car), 2 (pedestrian), 10 (ignore) or 11 and above")
    return number - MOTS_OTHERS


def class_name(class_id: int, names: Mapping[int, str] | None = None) -> str:
    """The name of an engine's id; `names` (id to name) adds a checkpoint's own classes."""
    if names and class_id in names:
        return names[class_id]
    if class_id == IGNORE:
        return IGNORE_NAME
    return NAMES_BY_ID.get(class_id, f"class {class_id}")


def id_of(name: str) -> int | None:
    """The engine's id of a class name or alias, IGNORE for `ignore`, None for an unknown name."""
    word = name.strip().lower()
    return IGNORE if word == IGNORE_NAME else CLASS_IDS.get(ALIASES.get(word, word))


def engine_ids(names: Mapping[int, str]) -> dict[int, int]:
    """A checkpoint's class numbers to the engine's ids, by name; unknown names get 80 and up."""
    ids: dict[int, int] = {}
    extra = len(CLASS_NAMES)
    for number in sorted(names):
        known = id_of(names[number])
        if known is None or known == IGNORE:
            known, extra = extra, extra + 1
        ids[number] = known
    return ids


def names_to_ids(wanted: str | Iterable[str], names: Mapping[int, str] | None = None) -> tuple[int, ...]:
    """The engine's ids of class names, aliases or numbers; none for `all`, which stands for every class.

    `wanted`: names, or one text with commas between them. `names` (id to name) adds a checkpoint's own classes. Raises
    ValueError that names the unknown class and the nearest known ones.
    """
    own = {name.lower(): number for number, name in (names or {}).items()}
    words = wanted.split(",") if isinstance(wanted, str) else [str(word) for word in wanted]
    words = [word.strip() for word in words if word.strip()]
    if [word.lower() for word in words] == ["all"]:
        return ()
    ids: list[int] = []
    for word in words:
        known = id_of(word)
        if known is None or known == IGNORE:
            known = own.get(word.lower())
        if known is None and word.isdigit() and (int(word) in NAMES_BY_ID or int(word) in (names or {})):
            known = int(word)
        if known is None:
            import difflib

            near = difflib.get_close_matches(word.lower(), dict.fromkeys([*CLASS_IDS, *own]), n=3, cutoff=0.5)
            raise ValueError(f"unknown class '{word}': did you mean {' or '.join(near or ['person', 'car', 'truck'])}?")
        ids.append(known)
    return tuple(dict.fromkeys(ids))
