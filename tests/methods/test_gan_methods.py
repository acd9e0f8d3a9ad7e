"""Training of gan, dat, rgan and their kin: what a step changes, what determines it, taking it up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from method_cases import equal, gan_of, weights
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.methods.gan_base import NO_LABELS, GanMethod
from repro.methods.registry import validate_options
from repro.models import dcgan
from small_run import small_run

CPU = torch.device("cpu")
DCGAN = {
    "network": "dcgan",
    "loss": "non_saturating",
    "n_dis": 1,
    "beta1": 0.5,
    "beta2": 0.999,
    "decay": "none",
}
# each draws from a stream that the method's defaults, resumed in train/test_methods.py, do not draw from
RESUMED: list[tuple[str, dict[str, Any]]] = [
    ("rgan", {"random_start": True, "regulariser": "gradient_penalty", "penalty_images": "worst_case"}),
    ("gan", {"network": "sngan_projection", "n_dis": 1, "regulariser": "gradient_penalty"}),
    ("rgan", {"network": "conditional_dcgan", "fake_latents": "mixture", "trade_off": 0.5}),
]
CASES: list[tuple[str, dict[str, Any]]] = [
    *RESUMED,
    ("gan", {"n_dis": 2}),
    ("gan", {**DCGAN, "regulariser": "gradient_penalty", "discriminator_norm": "none", "order": "g_first"}),
    ("dat", {"n_dis": 1, "position": "all", "clean_weight": 1.0, "regulariser": "zero_gp"}),
    ("rgan", {}),
    ("rgan", {"mode": "random_noise", "flip": True}),
    ("gan", {"network": "robgan_resnet", "n_dis": 1, "decay": "linear"}),
    ("rgan", {"network": "acgan_dcgan"}),
    ("rgan", {"network": "wgan_gp_resnet_acgan", "loss": "wasserstein", "regulariser": "banach_penalty"}),
    ("ssgan", {"n_dis": 1}),
    ("infomax_gan", {"n_dis": 1}),
    ("ssgan_dat", {"n_dis": 1, "position": "all", "auxiliary_images": "perturbed", "clean_weight": 0.5}),
    ("infomax_gan_dat", {"n_dis": 1}),
    ("asgan", {"n_dis": 1}),
    ("gan", {"n_dis": 1, "network": "robust_dcgan", "regulariser": "rfm", "weight_clip": 0.01}),
]


def make(method: str, options: dict[str, Any], *, seed: int = 0) -> GanMethod:
    return gan_of(small_run(method, seed=seed, batch_size=6, width=0.03, options=options))


@pytest.mark.parametrize(("mixing", "share"), [("additive", 1.0), ("convex", 0.7)])
def test_rgans_losses_are_the_weighted_terms(mixing: str, share: float) -> None:
    """Algorithm 1, lines 9 and 11; the worst noise is worse for G, the worst images are worse for D."""
    method = make(
        "rgan", {**DCGAN, "mixing": mixing, "trade_off": 0.3, "noise_radius": 0.5, "image_radius": 0.5}
    )
    for network in method.modules.values():
        network.eval()
        for parameter in network.parameters():
            parameter.data.mul_(5)  # as they begin, logits are 0 but for rounding
    real, z = method.real_images(), method.latents(6)
    fake = method.fakes(z).detach()
    worse, moved = method.worse_images(real, fake, NO_LABELS), method.worse_noise(z, None)  # type: ignore[attr-defined]
    d = [F.softplus(-method.D(a)).mean() + F.softplus(method.D(b)).mean() for a, b in ((real, fake), worse)]
    g = [F.softplus(-method.D(method.G(each))).mean() for each in (z, moved)]
    assert d[1] > d[0]
    assert g[1] > g[0]
    torch.testing.assert_close(method.discriminator_loss(real, fake)[0], share * d[0] + 0.3 * d[1])
    torch.testing.assert_close(method.generator_loss(z), share * g[0] + 0.3 * g[1])


def test_weights_are_clipped_in_d_alone_and_after_its_update() -> None:
    """WGAN (Arjovsky et al. 2017), Algorithm 1, line 7."""
    method = make("gan", {**DCGAN, "n_dis": 1, "weight_clip": 1e-3})
    method.step(0)
    largest = {
        name: max(parameter.detach().abs().max().item() for parameter in network.parameters())
        for name, network in method.modules.items()
    }
    assert largest["discriminator"] == pytest.approx(1e-3)
    assert largest["generator"] > 0.01


@pytest.mark.parametrize("position", ["discriminator", "real", "fake"])
def test_d_is_shown_the_perturbed_images_of_its_position(position: str) -> None:
    """DAT, Table IV and the clean term of DATT."""
    method = make("dat", {**DCGAN, "position": position, "clean_weight": 0.3})
    real = method.real_images()
    fake = real.flip(0).roll(1, 2)
    method.D.eval()
    for parameter in method.D.parameters():
        parameter.data.mul_(5)  # as above
    hard = method.perturb(real, fake)  # type: ignore[attr-defined]
    shown = {"real": (hard.real, fake), "fake": (real, hard.fake)}.get(position, (hard.real, hard.fake))
    pairs = (shown, (real, fake))
    of = [F.softplus(-method.D(a)).mean() + F.softplus(method.D(b)).mean() for a, b in pairs]
    assert not torch.equal(of[0], of[1])
    torch.testing.assert_close(method.discriminator_loss(real, fake)[0], of[0] + 0.3 * of[1])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_step_changes_every_parameter_and_repeats_exactly(name: str, options: dict[str, Any]) -> None:
    method = make(name, options)
    before = weights(method)
    record = method.step(0)
    after = weights(method)
    for part, module in method.modules.items():
        for key, _ in module.named_parameters():
            assert not torch.equal(before[f"{part}.{key}"], after[f"{part}.{key}"]), key
    assert record.keys() >= {"d_loss", "g_loss", "d_real", "d_fake"}
    for value in record.values():
        assert value.shape == ()
        assert not value.requires_grad
        assert torch.isfinite(value)
    again = make(name, options)
    again.step(0)
    assert equal(after, weights(again))
    other = make(name, options, seed=1)
    other.step(0)
    assert not equal(after, weights(other))


@pytest.mark.parametrize(("name", "options"), RESUMED)
def test_a_saved_run_goes_on_bit_identically(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    method = make(name, options)
    for step in range(2):
        method.step(step)
    state = {"method": method.state_dict(), "streams": method.streams.state_dict()}
    checkpoint.save(tmp_path / "state.safetensors", state, {})
    for step in range(2, 4):
        method.step(step)

    resumed = make(name, options)
    loaded = checkpoint.load(tmp_path / "state.safetensors").state
    resumed.load_state_dict(loaded["method"])
    resumed.streams.load_state_dict(loaded["streams"])
    for optimiser in resumed.optimisers.values():
        for parameter, moments in optimiser.state.items():
            assert moments["exp_avg"].stride() == parameter.stride()
    for step in range(2, 4):
        resumed.step(step)
    assert equal(weights(method), weights(resumed))
    for scheduler in resumed.schedulers.values():
        assert scheduler.get_last_lr() == [pytest.approx(2e-4 * (1 - 4 / 6))]


def test_a_rate_is_constant_until_it_falls_in_a_line() -> None:
    method = make("gan", {"decay_from": 0.5})
    steps = method.spec.steps
    late = [method.rate(step) for step in range(steps + 1)]
    assert late == pytest.approx([min(1.0, 2 * (1 - step / steps)) for step in range(steps + 1)])
    assert (late[0], late[steps // 2], late[-1]) == (1.0, 1.0, 0.0)
    early = make("gan", {})
    assert [early.rate(step) for step in range(steps)] == [1 - step / steps for step in range(steps)]


def outcome(name: str, options: dict[str, Any]) -> dict[str, Tensor]:
    method = make(name, options)
    for step in range(2):
        method.step(step)
    return weights(method)


def test_dat_without_epsilon_is_the_plain_gan() -> None:
    frozen = {"epsilon": 0.0, "freeze_spectral_norm": True, "n_dis": 2}
    assert equal(outcome("dat", frozen), outcome("gan", {"n_dis": 2}))


def test_rgan_without_trade_off_is_the_plain_gan() -> None:
    """Only G's batch-norm buffers see the second pass."""
    plain, robust = outcome("gan", DCGAN), outcome("rgan", {"trade_off": 0.0})
    parameters = [key for key in plain if "running" not in key and "num_batches" not in key]
    torch.testing.assert_close({k: robust[k] for k in parameters}, {k: plain[k] for k in parameters})


def test_noise_instead_trains_on_noisy_inputs_alone() -> None:
    """Noise of no length is the plain GAN, batch-norm buffers too: there is no clean pass beside it."""
    of_noise = {"mode": "random_noise", "random_noise": "instead"}
    still = {**of_noise, "noise_radius": 0.0, "image_radius": 0.0}
    assert equal(outcome("rgan", still), outcome("gan", DCGAN))
    assert not equal(outcome("rgan", of_noise), outcome("gan", DCGAN))


def test_a_mixture_of_no_length_changes_no_fake() -> None:
    """With lambda 1 every latent of the robust fakes is a worst one, with eps1 = 0 a clean one."""
    base = {"trade_off": 1.0, "noise_radius": 0.0}
    mixed, clean = (outcome("rgan", {**base, "fake_latents": latents}) for latents in ("mixture", "clean"))
    parameters = [key for key in clean if "running" not in key and "num_batches" not in key]
    torch.testing.assert_close({k: mixed[k] for k in parameters}, {k: clean[k] for k in parameters})


def test_rgan_moves_every_image_beyond_the_hinges_margin() -> None:
    method = make("rgan", {"network": "sngan", "loss": "hinge", "image_radius": 2.0})
    with torch.no_grad():
        method.D.last.bias += 50.0  # type: ignore[union-attr, operator]
    real = method.real_images()
    fake = real.flip(0).roll(1, 2)
    worse = method.worse_images(real, fake, NO_LABELS)  # type: ignore[attr-defined]
    for before, after in zip((real, fake), worse, strict=True):
        torch.testing.assert_close((after - before).flatten(1).norm(dim=1), torch.full((len(real),), 2.0))


def test_generator_only_leaves_the_discriminators_images_clean() -> None:
    """DAT at position (iii): D's first update is the plain one (d_first), G's is not."""
    plain = make("gan", {"n_dis": 1})
    moved = make("dat", {"n_dis": 1, "position": "generator"})
    plain.discriminator_step()
    moved.discriminator_step()
    assert equal(weights(plain), weights(moved))
    plain.generator_step()
    moved.generator_step()
    assert not equal(weights(plain), weights(moved))


@pytest.mark.parametrize("position", ["generator", "all"])
def test_detached_images_leave_the_generator_untrained(position: str) -> None:
    """What may have given the paper's Table IV its IS of 1.59: D learns, G keeps its first weights."""
    method = make("dat", {"n_dis": 1, "position": position, "generator_images": "detached", "decay": "none"})
    before = {id(p): p.clone() for network in (method.G, method.D) for p in network.parameters()}
    for step in range(2):
        method.step(step)
    assert all(torch.equal(before[id(p)], p) for p in method.G.parameters())
    assert not all(torch.equal(before[id(p)], p) for p in method.D.parameters())


def test_sampling_changes_nothing() -> None:
    method = make("rgan", {})
    method.step(0)
    before = weights(method)
    method.G.train()
    images = method.sample(7, torch.Generator().manual_seed(3), batch_size=3)
    assert images.shape == (7, 3, 32, 32)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert equal(before, weights(method))
    assert all(module.training for module in method.G.modules())
    whole = method.sample(7, torch.Generator().manual_seed(3))
    torch.testing.assert_close(images, whole)  # eval mode: no image depends on its batch


@pytest.mark.parametrize("step_name", ["discriminator_step", "generator_step"])
def test_each_update_touches_one_network(step_name: str) -> None:
    method = make("rgan", {"network": "sngan"})
    before = {k: v for k, v in weights(method).items() if "running" not in k and "batches" not in k}
    getattr(method, step_name)()
    after = weights(method)
    own = step_name.removesuffix("_step")
    changed = {
        key.split(".")[0]
        for key in before
        if "spectral" not in key and not torch.equal(before[key], after[key])
    }
    assert changed == {own}


@pytest.mark.parametrize("loss", ["hinge", "non_saturating"])
def test_the_discriminator_learns_what_is_real(loss: str) -> None:
    """Thirty updates of D against a resting G: its loss falls from that of an undecided one, logits part."""
    method = make("gan", {"loss": loss, "learning_rate": 2e-3})
    first = method.discriminator_step()
    for _ in range(29):
        last = method.discriminator_step()
        assert all(torch.isfinite(value) for value in last.values())
    assert last["d_loss"] < 0.8 * first["d_loss"]
    assert last["d_real"] > last["d_fake"] + 0.3


@pytest.mark.parametrize("name", ["gan", "dat", "rgan"])
def test_bf16_trains_and_keeps_images_in_float32(name: str) -> None:
    method = make(name, {"n_dis": 1})
    method.spec = method.spec.model_copy(update={"precision": "bf16"})
    record = method.step(0)
    assert all(torch.isfinite(value) for value in record.values())
    real = method.real_images()
    fake = method.fakes(method.latents(len(real))).detach()
    assert real.dtype == fake.dtype == torch.float32
    assert all(p.dtype == torch.float32 for m in method.modules.values() for p in m.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "biggan"}, "no network 'biggan'"),
        ({"networks": "sngan"}, "no option 'networks'"),
        ({"network": "dcgan", "shortcut_input": "raw"}, "or choose network sngan"),
        ({"discriminator_norm": "none"}, "dcgan or robust_dcgan"),
        ({"regulariser": "lipschitz"}, "no regulariser 'lipschitz'"),
        ({"regulariser": "zero_gp", "regulariser.wieght": 1}, "zero_gp has no option 'wieght'"),
        ({"regulariser.weight": 1}, "without a regulariser"),
        ({"n_dis": 0}, "n_dis"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    for name in ("gan", "dat", "rgan"):
        chosen = options if name != "rgan" or "network" in options else {"network": "sngan", **options}
        with pytest.raises(ReproError) as error:
            validate_options(name, chosen)
        assert message in str(error.value)


@pytest.mark.parametrize(("said", "lacks"), [("latent_dim", "n_classes"), ("n_classes", "latent_dim")])
def test_a_generator_that_does_not_say_what_it_takes_is_refused(
    said: str, lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)
            setattr(self, said, 2)

    monkeypatch.setattr(dcgan, "GAN", (Silent, dcgan.Discriminator))
    with pytest.raises(ReproError, match=f"the generator of network dcgan has no {lacks}"):
        gan_of(small_run(width=0.03, options={"network": "dcgan", "n_dis": 1}))
