"""The only table of class ids: ours, COCO's, and those of each format.

Ours are COCO's 80 ids, from 0 (person). A checkpoint's own classes that COCO does not have follow from 80 on, in the
checkpoint's order. MOTS text gives COCO's person and car the ids that KITTI MOTS and MOTS20 prescribe, and every other
class 11 + ours, so that no two classes meet and 10 stays the ignore region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = [
    "CLASS_IDS",
    "CLASS_NAMES",
    "CONFUSABLE",
    "from_mots",
    "names_to_ids",
    "our_ids",
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
CLASS_IDS: dict[str, int] = {name: number for number, name in enumerate(CLASS_NAMES)}

# Other data sets' words for the same things.
ALIASES = {"pedestrian": "person", "motorbike": "motorcycle", "bike": "bicycle", "aeroplane": "airplane"}

# Detectors confuse the classes of one group on one object: pairs within a group may be one track, pairs across not.
CONFUSABLE: tuple[tuple[str, ...], ...] = (
    ("car", "bus", "train", "truck"),
    ("bicycle", "motorcycle"),
)

MOTS_CAR, MOTS_PEDESTRIAN, MOTS_IGNORE = 1, 2, 10
MOTS_OTHERS = 11  # added to our id of a class that KITTI MOTS does not have


def to_mots(class_id: int) -> int:
    """The class id of MOTS text and PNG for one of ours."""
    if class_id == CLASS_IDS["car"]:
        return MOTS_CAR
    if class_id == CLASS_IDS["person"]:
        return MOTS_PEDESTRIAN
    return MOTS_OTHERS + class_id


def from_mots(mots_id: int) -> int:
    """Ours for a class id of MOTS text. Raises a ValueError for an id that no class has (0, 3 to 9, and 10)."""
    if mots_id == MOTS_CAR:
        return CLASS_IDS["car"]
    if mots_id == MOTS_PEDESTRIAN:
        return CLASS_IDS["person"]
    if mots_id < MOTS_OTHERS:
        raise ValueError(f"class {mots_id} is none of 1 (car), 2 (pedestrian), 10 (ignore) or 11 and above")
    return mots_id - MOTS_OTHERS


def class_name(class_id: int, names: Mapping[int, str] | None = None) -> str:
    """The name of one of our ids; `names` (ours to name) adds a checkpoint's own classes."""
    if names and class_id in names:
        return names[class_id]
    return CLASS_NAMES[class_id] if class_id < len(CLASS_NAMES) else f"class {class_id}"


def our_ids(names: Mapping[int, str]) -> dict[int, int]:
    """A checkpoint's class ids to ours, by its class names: COCO's where the name is known, 80 and up elsewhere."""
    ours: dict[int, int] = {}
    extra = len(CLASS_NAMES)
    for number in sorted(names):
        name = names[number].lower()
        name = ALIASES.get(name, name)
        if name in CLASS_IDS:
            ours[number] = CLASS_IDS[name]
        else:
            ours[number] = extra
            extra += 1
    return ours


def names_to_ids(wanted: Iterable[str], names: Mapping[int, str] | None = None) -> tuple[int, ...]:
    """Our ids of class names, aliases or numbers. `names` (ours to name) adds a checkpoint's own classes.

    Raises a ValueError that names the unknown class and the nearest known ones.
    """
    known = {name: number for number, name in (names or {}).items()} | CLASS_IDS
    ids: list[int] = []
    for word in wanted:
        name = word.strip().lower()
        name = ALIASES.get(name, name)
        if name in known:
            ids.append(known[name])
        elif name.isdigit() and (int(name) < len(CLASS_NAMES) or int(name) in (names or {})):
            ids.append(int(name))
        else:
            import difflib

            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or ["person", "car", "truck"]
            raise ValueError(f"unknown class '{word.strip()}': did you mean {' or '.join(near)}?")
    return tuple(dict.fromkeys(ids))
