"""Every named option makes a difference: two values, two results, from the same seed."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from torch import Tensor

from method_cases import equal, train, weights
from option_cases import GANS, LIVELY, Changes
from repro.core.errors import ReproError
from repro.methods.registry import load_method, method_names, train_split, validate_options

RESNET = {"network": "robgan_resnet"}  # has batch norm
# fewer attack steps than the defaults, for time
SHORT = {"robgan": {"steps": 2}, "robgan_finetune": {"steps": 2}, "adversarial_training": {"steps": 2}}
# below, in test_early_stopping.py, test_gat_attack.py, train/test_failures.py and test_update_graph.py, with
# validation or held-out images or on a GPU
HELD_OUT = {"held_out", "held_out_images", "held_out_steps"}
ELSEWHERE = {"train_split", "keep", "validate_every", "patience", "cuda_graph", *HELD_OUT}
PAIRS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("classifier", {}, {"initialisation": "xavier_normal"}),
    ("classifier", {}, {"dropout": 0.5}),
    ("classifier", {"dropout": 0.5}, {"dropout_place": "last_hidden"}),
    ("classifier", {}, {"learning_rate": 1e-2}),
    ("classifier", {}, {"beta1": 0.5}),
    ("classifier", {}, {"beta2": 0.9}),
    ("classifier", {}, {"network": "embedding"}),
    ("classifier", {}, {"network": "preact_resnet18"}),
    ("fast_gradient_training", {"eps": 0.3}, {"norm": "linf"}),
    ("fast_gradient_training", {}, {"eps": 0.5}),
    ("fast_gradient_training", {}, {"alpha": 0.1}),
    ("fast_gradient_training", {"eps": 5.0}, {"clip": True}),
    ("random_perturbation", {"length": 3.0}, {"noise": "random_sign"}),
    ("random_perturbation", {}, {"length": 1.0}),
    ("random_perturbation", {"length": 3.0}, {"alpha": 0.1}),
    ("random_perturbation", {"length": 3.0}, {"alpha": 0.0}),
    ("random_perturbation", {"length": 3.0}, {"clip": True}),
    ("gat", LIVELY, {"initialisation": "xavier_normal"}),
    ("gat", LIVELY, {"c_g": 0.1}),
    ("gat", LIVELY, {"alpha": 0.1}),
    ("gat", LIVELY, {"k": 2}),
    ("gat", LIVELY, {"generator_learning_rate": 1e-6}),
    ("gat", LIVELY, {"separate_minibatches": False}),
    ("gat", LIVELY, {"delta_scale": "none"}),
    ("gat", LIVELY, {"delta_scale": "unit_l2"}),
    ("gat", LIVELY, {"delta_scale": "unit_max"}),
    ("gat", LIVELY, {"gradient_through_delta": True}),
    ("gat", LIVELY, {"clip": True}),
    ("adversarial_training", {}, {"network": "robgan_resnet"}),
    ("adversarial_training", {}, {"radius": 0.1}),
    ("adversarial_training", {}, {"step_size": 0.02}),
    ("adversarial_training", {"radius": 1.0}, {"steps": 1}),
    ("adversarial_training", {}, {"random_start": True}),
    ("adversarial_training", {}, {"learning_rate": 1e-2}),
    ("adversarial_training", {}, {"optimiser": "sgd"}),
    ("adversarial_training", {"optimiser": "sgd"}, {"momentum": 0.0}),
    ("adversarial_training", {}, {"weight_decay": 0.1}),
    ("adversarial_training", {}, {"milestones": (0.25,)}),
    ("adversarial_training", {}, {"augmentation": False}),
    ("adversarial_training", {}, {"crop_area": (0.5, 0.9)}),
    ("adversarial_training", RESNET, {"eval_mode": True}),
    ("robgan", {}, {"network": "robgan_resnet"}),
    ("robgan", {}, {"class_loss": "acgan"}),
    ("robgan", {}, {"weights": "paper"}),
    ("robgan", {}, {"loss": "saturating"}),
    ("robgan", {}, {"attacker": False}),
    ("robgan", {}, {"radius": 0.001}),
    ("robgan", {}, {"step_size": 0.001}),
    ("robgan", {}, {"steps": 1}),
    ("robgan", {}, {"n_dis": 2}),
    ("robgan", {}, {"dequantisation": False}),
    ("robgan", {}, {"flip": False}),
    ("robgan", {}, {"crop_padding": 0}),
    ("robgan", {}, {"attacked_loss": "class"}),
    ("robgan", {}, {"decay": "linear"}),
    ("robgan", {}, {"latent_dim": 16}),
    ("robgan", {}, {"halve_every": 1}),
    ("robgan", {"halve_every": 1}, {"recreate_optimisers": False}),
    ("robgan_finetune", {}, {"fake_weight": 0.0}),
    ("robgan_finetune", {}, {"generator_eval_mode": True}),
    ("robgan_finetune", RESNET, {"eval_mode": False}),
    ("robgan_finetune", {}, {"latent_dim": 16}),
]


@cache
def trained(name: str, updates: int, options: tuple[tuple[str, Any], ...]) -> dict[str, Tensor]:
    return weights(train(name, updates=updates, **dict(options)))


@pytest.mark.parametrize(("name", "base", "change"), PAIRS, ids=lambda value: str(value))
def test_an_option_changes_what_is_trained(name: str, base: dict[str, Any], change: dict[str, Any]) -> None:
    base = SHORT.get(name, {}) | base
    updates = 3 if "halve_every" in {**base, **change} else 2
    first = trained(name, updates, tuple(base.items()))
    assert not equal(first, trained(name, updates, tuple((base | change).items())))


@pytest.mark.parametrize(("name", "base", "changes"), GANS, ids=lambda value: str(value)[:40])
def test_changes_of_a_gan_all_give_other_weights(name: str, base: dict[str, Any], changes: Changes) -> None:
    ends = [trained(name, 2, tuple((base | change).items())) for change in changes]
    prints = [sum(value.double().abs().sum().item() for value in end.values()) for end in ends]
    assert len(set(prints)) == len(changes), dict(zip(map(str, changes), prints, strict=True))


def declared(name: str, option: str) -> tuple[type, str]:
    """The class that declares an option of a method, or its default last, and the option."""
    kinds = load_method(name).Options.__mro__
    return next(kind for kind in reversed(kinds) if option in vars(kind).get("__annotations__", {})), option


def test_every_option_of_every_method_is_in_a_table() -> None:
    changes = [(name, change) for name, _, change in PAIRS]
    changes += [(name, change) for name, _, each in GANS for change in each]
    fields = {name: load_method(name).Options.model_fields for name in method_names()}
    tried = {
        declared(name, "regulariser_options" if option.startswith("regulariser.") else option)
        for name, change in changes
        for option in change
        if option.partition(".")[0] in fields[name]
    }
    every = {(name, option) for name in fields for option in fields[name] if option not in ELSEWHERE}
    assert {pair for pair in every if declared(*pair) not in tried} == set()


NOISY = {"mode": "random_noise", "random_noise": "instead"}
WORST = {"regulariser": "zero_gp", "penalty_images": "worst_case"}


@pytest.mark.parametrize(
    ("name", "options", "needed"),
    [
        ("dat", {"clean_weight": 1.0, "position": "generator"}, {"position": "all"}),
        ("dat", {"generator_images": "detached"}, {"position": "generator"}),
        ("asgan", {"generator_images": "detached", "position": "real"}, {"position": "all"}),
        ("rgan", {"fake_latents": "mixture", "mode": "d_only"}, {"mode": "both"}),
        ("rgan", {"random_noise": "instead"}, {"mode": "random_noise"}),
        ("rgan", {"noise_sign": "literal_algorithm", "mode": "d_only"}, {"mode": "g_only"}),
        ("rgan", {**WORST, "mode": "g_only"}, {"mode": "d_only"}),
        ("rgan", {"clip_images": True, "mode": "g_only"}, {"mode": "d_only"}),
        ("rgan", {"direction_of": "loss", "mode": "g_only"}, {"mode": "d_only"}),
        ("rgan", {"direction_steps": 2, "mode": "random_noise"}, {"mode": "g_only"}),
        ("rgan", {"random_start": True, "mode": "random_noise"}, {"mode": "both"}),
        ("rgan", {"direction_distance": "unit"}, {"direction_steps": 2}),
        ("rgan", {"direction_distance": "unit"}, {"random_start": True}),
        ("rgan", {**NOISY, "mixing": "convex"}, {"random_noise": "added_term"}),
        ("rgan", {**NOISY, "trade_off": 0.5}, {"random_noise": "added_term"}),
        ("dat", {"clip_real": False, "position": "fake"}, {"position": "all"}),
        ("dat", {"clip_fake": False, "position": "real"}, {"position": "generator"}),
        ("robgan_finetune", {"generator_eval_mode": True, "fake_weight": 0}, {"fake_weight": 0.1}),
        ("rgan", {"penalty_images": "worst_case"}, WORST),
        ("gan", {"decay_from": 0.5, "decay": "none"}, {"decay": "linear"}),
        ("gan", {"crop_padding": 4, "crop_area": (0.8, 0.9)}, {"crop_area": None}),
        ("dat", {"targets": "raw", "target_mean": "of_logits"}, {"targets": "eq10"}),
        ("dat", {"divide_epsilon": True}, {"perturbation_steps": 2}),
        ("toy_dat", {"refresh_targets": True}, {"perturbation_steps": 2}),
        ("robgan", {"attacker": False, "attacked_loss": "class"}, {"attacker": True}),
        ("robgan", {"decay": "linear", "halve_every": 10}, {"decay": "halving"}),
        ("robgan", {"decay": "none", "recreate_optimisers": False}, {"decay": "halving"}),
        ("adversarial_training", {"momentum": 0.5}, {"optimiser": "sgd"}),
        ("robgan_finetune", {"momentum": 0.5}, {"optimiser": "sgd"}),
        ("adversarial_training", {"augmentation": False, "crop_area": (0.5, 0.9)}, {"augmentation": True}),
    ],
)
def test_what_has_no_effect_is_refused(name: str, options: dict[str, Any], needed: dict[str, Any]) -> None:
    with pytest.raises(ReproError, match="has no effect"):
        validate_options(name, options)
    validate_options(name, options | needed)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rgan", {"mixing": "convex", "trade_off": 2.0}),
        ("rgan", {"fake_latents": "mixture", "trade_off": 2.0}),
        ("adversarial_training", {"milestones": (100, 150)}),
    ],
)
def test_shares_are_at_most_1(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ReproError, match=r"at most 1|less than or equal to 1"):
        validate_options(name, options)
    validate_options("rgan", {"trade_off": 2.0})


@pytest.mark.parametrize(
    ("name", "options", "split"),
    [
        ("classifier", {}, "train45k"),
        ("classifier", {"network": "embedding"}, "train"),
        ("classifier", {"train_split": "train"}, "train"),
        ("gat", {}, "train45k"),
        ("fast_gradient_training", {}, "train45k"),
        ("robgan", {}, "train"),
        ("adversarial_training", {}, "train"),
    ],
)
def test_each_method_trains_on_the_split_that_its_paper_uses(
    name: str, options: dict[str, Any], split: str
) -> None:
    assert train_split(name, options) == split
