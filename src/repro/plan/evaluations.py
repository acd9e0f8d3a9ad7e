"""The evaluation that a cell asks for: of how much data, by which features, with which stand-ins."""

from __future__ import annotations

from repro.core.spec import EvaluationSpec, Options, RunSpec, stand_ins_in_order
from repro.data.catalogue import dataset_info
from repro.data.dataset import DatasetInfo
from repro.evaluate.extractor import INCEPTION
from repro.evaluate.registry import SPLITS, needs
from repro.plan.profile import Profile
from repro.plan.sheet import Convention, Evaluation

REAL = "real"  # in the place of a run's id where a data set itself is measured
FULL_SAMPLE = 50_000  # images that the papers generate for IS and FID


def evaluation_of(
    profile: Profile,
    declared: Evaluation,
    convention: Convention,
    measured: RunSpec | str,
    *,
    seed: int = 0,
    surrogate: RunSpec | None = None,
    extractor: RunSpec | None = None,
) -> EvaluationSpec:
    """Return the evaluation of a run, or of a data set itself, under one convention.

    Args:
        profile: how many images are measured.
        declared: names measurement and options.
        convention: whose options count, if ``declared`` has any for it.
        measured: the run, or the name of the data set.
        seed: of the measurement, e.g. of the shuffling of real images.
        surrogate: the run that an indirect attack takes its gradients from.
        extractor: the run whose features stand in for Inception's, where the measurement needs features.
    """
    run = None if isinstance(measured, str) else measured
    dataset = measured if isinstance(measured, str) else measured.dataset
    info = dataset_info(dataset)
    source = run.source if run else info.source(profile.data)
    measuring, stand_ins = profile.measuring, list(run.stand_ins if run else ())
    stand_ins += surrogate.stand_ins if surrogate else ()
    if source == "synthetic":
        stand_ins.append("synthetic_data")
    features, wanted = None, needs(declared.measure)
    if wanted.features:
        features = extractor.run_id if extractor else wanted.extractor or INCEPTION
        if extractor:
            stand_ins.append("embedded_features")
        if run and measuring.generated < FULL_SAMPLE:
            stand_ins.append("reduced_budget")
    stated = declared.conventions.get(convention, {})
    cheaper = dict(measuring.options_of.get(declared.measure, {}))
    lowered = measuring.options_of.get(f"{declared.measure}@{convention}", {})
    cheaper |= {name: value for name, value in lowered.items() if name in stated}
    if cheaper:
        stand_ins.append("reduced_budget")
    options = {**declared.options, **stated, **cheaper}
    limit = measuring.images_of.get(declared.measure, measuring.images)
    if wanted.features:
        limit = profile.limits.test
    if source == "real" and limit is not None:
        if _cuts(limit, info, options if run else {}):  # of a data set itself, defaults name splits too
            stand_ins.append("sample_data")
        else:
            limit = None
    return EvaluationSpec(
        measure=declared.measure,
        run=run.run_id if run else REAL,
        dataset=dataset,
        source=source,
        limit=limit,
        generated=measuring.generated if run and wanted.samples else None,
        extractor=features,
        surrogate=surrogate.run_id if surrogate else None,
        options=options,
        seed=seed,
        stand_ins=stand_ins_in_order(stand_ins),
    )


def _cuts(limit: int, info: DatasetInfo, options: Options) -> bool:
    """Tell whether a limit leaves out images of a split that ``options`` name; of any, if they name none."""
    named = [str(options[name]) for name in SPLITS if options.get(name)]
    return any(info.splits.get(split, limit + 1) > limit for split in named or info.splits)
