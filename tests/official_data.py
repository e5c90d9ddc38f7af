"""Published data sets in small, in the formats and folders of their own archives."""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

SIZES = ((40, 30), (30, 44), (36, 36))
"""Widths and heights that images take in turn."""

CELEBA = [
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
]
"""CelebA's forty attributes, in the order of its table."""


def write_svhn(root: Path, train: int = 400, test: int = 20) -> None:
    """Write SVHN's files, with 30 extra images."""
    folder = root / "SVHN"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, count) in enumerate((("train", train), ("test", test), ("extra", 30))):
        digits = np.arange(count) % 10
        images = np.random.default_rng(seed).integers(0, 100, (32, 32, 3, count)) + 15 * digits
        classes = np.where(digits, digits, 10)[:, None]
        savemat(folder / f"{name}_32x32.mat", {"X": images.astype(np.uint8), "y": classes.astype(np.uint8)})


def write_cifar10(root: Path, count: int = 40) -> None:
    """Write CIFAR-10's batches of so many images each."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True, exist_ok=True)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names, "num_vis": 3072}))
    random = np.random.default_rng(0)
    for batch in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        labels = [int(label) for label in random.permutation(np.arange(count) % 10)]
        rows = random.integers(0, 100, (count, 3072)) + 15 * np.array(labels)[:, None]
        entry = {"batch_label": batch, "labels": labels, "data": rows.astype(np.uint8), "filenames": []}
        (folder / batch).write_bytes(pickle.dumps(entry))


def publish(patch: pytest.MonkeyPatch, root: Path | None = None) -> None:
    """Have torchvision take the checksums of small SVHN and CIFAR-10 for the published ones, or any checksum."""

    def md5(*parts: str) -> str | None:
        path = None if root is None else root.joinpath(*parts)
        return hashlib.md5(path.read_bytes()).hexdigest() if path is not None and path.is_file() else None

    svhn, cifar10 = datasets.SVHN, datasets.CIFAR10
    listed = {name: [url, file, md5("SVHN", file)] for name, (url, file, _) in svhn.split_list.items()}
    patch.setattr(svhn, "split_list", listed)
    for name in ("train_list", "test_list"):
        patch.setattr(cifar10, name, [[file, md5(cifar10.base_folder, file)] for file, _ in getattr(cifar10, name)])
    patch.setitem(cifar10.meta, "md5", md5(cifar10.base_folder, "batches.meta"))


def write_cub(root: Path, classes: int = 3, each: int = 8) -> None:
    """Write photographs of birds, half of them to test, each with a box and 15 parts, of which every other is seen."""
    folder = root / "CUB_200_2011"
    names = [f"{number + 1:03}.Bird_number_{number}" for number in range(classes)]
    rows: dict[str, list[str]] = {name: [] for name in ("images", "labels", "split", "boxes", "parts")}
    for number in range(classes * each):
        label, of = divmod(number, each)
        path = f"{names[label]}/Bird_{of:04}.jpg"
        _photo(folder / "images" / path, number)
        rows["images"].append(f"{number + 1} {path}")
        rows["labels"].append(f"{number + 1} {label + 1}")
        rows["split"].append(f"{number + 1} {of % 2}")
        rows["boxes"].append(f"{number + 1} {5 + of}.0 {4 + label}.0 20.0 16.0")
        rows["parts"] += [
            f"{number + 1} {part + 1} {6 + part}.0 {5 + part}.0 1" if part % 2 else f"{number + 1} {part + 1} 0.0 0.0 0"
            for part in range(15)
        ]
    (folder / "parts").mkdir()
    _write(folder / "classes.txt", [f"{number + 1} {name}" for number, name in enumerate(names)])
    _write(folder / "images.txt", rows["images"])
    _write(folder / "image_class_labels.txt", rows["labels"])
    _write(folder / "train_test_split.txt", rows["split"])
    _write(folder / "bounding_boxes.txt", rows["boxes"])
    _write(folder / "parts/part_locs.txt", rows["parts"])


def write_aircraft(root: Path) -> None:
    """Write 6 photographs of each of 3 variants, two for each split."""
    data = root / "fgvc-aircraft-2013b/data"
    variants = ["707-320", "F/A-18", "Model B200"]
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    boxes = []
    for number in range(18):
        name = f"{1000000 + 17 * number:07}"
        _photo(data / f"images/{name}.jpg", number)
        rows[("train", "val", "test")[number % 3]].append(f"{name} {variants[number // 6]}")
        boxes.append(f"{name} {1 + number} 3 {20 + number // 2} 25")
    _write(data / "variants.txt", variants)
    _write(data / "images_box.txt", boxes)
    for split, lines in rows.items():
        _write(data / f"images_variant_{split}.txt", lines)


def write_food(root: Path) -> None:
    """Write 12 photographs of each of 3 dishes, 8 to train."""
    folder = root / "food-101"
    listed: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for label, dish in enumerate(("waffles", "apple_pie", "miso_soup")):
        files = [f"{dish}/{100 * label + number}" for number in range(12)]
        for number, file in enumerate(files):
            _photo(folder / f"images/{file}.jpg", 12 * label + number)
        listed["train"][dish], listed["test"][dish] = files[4:], files[:4]
    (folder / "meta").mkdir()
    for split, dishes in listed.items():
        (folder / f"meta/{split}.json").write_text(json.dumps(dishes))


def write_flowers(root: Path) -> None:
    """Write 3 photographs of each of the 102 flowers, in an order of their own, one for each split."""
    folder = root / "flowers-102"
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(102), 3)) + 1
    splits: dict[str, list[int]] = {"trnid": [], "valid": [], "tstid": []}
    seen: dict[int, int] = {}
    for number, label in enumerate(labels.tolist(), 1):
        _photo(folder / f"jpg/image_{number:05}.jpg", number)
        splits[("trnid", "valid", "tstid")[seen.get(label, 0)]].append(number)
        seen[label] = seen.get(label, 0) + 1
    savemat(folder / "imagelabels.mat", {"labels": labels[None].astype(np.uint8)})
    savemat(folder / "setid.mat", {name: np.array([rows], np.uint16) for name, rows in splits.items()})


def write_cars(root: Path) -> None:
    """Write 12 photographs of each of 3 models, 8 to train."""
    folder = root / "stanford_cars"
    (folder / "devkit").mkdir(parents=True)
    names = np.array(["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Audi TT RS Coupe 2012"], object)
    savemat(folder / "devkit/cars_meta.mat", {"class_names": names[None]})
    fields = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")
    for split, count, file in (
        ("train", 24, "devkit/cars_train_annos.mat"),
        ("test", 12, "cars_test_annos_withlabels.mat"),
    ):
        rows = np.empty((1, count), [(field, object) for field in fields])
        for number in range(count):
            _photo(folder / f"cars_{split}/{number + 1:05}.jpg", number)
            rows[0, number] = (2 + number % 5, 4, 25, 28, number % 3 + 1, f"{number + 1:05}.jpg")
        savemat(folder / file, {"annotations": rows})


def write_domains(root: Path, folder: str = "apple2orange") -> None:
    """Write 12 and 15 photographs to train and 4 and 5 to test."""
    for name, count in (("trainA", 12), ("trainB", 15), ("testA", 4), ("testB", 5)):
        for number in range(count):
            _photo(root / folder / name / f"n07740461_{number}.jpg", number)


def write_imagenet(root: Path, flat: bool = True, train: bool = True) -> None:
    """Write four classes, two of which have one name, their numbers in the kit in another order than in WordNet."""
    folder = root / "imagenet"
    kit = folder / "ILSVRC2012_devkit_t12/data"
    kit.mkdir(parents=True)
    synsets = [
        (1, "n02012849", "crane", 0),
        (2, "n01440764", "tench, Tinca tinca", 0),
        (3, "n03126707", "crane", 0),
        (4, "n01443537", "goldfish, Carassius auratus", 0),
        (5, "n00001740", "entity", 2),
    ]
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children")
    rows = np.empty((len(synsets), 1), [(field, object) for field in fields])
    for row, (number, wnid, words, children) in zip(rows[:, 0], synsets, strict=True):
        for field, value in zip(fields, (number, wnid, words, "a gloss", children, 0), strict=True):
            row[field] = value
    savemat(kit / "meta.mat", {"synsets": rows})
    truth = [number % 4 + 1 for number in range(8)]
    _write(kit / "ILSVRC2012_validation_ground_truth.txt", [str(number) for number in truth])
    for number, of_class in enumerate(truth):
        where = folder / "val" if flat else folder / "val" / synsets[of_class - 1][1]
        _photo(where / f"ILSVRC2012_val_{number + 1:08}.JPEG", 20 * of_class + number)
    for _, wnid, _, children in synsets if train else []:
        for number in range(0 if children else 20):
            _photo(folder / "train" / wnid / f"{wnid}_{number}.JPEG", number)


def write_celeba(root: Path, count: int = 90) -> None:
    """Write faces with attributes drawn by lot, as torchvision's files; four in six are for training."""
    had = np.random.default_rng(0).choice([False, True], (count, len(CELEBA)))
    write_celeba_tables(root, had, [(0, 0, 0, 0, 1, 2)[number % 6] for number in range(count)])
    for number in range(count):
        _photo(root / f"celeba/img_align_celeba/{number + 1:06}.jpg", number, (178, 218))


def write_celeba_tables(root: Path, had: np.ndarray, splits: list[int]) -> None:
    """Write which of the 40 attributes each face has (N, 40), and its split: 0, 1 or 2."""
    base = root / "celeba"
    base.mkdir(parents=True, exist_ok=True)
    names = [f"{number + 1:06}.jpg" for number in range(len(had))]
    rows = [f"{name} " + " ".join(f"{2 * one - 1:>2}" for one in own) for name, own in zip(names, had, strict=True)]
    _write(base / "list_attr_celeba.txt", [str(len(had)), " ".join(CELEBA) + " ", *rows])
    _write(base / "list_eval_partition.txt", [f"{name} {one}" for name, one in zip(names, splits, strict=True)])


def write_adult_faces(root: Path) -> None:
    """Write 40 faces with a table that says of each whether it is a man's."""
    rows = ["file,Male"]
    for number in range(40):
        _photo(root / f"adult_faces/face_{number}.jpg", number, (44, 64))
        rows.append(f"face_{number}.jpg,{number % 2}")
    _write(root / "adult_faces/attributes.csv", rows)


def write_bam(root: Path) -> None:
    """Write objects that are cut out, and scenes, in the folders of BAM's parts."""
    for label, name in enumerate(("dog", "truck", "zebra")):
        (root / "bam/objects" / name).mkdir(parents=True, exist_ok=True)
        for number in range(60):
            pixels = np.zeros((24, 30, 4), np.uint8)
            pixels[4:20, 5:25] = (80 * label, number, 255 - 80 * label, 255)
            Image.fromarray(pixels).save(root / "bam/objects" / name / f"{number}.png")
    for label, name in enumerate(("bamboo_forest", "bedroom", "corn_field")):
        for number in range(60):
            _photo(root / "bam/scenes" / name / f"Places365_{number:08}.jpg", 60 * label + number)


def _photo(path: Path, number: int, size: tuple[int, int] | None = None) -> None:
    """Write a picture of one grey, which JPEG keeps but for a rounding."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size or SIZES[number % len(SIZES)], (number % 256,) * 3).save(path, "JPEG", quality=95)


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")
