"""What stores and their explainers are called where several stand side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from xaicf.core import InputError
from xaicf.store import Folder, Manifest


def store_titles(stores: Sequence[str]) -> dict[str, str]:
    """Give as much of the end of each path as tells them apart, most often the folder's name.

    Raises:
        InputError: no store, or one that is named twice.
    """
    paths = [PurePosixPath(Folder(store).root) for store in stores]
    if not stores or len(set(paths)) < len(paths):
        raise InputError(f"stores must be one or more, each named once, got {', '.join(stores) or 'none'}")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return {store: str(PurePosixPath(*path.parts[-depth:])) for store, path in zip(stores, paths, strict=True)}


def explainer_names(titles: Mapping[str, str], manifests: Mapping[str, Manifest]) -> dict[tuple[str, str], str]:
    """Name every explainer of every store, with the store's title where several hold one of that name."""
    times = Counter(explainer for manifest in manifests.values() for explainer in manifest.explainers)
    return {
        (store, explainer): f"{explainer} ({title})" if times[explainer] > 1 else explainer
        for store, title in titles.items()
        for explainer in manifests[store].explainers
    }
