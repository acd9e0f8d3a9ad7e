"""What every method of the classification side must keep to; how it resumes is in train/test_methods.py."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from method_cases import METHODS, changed_modules, make, same, train, weights
from repro.core.errors import ReproError
from repro.methods.base import Method
from repro.methods.registry import load_method, method_names, validate_options

TRAINED = {
    "classifier": {"classifier"},
    "fast_gradient_training": {"classifier"},
    "gat": {"classifier", "perturber"},
    "random_perturbation": {"classifier"},
    "adversarial_training": {"classifier"},
    "robgan": {"discriminator", "generator"},
    "robgan_finetune": {"classifier"},
}
every_method = pytest.mark.parametrize("name", METHODS)


@every_method
def test_one_step_trains_its_modules_and_no_others(name: str) -> None:
    method, _ = make(name)
    before = weights(method)
    record = method.step(0)
    # batch statistics of a generator in training mode move although nothing trains it; they are not weights
    parameters = {
        f"{module}.{parameter}"
        for module, network in method.modules.items()
        for parameter, _ in network.named_parameters()
    }
    before = {key: value for key, value in before.items() if key in parameters}
    assert changed_modules(before, weights(method)) == TRAINED[name]
    assert record
    for key, value in record.items():
        assert value.dim() == 0, key
        assert not value.requires_grad, key
        assert torch.isfinite(value), key


@every_method
def test_another_seed_begins_with_other_weights(name: str) -> None:
    assert not same(make(name)[0], make(name, seed=1)[0])


@every_method
def test_a_loaded_state_is_no_longer_tied_to_where_it_came_from(name: str) -> None:
    first = train(name)
    kept = weights(first)
    moments = [value.clone() for value in moments_of(first)]
    second, _ = make(name)
    second.load_state_dict(first.state_dict())
    second.step(2)
    assert changed_modules(kept, weights(first)) == set()
    assert all(torch.equal(*pair) for pair in zip(moments, moments_of(first), strict=True))


def moments_of(method: Method) -> list[torch.Tensor]:
    return [
        value
        for optimiser in method.optimisers.values()
        for state in optimiser.state.values()
        for value in state.values()
    ]


@every_method
def test_classifier_gives_logits_of_images_in_its_bounds(name: str) -> None:
    method, _ = make(name)
    low, high = method.bounds
    images = torch.rand(3, 3, 32, 32) * (high - low) + low
    assert method.classifier()(images).shape == (3, 10)


@every_method
def test_unknown_options_and_forbidden_values_are_refused(name: str) -> None:
    with pytest.raises(ReproError, match="nonsense") as caught:
        validate_options(name, {"nonsense": 1})
    assert "learning_rate" in caught.value.remedy
    with pytest.raises(ReproError, match="learning_rate"):
        validate_options(name, {"learning_rate": -1.0})


@every_method
def test_a_state_fits_into_bfloat16_training_too(name: str) -> None:
    method, _ = make(name)
    half = load_method(name)(
        method.spec.model_copy(update={"precision": "bf16"}), method.data, method.streams, method.device
    )
    half.load_state_dict(method.state_dict())
    record = half.step(0)
    assert all(torch.isfinite(value) for value in record.values())
    assert all(p.dtype == torch.float32 for net in half.modules.values() for p in net.parameters())


def test_methods_are_listed_without_torch_and_unknown_ones_refused() -> None:
    code = (
        "import sys; from repro.methods.registry import method_names; names = method_names();"
        "assert 'torch' not in sys.modules; print(*names)"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(METHODS) <= set(listed.stdout.split())
    assert not {"base", "registry", "optimisation"} & set(method_names())
    with pytest.raises(ReproError, match="no method 'nonsense'") as caught:
        load_method("nonsense")
    assert "gat" in caught.value.remedy
    with pytest.raises(ReproError, match="no method"):
        load_method("base")


def test_what_a_method_lacks_it_says() -> None:
    method, _ = make("classifier")
    with pytest.raises(ReproError, match="has no generator"):
        method.generator()
    with pytest.raises(ReproError, match="has no discriminator"):
        make("adversarial_training")[0].discriminator()
    with pytest.raises(ReproError, match="cannot start from"):
        method.start_from({})
