"""``docs/scale.md``: what a profile takes on 1, 8 and 64 GPUs, for a reader. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from repro.cost.scale import Estimate, Gpu, estimate
from repro.cost.schedule import schedule, widest
from repro.plan.batches import Batches
from repro.plan.plan import Plan

MACHINES = (1, 8, 64)
GIB = 1024
TEXT = """\
# The profile `{profile}` at scale, on paper

Printed by `repro scale --profile {profile} --device "{device}"`.
Each number is counted from the plan, measured or predicted, and says which; what is neither is unknown.
**Hours are lower bounds**: what is unknown takes no time here, what is predicted takes the device's peak.
Trainings alone that stop early (GAT's, ledger `gat.stopping`) are counted at their longest.

## Jobs

| jobs | number | work | their seconds |
|---|---:|---:|---|
| train | {trainings} | {runs} runs | {measured} runs measured, {predicted} predicted, {unknown} unknown |
| evaluate | {evaluations} | {measurements} measurements | unknown: none was timed on this device |
| draw | {artefacts} | {artefacts} artefacts | a processor's, not counted |

Measured: in `config/rates.yaml` for this device. Predicted: the operations of a step's products and
convolutions (`config/steps.yaml`, counted on torch's device meta by `repro scale --steps`) over the peak
(`config/gpus.yaml`). Runs of unknown seconds: {recipes}. What only searches ask for is not counted.

## GPUs

{device}: {peak:g} x 10^12 operations a second in {precision}
({source}).
The share of it that training reaches is unknown; at a tenth of it all hours are ten times as many. A job has
one GPU to itself, or one for each of its `processes`, among which its time is divided; whenever enough are
free they take the job that the longest chain of others waits for (`src/repro/cost/schedule.py`).

| GPUs | hours until all is trained, at least | work / GPUs | longest chain of jobs |
|---:|---:|---:|---:|
{schedules}

| paper | runs | GPU-hours, at least |
|---|---:|---:|
{papers}

## Disk

- checkpoints {checkpoints:.1f} GiB, snapshots {snapshots:.1f} GiB: predicted from `config/steps.yaml`;
  of {unsized} runs unknown
- logs, results, pictures: unknown
- images as bytes, one a channel and pixel: predicted from the catalogue; archives and decoded copies come
  on top

| data set | GiB |
|---|---:|
{images}

## Network

Where machines share a disk, trainings read {read:.0f} GiB of images, each job its split once (predicted), and
write each checkpoint at least once; one comes every five minutes, so a run of an hour writes its own twelve
times. What measurements read is unknown.
"""


def scale_page(plan: Plan, batches: Batches, config: Path, gpu: Gpu) -> str:
    """Return the page."""
    found, profile = estimate(plan, batches, config, gpu), plan.config.profile
    papers = sorted(found.of_paper.items())
    recipes = ", ".join(f"{recipe} ({n})" for recipe, n in sorted(found.unknown.items()) if n)
    return TEXT.format(
        profile=profile.name,
        device=gpu.device,
        trainings=found.trainings,
        runs=found.runs.total(),
        **{source: found.runs[source] for source in ("measured", "predicted", "unknown")},
        evaluations=len(found.jobs) - found.trainings,
        measurements=found.measurements,
        artefacts=len(plan.cells),
        recipes=recipes or "none",
        peak=getattr(gpu, profile.precision),
        precision=profile.precision,
        source=gpu.source,
        schedules=_schedules(found),
        papers="\n".join(f"| {paper} | {len(times)} | {_hours(sum(times))} |" for paper, times in papers),
        checkpoints=found.checkpoints / GIB,
        snapshots=found.snapshots / GIB,
        unsized=found.unsized,
        images="\n".join(f"| {name} | {mib / GIB:.1f} |" for name, mib in found.images.items() if mib),
        read=found.read / GIB,
    )


def _schedules(found: Estimate) -> str:
    lines, most = [], widest(found.jobs)
    for machines in MACHINES:
        if machines < most:
            lines.append(f"| {machines} | a job takes {most} | | |")
            continue
        made = schedule(found.jobs, machines)
        lengths = (made.seconds, made.work / machines, made.longest_chain)
        lines.append(f"| {machines} | {' | '.join(map(_hours, lengths))} |")
    return "\n".join(lines)


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f}" if hours >= 1 or not hours else f"{hours:.2g}"
