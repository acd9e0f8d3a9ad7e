"""A batch of evaluations in one process, which pays for torch's import, the data and the extractor once."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import torch

from repro.core.device import apply_precision, set_deterministic, within_memory
from repro.core.errors import ReproError
from repro.core.files import remove_leftovers
from repro.core.locks import only_process
from repro.core.manifest import write_manifest
from repro.core.paths import Layout
from repro.core.provenance import check_code, provenance
from repro.core.spec import EvaluationSpec, flags_in_order
from repro.core.timing import Stopwatch
from repro.evaluate.context import Context, Shared
from repro.evaluate.diverged import divergence_behind, note_divergence
from repro.evaluate.published import published_result
from repro.evaluate.registry import load_measurement, needs, validate_options
from repro.evaluate.result import (
    Result,
    is_current,
    picture_hashes,
    pictures_folder,
    read_result,
    write_result,
)
from repro.evaluate.trained import load_trained


def evaluate_batch(
    specs: Sequence[EvaluationSpec],
    layout: Layout,
    manifest_path: Path,
    *,
    device: torch.device,
    data_root: Path | None = None,
    inception: Path | None = None,
) -> None:
    """Measure each of ``specs`` whose result is not there yet, then write the manifest.

    Args:
        specs: evaluations; those with a result of the same specification, checkpoint and extractor are kept.
        layout: the profile's folders, with the finished runs.
        manifest_path: JSON file ``{evaluation_id: {"sha256": hash of the result file}}``, written at the
            very end.
        device: where everything is computed.
        data_root: folder of the real data sets.
        inception: file of the Inception weights.

    Raises:
        ReproError: one or more failed; names them all. The others' results are on disk, the manifest is not
            written.
    """
    manifest_path.unlink(missing_ok=True)  # what it promised may change from here on
    set_deterministic()
    apply_precision("float32", device)
    failed: dict[str, str] = {}
    shared = Shared(layout, device, data_root, inception)
    for spec in specs:
        try:
            evaluate_one(spec, shared)
        except ReproError as error:
            failed[spec.evaluation_id] = str(error)
        except Exception as error:  # a fault of ours: keep its traceback, and go on with the others
            traceback.print_exc(file=sys.stderr)
            failed[spec.evaluation_id] = f"{type(error).__name__}: {error}"
    if failed:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in failed.items())
        raise ReproError(
            f"{len(failed)} of {len(specs)} evaluations failed\n{reasons}",
            remedy="mend what each line names and run the same command again; finished ones are kept",
            where=manifest_path,
        )
    write_manifest(manifest_path, layout, "evaluate", [spec.evaluation_id for spec in specs])


def evaluate_one(spec: EvaluationSpec, shared: Shared) -> Result:
    """Return the result of one evaluation, measured now unless it is on disk; one process at a time.

    Of a training that diverged nothing is measured, not even its last good weights: the result says so.

    torch's global random state is the same afterwards as before; everything random in a measurement comes
    from ``spec.seed``.

    Raises:
        ReproError: unknown measurement or option, missing or damaged checkpoint, a result on disk that no
            measurement wrote, another process that measures it, code that changed since this one began, or
            what the measurement raises.
    """
    name = spec.evaluation_id
    path = shared.layout.evaluation(name)
    with (
        only_process(shared.layout.locks, f"evaluation {name}", name=f"{name}.lock"),
        within_memory(shared.device, f"evaluation {name}", path),
    ):
        remove_leftovers(pictures_folder(shared.layout, spec))
        return _evaluate(spec, shared)


def _evaluate(spec: EvaluationSpec, shared: Shared) -> Result:
    """Return the result of one evaluation, whose lock is held."""
    layout, device = shared.layout, shared.device
    measurement = load_measurement(spec.measure)
    options = validate_options(spec.measure, spec.options)
    diverged = divergence_behind(spec, layout) if needs(spec.measure).run else None
    if diverged is not None:
        return note_divergence(spec, diverged, shared)
    context = Context(spec, shared, pictures_folder(layout, spec))
    if (published := published_result(spec, context)) is not None:
        return published
    start = time.perf_counter()
    run = load_trained(layout, spec.run, device) if needs(spec.measure).run else None
    checkpoint_sha256 = run.sha256 if run else None
    extractor_sha256 = context.extractor().sha256 if spec.extractor else None
    surrogate = context.surrogate()
    surrogate_sha256 = surrogate.sha256 if surrogate else None
    path = layout.evaluation(spec.evaluation_id)
    found = read_result(path)
    if (
        found is not None
        and is_current(
            found,
            spec,
            layout,
            checkpoint_sha256=checkpoint_sha256,
            extractor_sha256=extractor_sha256,
            surrogate_sha256=surrogate_sha256,
        )
        and not context.has_changed(found.data)
    ):
        return found
    check_code()
    for old in picture_hashes(context.pictures):
        (context.pictures / old).unlink()
    if run is not None:
        context.stand_ins.update(run.stand_ins)
        context.flags.update(run.failed)
    watch = Stopwatch(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        watch.start()
        values = measurement.measure(run, context, options)
        watch.stop()
    declared = needs(spec.measure).values
    if declared is not None and (more := {name.partition("@")[0] for name in values} - set(declared)):
        raise RuntimeError(
            f"src/repro/evaluate/{spec.measure}.py returns {more}: name them in its line VALUES"
        )
    if context.data != context.promised():  # its result would be taken for one of other images
        raise RuntimeError(f"{spec.measure} leaves out images that its options' `reads` name")
    strange = [name for name, value in values.items() if not isfinite(value)]
    if strange:
        raise ReproError(
            f"{spec.evaluation_id}: {', '.join(strange)} came out as not a finite number",
            remedy=f"look at the log of run {spec.run}: its training may have diverged",
            where=path,
        )
    pictures = picture_hashes(context.pictures)
    result = Result(
        spec=spec,
        values=values,
        stand_ins=context.all_stand_ins(),
        seconds=time.perf_counter() - start,
        device_seconds=watch.seconds,
        attack_seconds=context.watch.seconds,
        device=str(device),
        provenance=provenance(device),
        data=tuple(sorted(context.data, key=str)),
        checkpoint_sha256=checkpoint_sha256,
        extractor_sha256=extractor_sha256,
        surrogate_sha256=surrogate_sha256,
        threat_model=context.threat_model,
        flags=flags_in_order(context.flags),
        pictures=tuple(pictures),
        pictures_sha256=tuple(pictures.values()),
    )
    write_result(path, result)
    return result
