"""How a number was measured, as its own records say it: which images, features, attack, format and seeds."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isclose
from statistics import fmean
from typing import Any

from repro.core.cell_key import CellKey
from repro.evaluate.extractor import DINOV2, INCEPTION, SIDE
from repro.judge.artefacts import Artefact, Behind, listed_behind
from repro.judge.cells import Cell, select

Result = Mapping[str, Any]
Strip = Mapping[str, str]
"""What the record of a measurement says, by what it is told of: ``real images``, say."""
_NOT_OF_THE_WAY = ("run", "surrogate", "stand_ins")  # of an evaluation's specification: they differ by seed
_IDLE = {"is": ("real images", "KID subsets"), "fid": ("KID subsets",)}  # what a metric does not use
FEWER = 10_000  # samples of ``fid_fewer`` where the options do not say (``evaluate.fidelity_conventions``)
_SEED = re.compile(r"(gradients of run \S+)-s\d+")


def maybe_behind_cells(
    artefacts: Iterable[Artefact], cells: Sequence[Cell], results: Mapping[str, Result]
) -> dict[CellKey, tuple[Behind, ...]]:
    """Return what is behind each measured cell, by its key, as far as it is known.

    The artefacts say so themselves. Publications from before they did are searched: behind a cell are those
    measurements of its runs, by one of the artefact's attackers if by any, of which some value has the cell's
    number of seeds and its mean; several where measurements made in different ways gave the same number,
    which nothing can tell apart.
    """
    by_run: defaultdict[str, list[tuple[str, Result]]] = defaultdict(list)
    for name, result in results.items():
        by_run[str(result["spec"].get("run"))].append((name, result))
    found: dict[CellKey, tuple[Behind, ...]] = {}
    for artefact in artefacts:
        if artefact.behind:
            found |= {key: (each,) for key, each in listed_behind(artefact, cells).items()}
        else:
            own = select(cells, artefact.paper, artefact.name)
            found |= {cell.key: _searched(cell, by_run, artefact.threat_models) for cell in own}
    return {
        key: several
        for key, several in found.items()
        if several and all(each.evaluations and {*each.evaluations} <= {*results} for each in several)
    }


def _searched(
    cell: Cell, by_run: Mapping[str, list[tuple[str, Result]]], attackers: Sequence[str]
) -> tuple[Behind, ...]:
    """Return what may be behind a cell, once for each way of measuring."""
    ways: defaultdict[str, dict[str, Result]] = defaultdict(dict)
    for name, result in (each for run in cell.runs for each in by_run.get(run, ())):
        if attackers and result.get("threat_model") and result["threat_model"] not in attackers:
            continue
        spec = {key: value for key, value in result["spec"].items() if key not in _NOT_OF_THE_WAY}
        ways[json.dumps([spec, bool(result["spec"].get("surrogate"))], sort_keys=True)][name] = result
    found: defaultdict[str, list[Behind]] = defaultdict(list)
    for measured in ways.values():
        told = line(strip([*measured.values()], cell.metric))
        for value in dict.fromkeys(name for result in measured.values() for name in result["values"]):
            numbers = [result["values"].get(value) for result in measured.values()]
            if len(numbers) == cell.n_seeds and None not in numbers and _is_mean(cell, numbers):
                found[told].append(Behind(value=value, evaluations=tuple(measured)))
    metric = cell.metric.partition("_")[0]
    at_radius = f"accuracy@{cell.column}"  # columns of radii are named by them
    nearest = [
        min(same, key=lambda each: (each.value != at_radius, each.value.partition("@")[0] != metric))
        for same in found.values()
    ]
    return tuple([each for each in nearest if each.value == at_radius] or nearest)


def _is_mean(cell: Cell, numbers: Sequence[float]) -> bool:
    return isinstance(cell.measured, float) and isclose(fmean(numbers), cell.measured, rel_tol=1e-9)


def strip(
    results: Sequence[Result], metric: str = "", seeds: Iterable[object] = (), value: str = ""
) -> dict[str, str]:
    """Return how numbers were measured, from the records of their evaluations.

    Where the records differ (in the step of the best snapshot, say) all that they say is listed.

    Args:
        results: of the evaluations, one a seed.
        metric: what does not touch it is left out; empty for all that was measured at once.
        seeds: the runs'.
        value: which of the numbers it is, where each of a measurement is made in another way.
    """
    told: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for result in results:
        for name, text in _facts(result):
            if name not in _IDLE.get(metric.partition("_")[0], ()):
                told[name][text] = None
        if result["spec"]["measure"] == "fidelity_conventions" and value:
            told["value"] = {value: None}
            if value == "fid_fewer":
                fewer = result["spec"].get("options", {}).get("fewer", FEWER)
                told["generated images"] = {f"the first {fewer:,} of {_generated(result):,.0f}": None}
    if trained := sorted({str(seed) for seed in seeds}, key=lambda seed: (len(seed), seed)):
        told["training seeds"] = {", ".join(trained): None}
    return {name: " / ".join(texts) for name, texts in told.items()}


def line(told: Strip) -> str:
    """Return a strip as one line."""
    return "; ".join(f"{name}: {text}" for name, text in told.items())


def _facts(result: Result) -> Iterable[tuple[str, str]]:
    spec, values, options = result["spec"], result["values"], result["spec"].get("options", {})
    yield "measurement", str(spec["measure"])
    if real := _real(result):
        yield "real images", real
    if spec.get("extractor") and (generated := _generated(result)):
        yield "generated images", f"{generated:,.0f}"
    if "checkpoint" in options:
        yield "weights", options["checkpoint"].replace("_", " ")
    if "step" in values:
        yield "step", f"{values['step']:,.0f}"
    if spec.get("extractor"):
        yield from _features(result)
    if "to_uint8" in options:
        yield "to bytes", str(options["to_uint8"])
    if "kid_subset_size" in values:
        subsets = f"{options['kid_subsets']} of " if "kid_subsets" in options else ""
        yield "KID subsets", f"{subsets}{values['kid_subset_size']:,.0f} images"
    if result.get("threat_model"):
        yield "attack", _SEED.sub(r"\1", str(result["threat_model"]))
    settings = result.get("provenance", {}).get("settings", {})
    formats = {settings[name] for name in ("matmul_precision", "convolution_precision") if name in settings}
    if formats:
        yield "format", " and ".join(sorted("float32" if each == "ieee" else each for each in formats))
    yield "measurement seed", str(spec.get("seed", 0))


def _generated(result: Result) -> float | None:
    """Return the number of generated images as measured, or else as asked for."""
    spec = result["spec"]
    asked = [n for n in (spec.get("generated"), spec.get("options", {}).get("generated")) if n is not None]
    found: float | None = result["values"].get("generated", min(asked, default=None))
    return found


def _real(result: Result) -> str:
    """Return the images that were read: all of them listed, or what an older record tells of them."""
    if result.get("data"):
        splits = [f"{each['name']} {each['split']}, {each['images']:,} images" for each in result["data"]]
        used = result["values"].get("reference")
        fewer = used is not None and used != sum(each["images"] for each in result["data"])
        return " and ".join(splits) + (f", {used:,.0f} used" if fewer else "")
    spec, options = result["spec"], result["spec"].get("options", {})
    split = options.get("reference_split") or options.get("split")
    if not split:
        return ""
    limit = spec.get("limit")
    used = result["values"].get("reference")
    count = f"{used:,.0f} images" if used else f"at most {limit:,} images" if limit else "all images"
    return f"{spec['dataset']} {split}, {count}"


def _features(result: Result) -> Iterable[tuple[str, str]]:
    """Return whose features they are, and to what size images were brought: the extractor's own affair."""
    extractor = result["spec"]["extractor"]
    weights = str(result.get("extractor_sha256") or "")[:12]
    library = result.get("provenance", {}).get("packages", {}).get("torch-fidelity", "")
    if extractor == DINOV2:
        yield "features", f"DINOv2, ViT-L/14, weights {weights}"
        yield "resizing", f"to {SIDE[DINOV2]} x {SIDE[DINOV2]} by a bicubic filter"
    elif extractor == INCEPTION:
        yield "features", f"Inception, weights {weights}"
        yield (
            "resizing",
            f"to {SIDE[INCEPTION]} x {SIDE[INCEPTION]} by torch-fidelity {library}, as TensorFlow 1 did",
        )
    else:
        yield "features", f"classifier {extractor}, weights {weights}"
        yield "resizing", "none"
