"""A survey of a data set in words."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from xaicf.core import SplitName
from xaicf.data import ImageData, Split
from xaicf.data.survey import Duplicates, Survey, named

BROKEN = 20
"""Files that are named of those that cannot be read, and classes of those that a split lacks."""

DIM = 3
"""Files that are named of those that are nearly black."""

LACKING: dict[SplitName, str] = {
    "train": "nothing can be learned of it",
    "val": "no number of a validation says anything of it",
    "test": "no number of a test says anything of it",
}
"""What it means that a class has no image in a split."""


def told(found: Survey, data: ImageData, rows: int) -> Iterator[str]:
    """Give the lines that say what a data set holds.

    Args:
        found: in the data.
        data: set up.
        rows: classes in the table at most; of more the smallest and the largest are shown.
    """
    channels, height, width = data.image_shape
    yield f"{data.num_classes} classes, images of {channels} × {height} × {width} (channels, height, width)"
    yield ""
    splits = found.splits
    counts = {name: one.counts for name, one in splits.items()}
    yield from _table("class", list(splits), _class_rows(counts, data.class_names, rows))
    yield ""
    for name, one in splits.items():
        few, many = int(one.counts.argmin()), int(one.counts.argmax())
        yield (
            f"{name}: {int(one.counts.sum())} images, from {int(one.counts[few])} ({data.class_names[few]}) "
            f"to {int(one.counts[many])} ({data.class_names[many]}) in a class"
            + (f"; looked at {one.surveyed} of them" if one.surveyed < int(one.counts.sum()) else "")
        )
    for name, one in splits.items():
        lacking = (one.counts == 0).nonzero().flatten().tolist()
        for label in lacking[:BROKEN]:
            yield f"class {data.class_names[label]} has no {name} image: {LACKING[name]}"
        if len(lacking) > BROKEN:
            yield f"and {len(lacking) - BROKEN} more classes have no {name} image"
    yield ""
    numbers: list[tuple[str, list[str]]] = [
        ("mean of each channel", [_listed(one.mean) for one in splits.values()]),
        ("standard deviation", [_listed(one.std) for one in splits.values()]),
    ]
    for place, attribute in enumerate(data.attribute_names[:rows]):
        means = [one.attributes for one in splits.values()]
        numbers.append((f"mean of {attribute}", ["–" if of is None else f"{float(of[place]):.3f}" for of in means]))
    if any(one.masked is not None for one in splits.values()):
        for title, values in (
            ("images with a mask", [one.masked for one in splits.values()]),
            ("their pixels in it", [one.mask_area if one.masked else None for one in splits.values()]),
        ):
            numbers.append((title, ["–" if value is None else f"{value:.1%}" for value in values]))
    if len(data.attribute_names) > rows:
        numbers.append((f"and {len(data.attribute_names) - rows} more attributes", ["" for _ in splits]))
    numbers.append(("cannot be read", [str(len(one.broken)) for one in splits.values()]))
    yield from _table("", list(splits), numbers)
    yield ""
    faults = list(_faults(found, data))
    yield from [*faults, ""] if faults else []
    yield from _twice(found.duplicates, data.splits)


def _faults(found: Survey, data: ImageData) -> Iterator[str]:
    """Tell which files cannot be read, and which hardly show anything."""
    for name, one in found.splits.items():
        yield from (f"{name}: {reason}" for reason in one.reasons[:BROKEN])
        if len(one.reasons) > BROKEN:
            yield f"{name}: and {len(one.reasons) - BROKEN} more"
    for name, one in found.splits.items():
        if one.dim:
            files = ", ".join(named(data.splits[name], id_, name) for id_ in one.dim[:DIM])
            more = f" and {len(one.dim) - DIM} more" if len(one.dim) > DIM else ""
            yield (
                f"{name}: {len(one.dim)} images of 16 bits are nearly black, below an eighth of white, as where 12 "
                f"bits are stored in 16; scale them: {files}{more}"
            )


def _twice(duplicates: Sequence[Duplicates], splits: Mapping[SplitName, Split]) -> Iterator[str]:
    """Tell which images are there twice, at the size that is trained on, leaks between splits first."""
    if not duplicates:
        yield "No image is there twice, of those that were looked at.\n"
    for one in sorted(duplicates, key=lambda one: one.first == one.second):
        within = one.first == one.second
        what = f"Duplicates: {one.images} within" if within else f"Leak: {one.images} of {one.second} also in"
        yield f"{what} {one.first}" + (f"; {one.relabelled} of them with another class there" if one.relabelled else "")
        for before, after in one.pairs:
            first, second = named(splits[one.first], before, one.first), named(splits[one.second], after, one.second)
            yield f"  {second} = {first}"
        if one.images > len(one.pairs):
            yield f"  and {one.images - len(one.pairs)} more"
        yield ""


def _class_rows(counts: Mapping[SplitName, Tensor], names: Sequence[str], rows: int) -> list[tuple[str, list[str]]]:
    """Give a row for each class; of too many, in the order of their sizes, the smallest and the largest."""
    whole = sum(counts.values(), start=next(iter(counts.values())) * 0)
    order = range(len(names)) if len(names) <= rows else whole.argsort(stable=True).tolist()
    made = [(names[place], [str(int(of[place])) for of in counts.values()]) for place in order]
    if len(names) > rows:
        hidden = order[rows // 2 : len(names) - (rows - rows // 2)]
        sums = [f"{int(of[hidden].min())} to {int(of[hidden].max())} each" for of in counts.values()]
        made = [*made[: rows // 2], (f"{len(hidden)} classes between", sums), *made[len(names) - (rows - rows // 2) :]]
    return [*made, ("all", [str(int(of.sum())) for of in counts.values()])]


def _table(corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Lay rows out in Markdown, with columns of one width."""
    cells = [[corner, *columns], *([name, *values] for name, values in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = ["| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |" for row in cells]
    rule = "|" + "|".join([f":{'-' * (widths[0] + 1)}", *(f"{'-' * (width + 1)}:" for width in widths[1:])]) + "|"
    yield from [lines[0], rule, *lines[1:]]


def _listed(values: Tensor) -> str:
    return " ".join(f"{value:.3f}" for value in values.tolist())
