"""Show, as an editor learns, what it makes of images."""

import torch
from lightning import Callback, LightningModule, Trainer

from xaicf.callbacks.pictures import log_matrix, shown_images
from xaicf.core import Batch, Editor, InputError, as_found, other_side, same_side
from xaicf.data import ImageData
from xaicf.viz.heatmap import Pixels
from xaicf.viz.matrix import matrix


class LogEdits(Callback):
    """At the end of each validation, edit some validation images, one attribute at a time, and show them.

    The picture, a row for each input and a column for each attribute, set to 0 where the data has it at 0.5 or more and
    to 1 else, lies in ``<default_root_dir>/edits``; an edit that the editor itself does not read has a red frame. A
    task measures its edits by itself, see :class:`~xaicf.tasks.AttGAN`. Process 0 does the work.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what does not edit.

        Raises:
            InputError: the module is no editor, or the data is no :class:`ImageData` or has other attributes.
        """
        data = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, Editor) or not isinstance(data, ImageData):
            names = f"{type(pl_module).__name__} and {type(data).__name__}"
            raise InputError(f"LogEdits needs an Editor and an ImageData module, got {names}")
        wanted, found = (", ".join(one.attribute_names) or "none" for one in (pl_module, data))
        if wanted != found:
            raise InputError(f"LogEdits needs data with the attributes of the editor, {wanted}, got {found}")
        self.data = data

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, write and log, on process 0."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        drawn = edit_matrix(pl_module, shown_images(self.data, pl_module.device), self.data.class_names)
        log_matrix(trainer, "edits", drawn)


def edit_matrix(editor: LightningModule, batch: Batch, class_names: tuple[str, ...]) -> Pixels:
    """Set each attribute of each image to the other side, and lay out what comes of it.

    Args:
        editor: a module that is an :class:`Editor`.
        batch: of N images in [0, 1], on the device of the editor, with attributes (N, A).
        class_names: one for each class.

    Returns:
        Pixels (H', W', 3) in [0, 1].
    """
    assert isinstance(editor, Editor)
    images, attributes = batch["image"], batch["attributes"].to(batch["image"])
    with as_found(editor), torch.no_grad():
        features = editor.features(images)
        asked = [other_side(attributes, number) for number in range(attributes.shape[1])]
        made = [editor.draw(features, one) for one in asked]
        read = [
            same_side(editor.read(image), one)[:, number]
            for number, (image, one) in enumerate(zip(made, asked, strict=True))
        ]
    return matrix(
        images,
        torch.stack(made, 1),
        [class_names[one] for one in batch["label"].tolist()],
        editor.attribute_names,
        torch.stack(read, 1),
        "with this on the other side",
    )
