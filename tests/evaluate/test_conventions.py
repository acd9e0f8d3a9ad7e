"""The same sample under several conventions, and in DINOv2's features: each value against a direct one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from method_cases import gan_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, OptionValue
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.evaluate import generated
from repro.evaluate.context import Context, Shared
from repro.evaluate.extractor import DINOV2, INCEPTION
from repro.evaluate.feature_store import UintImages
from repro.evaluate.generated import generated_uint8
from repro.evaluate.registry import Values, load_measurement, needs, validate_options
from repro.evaluate.trained import Trained
from small_run import small_run
from spread_features import SPREAD, direct_scores, spread_extractor

CPU = torch.device("cpu")
N = 60
HUB = """
import torch
dependencies = ["torch"]

class Few(torch.nn.Module):
    def __init__(self):
        super().__init__()
        drawn = torch.randn(5, 3 * 16 * 16, generator=torch.Generator().manual_seed(0))
        self.register_buffer("weight", drawn)

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images, 14).flatten(1) @ self.weight.T

def dinov2_vitl14(**options):
    return Few()
"""


@pytest.fixture(scope="module")
def run() -> Trained:
    spec = small_run("gan", width=0.03, train_limit=60, options={"network": "dcgan", "n_dis": 1})
    method = gan_of(spec, images=60)
    return Trained(spec, method, "0" * 64, Layout(Path("unused"), "test"))


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    shared = Shared(Layout(tmp_path, "test"), CPU, None, None)
    shared._extractors[INCEPTION] = replace(spread_extractor(), weights=tmp_path / "of Inception")
    return shared


def measured(run: Trained, shared: Shared, measure: str, **options: OptionValue) -> Values:
    spec = EvaluationSpec(
        measure=measure, run="g", dataset="cifar10", source="synthetic", limit=50, generated=N,
        extractor=needs(measure).extractor or INCEPTION, options=options, seed=3,
    )  # fmt: skip
    found = load_measurement(measure)
    context = Context(spec, shared, shared.layout.root / "pictures")
    return found.measure(run, context, validate_options(measure, options))


def test_each_value_is_what_that_convention_alone_gives(run: Trained, shared: Shared) -> None:
    together = measured(run, shared, "fidelity_conventions", fewer=20, kid_subsets=4)
    assert set(together) == set(needs("fidelity_conventions").values or ())
    alone = {
        "fid": measured(run, shared, "fidelity")["fid"],
        "fid_test": measured(run, shared, "fidelity", reference_split="test")["fid"],
        "fid_min_max": measured(run, shared, "fidelity", to_uint8="min_max")["fid"],
        "is": measured(run, shared, "fidelity")["is"],
        "is_one_split": measured(run, shared, "fidelity", splits=1)["is"],
        "kid": measured(run, shared, "fidelity", kid_subsets=4)["kid"],
        "kid_tenths": measured(run, shared, "fidelity", kid_subsets=10, kid_subset_size="tenth")["kid"],
    }
    assert {name: together[name] for name in alone} == pytest.approx(alone, rel=1e-9)
    assert len({round(value, 6) for name, value in together.items() if name.startswith("fid")}) == 5


def test_fewer_samples_are_fewer() -> None:
    spec = EvaluationSpec(
        measure="fidelity_conventions", run="g", dataset="cifar10", source="synthetic", limit=50, generated=N,
        extractor=INCEPTION, options={"fewer": N},
    )  # fmt: skip
    with pytest.raises(ReproError, match=f"of {N} samples, of {N} that are generated"):
        validate_options(spec.measure, spec.options).check(spec)
    validate_options(spec.measure, {"fewer": N - 1}).check(spec)


def real_images(split: str) -> Tensor:
    return load_images("cifar10", split, source="synthetic", limit=50, root=None).images


def direct(
    samples: Tensor,
    extractor: str = SPREAD,
    *,
    split: str = "train",
    side: int | None = None,
    **asked: object,
) -> dict[str, float]:
    """Scores by torch-fidelity itself, against the images that ``measured`` compares with."""
    sets = [samples, real_images(split)]
    if side is not None:
        sets = [by_pil(each, side) for each in sets]
    return direct_scores(*sets, extractor, rng_seed=3, **asked)


def by_pil(images: Tensor, side: int) -> Tensor:
    """Resize by PIL's bicubic filter in floats, channel by channel, as clean-fid does; then grey levels."""
    channels = [
        np.asarray(
            Image.fromarray(one.numpy().astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
        )
        for one in images.flatten(0, 1)
    ]
    grey = np.stack(channels).clip(0, 255).round().astype(np.uint8)
    return torch.from_numpy(grey).view(*images.shape[:2], side, side)


def sample_of(run: Trained) -> Tensor:
    return generated_uint8(run.method, N, Streams(3, CPU).generator("evaluation/latent"), "fixed")


def test_fewer_samples_and_another_filter_are_torch_fidelitys_own(run: Trained, shared: Shared) -> None:
    got = measured(run, shared, "fidelity_conventions", fewer=20)
    samples = sample_of(run)
    fewer = direct(samples[:20], fid=True)
    bicubic = direct(samples, fid=True, side=299)
    assert got["fid_fewer"] == pytest.approx(fewer["frechet_inception_distance"], rel=1e-9)
    assert got["fid_bicubic"] == pytest.approx(bicubic["frechet_inception_distance"], rel=1e-3)
    balls = direct(samples, prc=True)
    assert (got["precision"], got["recall"]) == (100 * balls["precision"], 100 * balls["recall"])


@pytest.mark.parametrize(("split", "reference"), [("train", "test"), ("test", "train")])
def test_real_images_are_the_sample_and_the_reference_that_the_splits_name(
    run: Trained, shared: Shared, split: str, reference: str
) -> None:
    got = measured(run, shared, "fidelity_real", split=split, reference_split=reference)
    want = direct(real_images(split), split=reference, isc=True, fid=True)
    assert got["is"] == pytest.approx(want["inception_score_mean"], rel=1e-9)
    assert got["fid"] == pytest.approx(want["frechet_inception_distance"], rel=1e-6)


def test_min_max_is_that_of_all_chunks(run: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "CHUNK", 7)
    latent = (Streams(3, CPU).generator("evaluation/latent") for _ in range(2))
    grey = generated_uint8(run.method, 20, next(latent), "min_max")
    stream = next(latent)
    chunks = [run.method.sample(n, stream) for n in (7, 7, 6)]
    low, high = torch.cat(chunks).aminmax()
    assert any(chunk.min() > low and chunk.max() < high for chunk in chunks)
    expected = (torch.cat(chunks) - low) / (high - low) * 255
    assert (grey - expected).abs().max() < 0.501


def test_an_embedded_extractor_resizes_nothing(run: Trained, shared: Shared) -> None:
    shared._extractors[INCEPTION] = spread_extractor()
    assert "fid_bicubic" not in measured(run, shared, "fidelity_conventions", fewer=20)


@pytest.mark.parametrize("side", [299, 224, 20])
def test_resizing_is_that_of_pil(side: int) -> None:
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=draw, dtype=torch.uint8)
    ours = torch.stack([UintImages(images, side)[i] for i in range(len(images))])
    apart = (ours.int() - by_pil(images, side).int()).abs()
    assert apart.max() <= 1  # where a value lies on the border of two grey levels
    assert apart.float().mean() < 1e-3


def offline(*_: object, **__: object) -> None:
    raise URLError("no way out")


def test_dinov2_from_torch_hubs_folder(
    run: Trained, shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small network stands where the authors' repository would; all else is the real path."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    with pytest.raises(ReproError, match="could not be had") as error:
        measured(run, shared, "fidelity_dinov2")
    folder = Path(torch.hub.get_dir())
    assert str(folder) in error.value.remedy
    (folder / "facebookresearch_dinov2_main").mkdir(parents=True)
    (folder / "facebookresearch_dinov2_main" / "hubconf.py").write_text(HUB)
    got = measured(run, shared, "fidelity_dinov2")
    samples = sample_of(run)
    want = direct(samples, DINOV2, fid=True, kid=True, kid_subset_size=50, prc=True, side=224)
    assert got["fd"] == pytest.approx(want["frechet_inception_distance"], rel=1e-3)
    assert got["kd"] == pytest.approx(want["kernel_inception_distance_mean"], rel=1e-3)
    assert (got["precision"], got["recall"]) == (100 * want["precision"], 100 * want["recall"])
    assert len(shared.extractor(DINOV2).sha256) == 64
