"""The DCGAN of the AR/RFM code: its own size, and what is left of it at 32 px."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from method_cases import count
from repro.core.errors import ReproError
from repro.models import dcgan, robust_dcgan


def test_at_128_px_it_has_the_codes_parameter_counts() -> None:
    with torch.device("meta"):
        assert count(robust_dcgan.Generator(128)) == 3_871_747
        assert count(robust_dcgan.Generator(128, latent_dim=512)) == 7_017_475
        assert count(robust_dcgan.Discriminator(128)) == 2_831_360


def test_at_32_px_the_two_outermost_stages_are_missing() -> None:
    with torch.device("meta"):
        convolutions = 16 * (128 * 512 + 512 * 256 + 256 * 128)
        norms = 2 * (512 + 256 + 128)
        assert count(robust_dcgan.Generator(32)) == convolutions + 16 * 128 * 3 + 3 + norms
        small = robust_dcgan.Discriminator(32)
        convolutions = 16 * (3 * 128 + 128 * 256 + 256 * 512 + 512)
        assert count(small) == convolutions + norms
        norm = [type(layer) for layer in small.layers].count(nn.BatchNorm2d)
        assert norm == 3  # after the first convolution too, unlike in dcgan.py


@pytest.mark.parametrize("size", [32, 48, 128])
def test_images_go_through_both_networks(size: int) -> None:
    generator = robust_dcgan.Generator(size, width=0.03, latent_dim=7)
    images = generator(torch.randn(2, 7))
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1
    for norm in ("batch", "none"):
        assert robust_dcgan.Discriminator(size, width=0.03, discriminator_norm=norm)(images).shape == (2,)  # type: ignore[arg-type]


def test_larger_images_are_refused() -> None:
    with pytest.raises(ReproError, match="256 px"):
        robust_dcgan.Generator(256)


def test_the_dcgan_of_figure_4_has_four_layers_a_network() -> None:
    """DAT, footnote 2: four convolution layers each, batch normalisation, latents of 100."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    for network in (dcgan.Generator(32), dcgan.Discriminator(32)):
        assert sum(isinstance(layer, kinds) for layer in network.layers) == 4
        assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.layers)
    assert dcgan.Generator(32).latent_dim == 100
