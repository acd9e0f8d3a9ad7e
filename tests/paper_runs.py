"""Runs with all options that the paper profile trains with, cut to the smallest size."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from papers_case import plan_of
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.methods.base import Method
from repro.methods.registry import load_method, train_split

SAME = {"train_split", "mixture", "spread"}  # choose the data alone
SMALL: dict[str, Any] = {"n_dis": 1, "eval_mode_after": 1, "reset_seeds_every": 1}


@cache
def option_sets() -> dict[str, RunSpec]:
    """Return runs in which every value of every option meets every method and network that have it."""
    seen: set[tuple[object, ...]] = set()
    found: dict[str, RunSpec] = {}
    for run in plan_of("paper").runs.values():
        network = run.options.get("network")
        sets = {(run.method, network, name, kind_of(value)) for name, value in run.options.items()}
        if not (sets := {one for one in sets if one[2] not in SAME}) <= seen:
            seen |= sets
            found[f"{run.recipe} {len(found)}"] = small(run)
    return found


def kind_of(value: object) -> str:
    """Return what of an option's value decides which code runs: its text; of a number, whether it is 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{type(value).__name__}{bool(value)}" if is_number else repr(value)


def small(run: RunSpec) -> RunSpec:
    """Return the run with narrow networks, four images a batch and few steps, on synthetic images."""
    options = {name: SMALL.get(name, value) for name, value in run.options.items()}
    if run.method in ("adversarial_training", "robgan", "robgan_finetune"):
        options["steps"] = 2
    size: dict[str, Any] = {"width": 0.03, "batch_size": 4, "steps": 4, "options": options}
    if dataset_info(run.dataset).drawn is None:
        size |= {"dataset": "cifar10", "source": "synthetic", "train_limit": 20}
        if options.get("train_split") == "unlabeled":
            del options["train_split"]
        if options.get("layout") == "small":  # there is none at 32 px
            del options["layout"]
    return run.model_copy(update=size)


@cache
def images_of(dataset: str, split: str) -> ImageSet:
    """Return twenty synthetic images."""
    return load_images(dataset, split, source="synthetic", limit=20, root=None)


def made(spec: RunSpec, device: torch.device) -> Method:
    """Return the method of a run as it begins, with its validation images."""
    kind = load_method(spec.method)
    data = images_of(spec.dataset, train_split(spec.method, spec.options))
    method = kind(spec, data.to(device), Streams(spec.seed, device), device)
    if split := kind.validation_split(spec):
        method.validation = images_of(spec.dataset, split).to(device)
    return method
