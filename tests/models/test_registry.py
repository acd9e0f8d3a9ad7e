"""Networks by name: which there are, what a recipe may say of them, and where a mistake is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from papers_case import SHEET, copied_package, plan
from repro.core.errors import ReproError
from repro.methods.registry import load_method, method_names, validate_options
from repro.models.registry import build, load_network, network_names, network_options
from repro.verify.validate import validate_plan

KINDS = (
    "GAN",
    "ROTATION_GAN",
    "INFOMAX_GAN",
    "POINT_GAN",
    "CLASSIFIER",
    "TWO_HEADS",
    "CONDITIONAL_GAN",
    "AC_GAN",
)


def test_every_network_says_what_it_is() -> None:
    found = {kind: network_names((kind,)) for kind in KINDS}
    assert found == {
        "GAN": ("dcgan", "robust_dcgan", "sngan", "wgan_gp_resnet"),
        "ROTATION_GAN": ("ssgan",),
        "INFOMAX_GAN": ("infomax_gan",),
        "POINT_GAN": ("mlp",),
        "CLASSIFIER": ("embedding", "gat_classifier", "vgg16"),
        "TWO_HEADS": ("preact_resnet18", "robgan_resnet"),
        "CONDITIONAL_GAN": ("conditional_dcgan", "sngan_projection"),
        "AC_GAN": ("acgan_dcgan", "preact_resnet18", "robgan_resnet", "wgan_gp_resnet_acgan"),
    }
    for kind in KINDS:
        for name in found[kind]:
            assert all(issubclass(part, nn.Module) for part in load_network((kind,), name))


def test_the_methods_networks_exist() -> None:
    for name in method_names():
        options = validate_options(name, {})
        kinds = getattr(type(options), "networks", ())
        assert kinds, name
        assert set(kinds) <= set(KINDS)
        assert options.network in network_names(kinds)  # type: ignore[attr-defined]
        assert isinstance(options, load_method(name).Options)


def test_a_networks_options_are_its_constructors_keywords() -> None:
    generator, discriminator = load_network(("GAN",), "sngan")
    own = network_options(generator, discriminator)
    assert {name: default for name, (_, default) in own.items()} == {
        "latent_dim": 128,
        "upsampling": "bilinear",
        "shortcut_input": "relu",
    }
    options = validate_options("gan", {"latent_dim": 5, "upsampling": "nearest"})
    made = build(generator, options, image_size=32, width=0.03, n_classes=10)
    assert (made.latent_dim, made.blocks[0].upsampling) == (5, "nearest")


@pytest.mark.parametrize(
    ("options", "message", "remedy"),
    [
        (
            "network: sgnan",
            "there is no network 'sgnan'",
            "robust_dcgan, sngan, sngan_projection, wgan_gp_resnet, wgan_gp_resnet_acgan, or add",
        ),
        ("network: ssgan", "there is no network 'ssgan'", "sngan"),
        ("network: 3", "there is no network '3'", "sngan"),
        ("network: dcgan, upsampling: nearest", "no option 'upsampling' with network dcgan", "network sngan"),
        ("network: sngan, latent_dim: 0", "option 'latent_dim'", "latent_dim"),
        ("network: sngan, upsampling: cubic", "option 'upsampling'", "shortcut_input"),
        ("network: sngan, colour: red", "no option 'colour'", "upsampling"),
    ],
)
def test_a_mistake_is_found_before_training_with_its_line(
    tmp_path: Path, options: str, message: str, remedy: str
) -> None:
    sheet = SHEET.replace("network: sngan, n_dis: 1", options, 1)
    with pytest.raises(ReproError) as caught:
        validate_plan(plan(tmp_path, sheet=sheet))
    line = sheet[: sheet.index("  gan:\n")].count("\n") + 1
    assert (caught.value.where, caught.value.line) == (
        str(tmp_path / "papers" / "gat" / "sheet.yaml"),
        line,
    )
    assert message in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("method", "options"),
    [("classifier", {"network": "embedding", "dropout": 0.5}), ("robgan", {"batch_norm": True})],
)
def test_an_option_of_another_network_names_its_owner(method: str, options: dict[str, Any]) -> None:
    with pytest.raises(ReproError, match="no option") as caught:
        validate_options(method, options)
    assert caught.value.remedy.endswith(("choose network gat_classifier", "choose network robgan_resnet"))


class Unannotated(nn.Module):
    def __init__(self, slope=0.2, *, width: float = 1.0) -> None:  # type: ignore[no-untyped-def]
        super().__init__()


class Unreadable(nn.Module):
    def __init__(self, streams: NowhereImported) -> None:  # type: ignore[name-defined]  # noqa: F821
        super().__init__()


def test_an_option_without_an_annotation_may_be_anything() -> None:
    assert network_options(Unannotated) == {"slope": (Any, 0.2)}


def test_an_annotation_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ReproError, match=r"test_registry\.Unreadable cannot be read .*NowhereImported"):
        network_options(Unreadable)


def test_what_an_editor_leaves_is_no_network(tmp_path: Path) -> None:
    root = copied_package(tmp_path)
    (root / "models" / ".#mine.py").symlink_to("nobody@nowhere.1")
    (root / "models" / "._mine.py").write_bytes(b"\xff\xfe")
    code = "from repro.models.registry import network_names; print(*network_names(('GAN',)))"
    environment = {**os.environ, "PYTHONPATH": str(root.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["dcgan", "robust_dcgan", "sngan", "wgan_gp_resnet"]
