"""IM1 and IM2 against scikit-learn's principal components."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from xaicf.core import Explanation, InputError, Subject
from xaicf.evaluation import autoencoders


def test_im1_and_im2_are_their_definitions_with_principal_components() -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(60, 1, 4, 4, generator=random)
    label = torch.arange(60) % 3
    images[label == 1, :, :2] = 0.5
    made = autoencoders.ClassAutoencoders({"image": images, "label": label, "index": label}, 3, components=4)
    after, fact = torch.rand(5, 1, 4, 4, generator=random), torch.tensor([0, 1, 2, 0, 1])
    explained = Explanation(after, fact, (fact + 1) % 3, torch.ones_like(fact), counterfactual=after)

    def again(x: Tensor, of: Tensor) -> np.ndarray:
        pca = PCA(4).fit(of.flatten(1).numpy())
        back: np.ndarray = pca.inverse_transform(pca.transform(x.flatten()[None].numpy()))[0]
        return back

    subject = Subject(nn.Flatten())
    im1, im2 = (function(made, subject, explained) for function in (autoencoders.im1, autoencoders.im2))
    for row in range(5):
        x, (t, f) = after[row], (int(explained.fact[row]), int(explained.foil[row]))
        flat = x.flatten().numpy()
        errors = [((flat - again(x, images[label == c])) ** 2).sum() for c in (f, t)]
        assert im1[row] == pytest.approx(errors[0] / errors[1], rel=1e-4)
        apart = ((again(x, images[label == f]) - again(x, images)) ** 2).sum() / flat.sum()
        assert im2[row] == pytest.approx(apart, rel=1e-4)


def test_a_class_without_images_has_no_autoencoder() -> None:
    image = torch.rand(4, 1, 4, 4)
    label = torch.tensor([0, 0, 0, 1])
    with pytest.raises(InputError, match="class 1 has 1"):
        autoencoders.ClassAutoencoders({"image": image, "label": label, "index": label}, 2)
