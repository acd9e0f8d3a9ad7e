"""The evaluation that a cell asks for: of how much data, by which features, with which stand-ins."""

from __future__ import annotations

from repro.core.spec import EvaluationSpec, RunSpec
from repro.data.catalogue import dataset_info
from repro.evaluate.extractor import INCEPTION
from repro.evaluate.registry import needs
from repro.plan.profile import Profile
from repro.plan.resolve import in_order
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
        convention: one of those that ``declared`` has options for.
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
    limit = measuring.images_of.get(declared.measure, measuring.images)
    if wanted.features:
        limit = profile.limits.test
    if info.drawn:
        limit = None
    if source == "real" and limit is not None:
        stand_ins.append("sample_data")
    stated, cheaper = declared.conventions[convention], dict(measuring.options_of.get(declared.measure, {}))
    lowered = measuring.options_of.get(f"{declared.measure}@{convention}", {})
    cheaper |= {name: value for name, value in lowered.items() if name in stated}
    if cheaper:
        stand_ins.append("reduced_budget")
    return EvaluationSpec(
        measure=declared.measure,
        run=run.run_id if run else REAL,
        dataset=dataset,
        source=source,
        limit=limit,
        generated=measuring.generated if run and wanted.samples else None,
        extractor=features,
        surrogate=surrogate.run_id if surrogate else None,
        options={**declared.options, **stated, **cheaper},
        seed=seed,
        stand_ins=in_order(stand_ins),
    )
